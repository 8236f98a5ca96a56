// Teaches the vision encoder to read: dense glyph labels, the code of each patch.
#pragma once

#include "experiments/tasks/glyph_code.h"
#include "experiments/tasks/mixture.h"
#include "experiments/training/training_task.h"
#include "vision/tiling.h"
#include "vision/vision_encoder.h"

namespace nvlm::experiments {

/// reader-pretrain: tiles of table pictures and dense text blocks. Each patch's hidden state is
/// drawn towards its GlyphCode, by cross-entropy over the characters and by squared error.
class ReaderTask : public TrainingTask {
 public:
  ReaderTask(const vision::VisionConfig& vision, const vision::TilingConfig& tiling,
             const MixtureConfig& mixture, at::Device device);

  torch::nn::Module& model() override { return *encoder_; }
  std::vector<std::any> prepare(const BatchRequest& request) const override;
  TaskLoss loss(const std::any& batch) override;
  /// Writes the encoder as an InternViT checkpoint (config.json, model.safetensors).
  void save(const std::filesystem::path& dir) override;

 private:
  vision::TilingConfig tiling_;
  MixtureConfig mixture_;
  at::Device device_;
  vision::VisionEncoder encoder_{nullptr};
  GlyphCode code_;
};

}  // namespace nvlm::experiments
