// Teaches the vision encoder to read: dense glyph labels, one cross-entropy per patch.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include "experiments/tasks/mixture.h"
#include "experiments/training/training_task.h"
#include "vision/tiling.h"
#include "vision/vision_encoder.h"

namespace nvlm::experiments {

/// The encoder with a linear head that names up to three characters per patch, left to right.
class GlyphReaderImpl : public torch::nn::Module {
 public:
  explicit GlyphReaderImpl(const vision::VisionConfig& config);

  /// pixel_values  [tiles, 3, size, size], normalised
  /// returns       [tiles, patches, 3, classes], logits
  Tensor forward(const Tensor& pixel_values);

  vision::VisionEncoder vision_model{nullptr};

 private:
  torch::nn::Linear glyph_head_{nullptr};
};
TORCH_MODULE(GlyphReader);

/// reader-pretrain: pictures of tables (all their tiles and the thumbnail) and dense text blocks.
class ReaderTask : public TrainingTask {
 public:
  ReaderTask(const vision::VisionConfig& vision, const vision::TilingConfig& tiling,
             const MixtureConfig& mixture, at::Device device);

  torch::nn::Module& model() override { return *reader_; }
  std::any prepare(const BatchRequest& request) const override;
  TaskLoss loss(const std::any& batch) override;
  /// Writes the encoder alone, as an InternViT checkpoint (config.json, model.safetensors), and the
  /// whole reader as reader.safetensors.
  void save(const std::filesystem::path& dir) override;

 private:
  vision::TilingConfig tiling_;
  MixtureConfig mixture_;
  at::Device device_;
  GlyphReader reader_{nullptr};
};

}  // namespace nvlm::experiments
