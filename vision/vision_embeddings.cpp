#include "vision/vision_embeddings.h"

#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/check.h"
#include "common/parameter_scope.h"

namespace nvlm::vision {

void truncated_normal_(const Tensor& parameter, double deviation) {
  if (!initialises_parameters()) return;
  const torch::NoGradGuard no_grad;
  // erf(2 / sqrt(2)): the mass of a normal distribution within two deviations.
  const double mass = std::erf(std::sqrt(2.0));
  parameter.uniform_(-mass, mass).erfinv_().mul_(deviation * std::sqrt(2.0));
}

double position_frequency(int64_t wave, int64_t waves) {
  constexpr double kSlowest = 1.0 / 64;  // a grid of 32 stays within a half turn
  const auto last = static_cast<double>(std::max<int64_t>(waves - 1, 1));
  return std::pow(kSlowest, static_cast<double>(wave) / last);
}

Tensor grid_positions(int64_t grid, int64_t hidden) {
  constexpr double kAmplitude = 0.5;  // beside patch embeddings of deviation about 0.5
  const int64_t waves = hidden / 4;   // sine and cosine, by row and by column
  std::vector<float> frequencies;
  for (int64_t i = 0; i < waves; ++i) {
    frequencies.push_back(static_cast<float>(position_frequency(i, waves)));
  }
  const Tensor angles =
      at::arange(grid, at::kFloat).unsqueeze(1) * at::tensor(frequencies);  // [grid, waves]
  const Tensor along = at::cat({angles.sin(), angles.cos()}, 1);            // [grid, 2 * waves]
  const Tensor by_row = along.unsqueeze(1).expand({grid, grid, -1});
  const Tensor by_column = along.unsqueeze(0).expand({grid, grid, -1});
  Tensor positions = at::zeros({grid * grid, hidden});
  positions.narrow(1, 0, 4 * waves)
      .copy_(at::cat({by_row, by_column}, 2).flatten(0, 1).mul(kAmplitude));
  return positions;
}

PatchEmbeddingImpl::PatchEmbeddingImpl(int64_t hidden, int64_t patch_size, bool has_bias)
    : patch_size_(patch_size) {
  weight_ = register_parameter("weight", new_parameter({hidden, 3, patch_size, patch_size}));
  if (has_bias) bias_ = register_parameter("bias", new_parameter({hidden}, 0));
  truncated_normal_(weight_, 1 / std::sqrt(3.0 * patch_size * patch_size));
}

Tensor PatchEmbeddingImpl::forward(const Tensor& pixel_values) {
  const int64_t tiles = pixel_values.size(0), size = patch_size_;
  const int64_t rows = pixel_values.size(2) / size, columns = pixel_values.size(3) / size;
  const Tensor patches = pixel_values.reshape({tiles, 3, rows, size, columns, size})
                             .permute({0, 2, 4, 1, 3, 5})  // [tiles, rows, columns, 3, size, size]
                             .reshape({tiles, rows * columns, 3 * size * size});
  const std::optional<Tensor> bias = bias_.defined() ? std::optional<Tensor>(bias_) : std::nullopt;
  return at::linear(patches, weight_.flatten(1), bias);
}

VisionEmbeddingsImpl::VisionEmbeddingsImpl(const VisionConfig& config) : config_(config) {
  class_embedding_ = register_parameter("class_embedding", new_parameter({1, 1, config.hidden}));
  position_embedding_ = register_parameter("position_embedding",
                                           new_parameter({1, 1 + config.patches(), config.hidden}));
  if (config.stem_channels > 0) {
    stem_ = register_module("stem", ConvolutionalStem(config));
  } else {
    patch_embedding_ = register_module(
        "patch_embedding", PatchEmbedding(config.hidden, config.patch_size, /*has_bias=*/true));
  }
  truncated_normal_(class_embedding_);
  if (!initialises_parameters()) return;
  const torch::NoGradGuard no_grad;
  position_embedding_.zero_();
  position_embedding_[0].slice(0, 1).copy_(grid_positions(config.grid(), config.hidden));
}

Tensor VisionEmbeddingsImpl::forward(const Tensor& pixel_values) {
  expect_shape(pixel_values, {-1, 3, -1, -1}, "vision: pixel_values");
  const int64_t size = config_.patch_size;
  const int64_t rows = pixel_values.size(2) / size, columns = pixel_values.size(3) / size;
  TORCH_CHECK(rows > 0 && columns > 0 && rows * size == pixel_values.size(2) &&
                  columns * size == pixel_values.size(3),
              "vision: pixel_values is ", pixel_values.sizes(), ", expected multiples of ", size,
              " pixels");
  const Tensor position = positions(rows, columns);
  const Tensor embedded = stem_.is_empty() ? patch_embedding_(pixel_values) : stem_(pixel_values);
  const Tensor patches = embedded + position.narrow(1, 1, rows * columns);
  const Tensor first = class_embedding_ + position.narrow(1, 0, 1);  // [1, 1, hidden]
  return at::cat({first.expand({pixel_values.size(0), -1, -1}), patches}, 1);
}

Tensor VisionEmbeddingsImpl::positions(int64_t rows, int64_t columns) const {
  const int64_t grid = config_.grid();
  if (rows == grid && columns == grid) return position_embedding_;
  const Tensor table = position_embedding_.narrow(1, 1, grid * grid)
                           .transpose(1, 2)
                           .reshape({1, config_.hidden, grid, grid});
  const auto dtype = table.scalar_type();
  const bool is_low_precision = dtype == at::kBFloat16 || dtype == at::kHalf;
  const Tensor resized =
      at::upsample_bicubic2d(is_low_precision ? table.to(at::kFloat) : table, {rows, columns},
                             /*align_corners=*/false)
          .to(dtype)
          .flatten(2)
          .transpose(1, 2);  // [1, rows * columns, hidden]
  return at::cat({position_embedding_.narrow(1, 0, 1), resized}, 1);
}

}  // namespace nvlm::vision
