// Teaches a multimodal model to transcribe tables: NVLM's two stages, for every variant.
#pragma once

#include <filesystem>
#include <optional>

#include "decoder/tokenizer/tokenizer.h"
#include "experiments/tasks/attention_guide.h"
#include "experiments/tasks/feature_cache.h"
#include "experiments/tasks/mixture.h"
#include "experiments/training/training_task.h"
#include "fusion/multimodal_model.h"

namespace nvlm::experiments {

/// What each stage trains (NVLM §4.3). The vision encoder is frozen in both.
enum class FusionStage {
  kPretrain,  // projector and cross-attention
  kSft,       // decoder, projector and cross-attention; text-only data mixed in
};

/// fusion-pretrain and fusion-sft. Sample `i` shows the same table to every variant.
class FusionTask : public TrainingTask {
 public:
  /// model            in float32
  /// encoder_dtype    the frozen encoder computes in it
  /// feature_cache    folder for the encoder's features; empty = compute them every time
  /// tokenizer_json   the tokenizer's file; it is copied into every checkpoint
  FusionTask(fusion::MultimodalModel model, const std::filesystem::path& tokenizer_json,
             FusionStage stage, const MixtureConfig& mixture, const GuidanceConfig& guidance,
             at::Device device, at::ScalarType encoder_dtype,
             const std::filesystem::path& feature_cache);

  torch::nn::Module& model() override { return *model_; }
  FreezePlan freeze_plan() const override;
  std::any prepare(const BatchRequest& request) const override;
  TaskLoss loss(const std::any& batch) override;
  void save(const std::filesystem::path& dir) override;

 private:
  fusion::MultimodalModel model_{nullptr};
  std::filesystem::path tokenizer_json_;
  decoder::Tokenizer tokenizer_;
  fusion::PromptBuilder prompts_;
  FusionStage stage_;
  MixtureConfig mixture_;
  GuidanceConfig guidance_;
  at::Device device_;
  std::optional<FeatureCache> cache_;
};

}  // namespace nvlm::experiments
