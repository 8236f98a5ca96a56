#include "experiments/tasks/local_start.h"

#include <c10/core/GradMode.h>

#include <array>
#include <cmath>
#include <string>

#include "common/check.h"
#include "vision/tiling.h"

namespace nvlm::experiments {
namespace {

struct Offset {
  double rows, columns;
};

/// The eight neighbours, nearest first.
constexpr std::array<Offset, 8> kNeighbours{
    {{0, -1}, {0, 1}, {-1, 0}, {1, 0}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}}};

/// Of queries and of keys: sharp enough to prefer a neighbour, soft enough to learn from the
/// others.
constexpr double kQueryScale = 2.4;
constexpr double kBranchScale = 0.3;
constexpr double kPatchDeviation = 0.0105;  // patches with ink then embed to a deviation near 0.5

/// Queries and keys of one head from the columns of vision::grid_positions(): one half of the head
/// compares rows, the other half columns, in the fastest waves.
/// query, key  [head_dim, hidden], zero; their rows are filled
void look_at(const Tensor& query, const Tensor& key, const Offset& offset) {
  const int64_t head_dim = query.size(0), waves = query.size(1) / 4, used = head_dim / 4;
  TORCH_CHECK(used >= 1, "local start: heads are ", head_dim, " wide, expected at least 4");
  int64_t row = 0;
  for (const auto& [first_column, distance] :
       {std::pair{int64_t{0}, offset.rows}, std::pair{2 * waves, offset.columns}}) {
    for (int64_t i = 0; i < used; ++i, row += 2) {
      const double angle = vision::position_frequency(i, waves) * distance;
      const double turned_sine = std::sin(angle), turned_cosine = std::cos(angle);
      const int64_t sine = first_column + i, cosine = first_column + waves + i;
      query[row][sine] = kQueryScale * turned_cosine;
      query[row][cosine] = kQueryScale * turned_sine;
      query[row + 1][cosine] = kQueryScale * turned_cosine;
      query[row + 1][sine] = -kQueryScale * turned_sine;
      key[row][sine] = kQueryScale;
      key[row + 1][cosine] = kQueryScale;
    }
  }
}

void start_patches(const Tensor& weight, const Tensor& bias) {
  weight.normal_(0, kPatchDeviation);
  const Tensor per_channel = weight.sum({2, 3});  // [hidden, 3]
  std::array<float, 3> white{};
  for (size_t c = 0; c < white.size(); ++c) {
    white[c] = static_cast<float>((1 - vision::kImageNetMean[c]) / vision::kImageNetDeviation[c]);
  }
  bias.copy_(per_channel.matmul(at::tensor(white)).neg());
}

}  // namespace

void start_local(vision::VisionEncoderImpl& encoder) {
  const c10::NoGradGuard no_grad;
  const vision::VisionConfig& config = encoder.config();
  const auto parameters = encoder.named_parameters();
  if (config.stem_channels == 0) {
    start_patches(parameters["embeddings.patch_embedding.weight"],
                  parameters["embeddings.patch_embedding.bias"]);
  }
  const int64_t width = config.attention_width(), head_dim = config.head_dim();
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    const std::string prefix = "encoder.layers." + std::to_string(layer) + ".";
    const Tensor qkv = parameters[prefix + "attn.qkv.weight"];  // [3 * width, hidden]
    qkv.narrow(0, 0, 2 * width).zero_();
    for (int64_t head = 0; head < config.heads; ++head) {
      look_at(qkv.narrow(0, head * head_dim, head_dim),
              qkv.narrow(0, width + head * head_dim, head_dim),
              kNeighbours[static_cast<size_t>(head) % kNeighbours.size()]);
    }
    parameters[prefix + "attn.proj.weight"].mul_(kBranchScale);
    parameters[prefix + "mlp.fc2.weight"].mul_(kBranchScale);
  }
}

}  // namespace nvlm::experiments
