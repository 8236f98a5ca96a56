// Teaches a multimodal model to transcribe tables: NVLM's two stages, for every variant.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "decoder/tokenizer/tokenizer.h"
#include "experiments/tasks/attention_guide.h"
#include "experiments/tasks/coded_features.h"
#include "experiments/tasks/feature_cache.h"
#include "experiments/tasks/mixture.h"
#include "experiments/training/training_task.h"
#include "fusion/multimodal_model.h"

namespace nvlm::experiments {

/// What each stage trains (NVLM §4.3). The vision encoder is frozen in both.
enum class FusionStage {
  kPretrain,   // projector and cross-attention
  kSft,        // decoder, projector and cross-attention; text-only data mixed in
  kFrozenSft,  // the same data, but the decoder stays as it is (for the ablation)
};

/// What the decoder is asked for in samples of text alone.
inline constexpr const char* kTextQuestion = "Write about tables.";

/// Where tile features come from.
enum class FeatureSource {
  kEncoder,  // the frozen encoder reads the pictures
  kCode,     // made from the renderer's labels, as an imperfect reader would give them; no pixels
};

/// What a fusion run sees of its pictures.
struct FeatureConfig {
  FeatureSource source = FeatureSource::kEncoder;
  double legible_height = 0;  // pixels, of coded features; see CodedFeatures
  std::string cache;          // folder that runs share for the encoder's features; empty = none
};

/// Registers every field as `features.<field>`.
void register_options(ConfigSchema& schema, FeatureConfig& config);

/// fusion-pretrain, fusion-align and fusion-sft. Sample `i` shows the same table to every variant.
class FusionTask : public TrainingTask {
 public:
  /// model            in float32
  /// encoder_dtype    the frozen encoder computes in it
  /// tokenizer_json   the tokenizer's file; it is copied into every checkpoint
  FusionTask(fusion::MultimodalModel model, const std::filesystem::path& tokenizer_json,
             FusionStage stage, const MixtureConfig& mixture, const GuidanceConfig& guidance,
             const FeatureConfig& features, at::Device device, at::ScalarType encoder_dtype);

  torch::nn::Module& model() override { return *model_; }
  FreezePlan freeze_plan() const override;
  std::vector<std::any> prepare(const BatchRequest& request) const override;
  TaskLoss loss(const std::any& pass) override;
  void save(const std::filesystem::path& dir) override;
  void recompute_activations(bool enabled) override;

  fusion::MultimodalModel& multimodal() { return model_; }
  const decoder::Tokenizer& tokenizer() const { return tokenizer_; }
  /// What makes tile features from labels; null where the encoder makes them from pixels.
  const CodedFeatures* coded_features() const { return coded_ ? &*coded_ : nullptr; }
  /// Floating-point operations of the products that `pass`, one of those that prepare() returned,
  /// takes (ledger.h, with fused attention): forward and backward, without the guidance, and
  /// without the encoder, whose features may come from labels or from the cache.
  double step_flops(const std::any& pass) const;

 private:
  fusion::MultimodalModel model_{nullptr};
  std::filesystem::path tokenizer_json_;
  decoder::Tokenizer tokenizer_;
  fusion::PromptBuilder prompts_;
  FusionStage stage_;
  MixtureConfig mixture_;
  GuidanceConfig guidance_;
  at::Device device_;
  std::optional<CodedFeatures> coded_;  // with FeatureSource::kCode
  std::optional<FeatureCache> cache_;
  bool recomputes_ = false;
};

}  // namespace nvlm::experiments
