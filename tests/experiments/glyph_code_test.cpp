// The code that the encoder learns to write, and where the encoder starts.
#include "experiments/tasks/glyph_code.h"

#include <doctest/doctest.h>

#include "common/random.h"
#include "experiments/data/charset.h"
#include "experiments/data/glyph_labels.h"
#include "experiments/tasks/local_start.h"
#include "vision/tiling.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kHidden = 192, kGrid = 4, kPatches = kGrid * kGrid;

/// Random characters, none in every other place.
Tensor random_labels(Random& random, int64_t tiles) {
  Tensor labels = at::zeros({tiles, kPatches, kLabelsPerPatch}, at::kLong);
  auto entries = labels.accessor<int64_t, 3>();
  for (int64_t tile = 0; tile < tiles; ++tile) {
    for (int64_t patch = 0; patch < kPatches; ++patch) {
      for (int64_t slot = 0; slot < kLabelsPerPatch && random.chance(0.5); ++slot) {
        entries[tile][patch][slot] = random.integer(1, kNumClasses - 1);
      }
    }
  }
  return labels;
}

}  // namespace

TEST_CASE("a glyph code can be read back, whatever stands in the other places of the patch") {
  Random random(11);
  const GlyphCode code(kHidden, kGrid);
  const Tensor labels = random_labels(random, 3);
  const Tensor logits = code.logits(code.encode(labels));  // [tiles, patches, 3, classes - 1]
  CHECK(logits.size(-1) == kNumClasses - 1);
  const Tensor is_glyph = labels != 0;
  CHECK(is_glyph.sum().item<int64_t>() > 20);
  CHECK(at::equal((logits.argmax(-1) + 1).masked_select(is_glyph), labels.masked_select(is_glyph)));
}

TEST_CASE("the code book is the same in every run") {
  const Tensor blank = at::zeros({1, kPatches, kLabelsPerPatch}, at::kLong);
  Tensor labels = blank.clone();
  labels[0][0][0] = character_class(U'A');
  const GlyphCode code(kHidden, kGrid), again(kHidden, kGrid);
  CHECK(at::equal(code.encode(labels), again.encode(labels)));
  // A character adds signs to its patch, and to no other.
  const Tensor added = code.encode(labels) - code.encode(blank);
  CHECK((added[0][0].abs() - 1).abs().max().item<double>() < 1e-6);
  CHECK(added[0].slice(0, 1).abs().max().item<double>() == 0);
}

TEST_CASE("reading errors fade and mix codes as often as they say, from the random stream alone") {
  Random labels_from(12);
  const GlyphCode code(kHidden, kGrid);
  const Tensor labels = random_labels(labels_from, 2);
  const Tensor clean = code.encode(labels);
  Random a(1), b(1);
  const std::vector<ReadingErrors> none(2), some{{0.5, 0.0}, {0.0, 0.3}};
  CHECK(at::equal(code.encode_with_errors(labels, none, a), clean));
  a = Random(1);
  const Tensor noisy = code.encode_with_errors(labels, some, a);
  CHECK(at::equal(noisy, code.encode_with_errors(labels, some, b)));
  const Tensor misread = (noisy[0] - clean[0]).abs().amax(-1) > 0;  // [patches]
  const Tensor has_glyph = (labels[0] != 0).any(-1);
  CHECK_FALSE(misread.logical_and(has_glyph.logical_not()).any().item<bool>());
  CHECK(misread.any().item<bool>());
  CHECK_FALSE(at::equal(misread, has_glyph));
  CHECK((noisy[1] - clean[1]).std().item<double>() == doctest::Approx(0.3).epsilon(0.1));
  CHECK_THROWS_AS(code.encode_with_errors(labels, {{}}, a), c10::Error);
}

TEST_CASE("a local start makes each head look at a neighbour, and white paper embed to nothing") {
  vision::VisionConfig config;
  config.hidden = 64;
  config.layers = 2;
  config.heads = 4;
  config.ffn_hidden = 32;
  config.image_size = 112;  // 8 x 8 patches
  vision::VisionEncoder encoder(config);
  start_local(*encoder);
  const c10::NoGradGuard no_grad;

  const Tensor positions = vision::grid_positions(8, 64);  // [patches, hidden]
  const int64_t row = 3, column = 4;
  const std::vector<std::pair<int64_t, int64_t>> neighbours{{0, -1}, {0, 1}, {-1, 0}, {1, 0}};
  for (const std::string layer : {"0", "1"}) {
    const Tensor qkv = encoder->named_parameters()["encoder.layers." + layer + ".attn.qkv.weight"];
    for (int64_t head = 0; head < 4; ++head) {
      CAPTURE(head);
      const Tensor query = qkv.narrow(0, 16 * head, 16).matmul(positions[row * 8 + column]);
      const Tensor keys = positions.matmul(qkv.narrow(0, 64 + 16 * head, 16).t());  // [patches, 16]
      const auto& [dr, dc] = neighbours[static_cast<size_t>(head)];
      CHECK(keys.matmul(query).argmax().item<int64_t>() == (row + dr) * 8 + column + dc);
    }
  }

  const Tensor white = at::full({1, 112, 112, 3}, 255, at::kByte);
  const Tensor embedded = encoder->hidden_states(vision::normalise_tiles(white)).front()[0];
  CHECK((embedded.slice(0, 1) - positions).abs().max().item<double>() < 1e-4);
}

}  // namespace nvlm::experiments
