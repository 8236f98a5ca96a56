#include "experiments/tasks/glyph_code.h"

#include <ATen/CPUGeneratorImpl.h>

#include "common/check.h"
#include "experiments/data/charset.h"
#include "experiments/data/glyph_labels.h"
#include "vision/vision_embeddings.h"

namespace nvlm::experiments {
namespace {

constexpr uint64_t kCodeSeed = 20240917;  // fixed: the code is part of every trained reader

/// Logit of a character whose code is present in full.
constexpr double kSharpness = 16;

}  // namespace

GlyphCode::GlyphCode(int64_t hidden, int64_t grid, at::Device device) {
  Tensor signs = at::empty({kLabelsPerPatch * kNumClasses, hidden}, at::kFloat);
  auto entries = signs.accessor<float, 2>();
  for (int64_t row = 0; row < signs.size(0); ++row) {
    Random random(kCodeSeed, static_cast<uint64_t>(row));
    const bool is_character = row % kNumClasses != 0;
    for (int64_t i = 0; i < hidden; ++i) {
      const float sign = random.chance(0.5) ? 1.0F : -1.0F;
      entries[row][i] = is_character ? sign : 0.0F;
    }
  }
  characters_ = signs.to(device);
  slot_offsets_ = at::arange(kLabelsPerPatch, at::kLong).mul(kNumClasses).to(device);
  positions_ = vision::grid_positions(grid, hidden).to(device);
}

Tensor GlyphCode::encode(const Tensor& labels) const {
  expect_shape(labels, {-1, positions_.size(0), kLabelsPerPatch}, "glyph code: labels");
  const Tensor codes =
      characters_.index_select(0, (labels + slot_offsets_).flatten())
          .view({labels.size(0), labels.size(1), kLabelsPerPatch, characters_.size(1)});
  return codes.sum(2) + positions_;
}

Tensor GlyphCode::encode_with_errors(const Tensor& labels, const std::vector<ReadingErrors>& errors,
                                     Random& random) const {
  TORCH_CHECK(static_cast<int64_t>(errors.size()) == labels.size(0), "glyph code: errors of ",
              errors.size(), " tiles, expected ", labels.size(0));
  Tensor code = encode(labels).contiguous();
  const int64_t hidden = code.size(2);
  const auto classes = labels.accessor<int64_t, 3>();
  const auto book = characters_.accessor<float, 2>();
  auto out = code.accessor<float, 3>();
  for (int64_t tile = 0; tile < labels.size(0); ++tile) {
    const ReadingErrors& error = errors[static_cast<size_t>(tile)];
    for (int64_t patch = 0; patch < labels.size(1); ++patch) {
      for (int64_t slot = 0; slot < kLabelsPerPatch; ++slot) {
        const int64_t character = classes[tile][patch][slot];
        if (character == 0 || !random.chance(error.misread)) continue;
        // Doubt, not only confusion: the code fades, and another one may shine through.
        const auto lost = static_cast<float>(random.uniform(0.2, 1));
        const int64_t other =
            slot * kNumClasses + (random.chance(0.7) ? random.integer(1, kNumClasses - 1) : 0);
        for (int64_t i = 0; i < hidden; ++i) {
          out[tile][patch][i] += lost * (book[other][i] - book[slot * kNumClasses + character][i]);
        }
      }
    }
    at::Generator generator = at::detail::createCPUGenerator(random.next());
    code[tile].add_(at::randn(code[tile].sizes(), generator, code.options()), error.noise);
  }
  return code;
}

Tensor GlyphCode::logits(const Tensor& hidden) const {
  expect_shape(hidden, {-1, positions_.size(0), characters_.size(1)}, "glyph code: hidden");
  const double scale = kSharpness / static_cast<double>(characters_.size(1));
  const Tensor scores = at::linear(hidden - positions_, characters_ * scale).to(at::kFloat);
  return scores.unflatten(-1, {kLabelsPerPatch, kNumClasses}).narrow(-1, 1, kNumClasses - 1);
}

}  // namespace nvlm::experiments
