// Teaches a multimodal model to transcribe tables: NVLM's two stages, for every variant.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "decoder/language_model_loss.h"
#include "decoder/tokenizer/tokenizer.h"
#include "experiments/efficiency/ledger.h"
#include "experiments/tasks/attention_guide.h"
#include "experiments/tasks/bad_sample_ledger.h"
#include "experiments/tasks/coded_features.h"
#include "experiments/tasks/feature_cache.h"
#include "experiments/tasks/fusion_pass.h"
#include "experiments/tasks/mixture.h"
#include "experiments/tasks/sample_stream.h"
#include "experiments/training/training_task.h"
#include "fusion/multimodal_model.h"

namespace nvlm::experiments {

/// What each stage trains (NVLM §4.3). The vision encoder is frozen in both, unless `rates.encoder`
/// says otherwise.
enum class FusionStage {
  kPretrain,   // projector and cross-attention
  kSft,        // decoder, projector and cross-attention; text-only data mixed in
  kFrozenSft,  // the same data, but the decoder stays as it is (for the ablation)
};

/// Where tile features come from.
enum class FeatureSource {
  kEncoder,  // the encoder reads the pictures
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

/// Learning rates of a model's parts, in units of the run's.
struct RateConfig {
  double encoder = 0;  // 0 = frozen
  double projector = 1, cross_attention = 1, decoder = 1;
};

/// Registers every field as `rates.<field>`.
void register_options(ConfigSchema& schema, RateConfig& config);

/// What a fusion run learns from, and how.
struct FusionTaskConfig {
  FusionStage stage = FusionStage::kSft;
  MixtureConfig mixture;
  SourceConfig sources;
  GuidanceConfig guidance;
  FeatureConfig features;
  RateConfig rates;
};

/// A multimodal model and its samples. Sample `i` shows the same picture to every variant.
class FusionTask : public TrainingTask {
 public:
  /// model            in float32
  /// encoder_dtype    the encoder computes in it while it is frozen
  /// tokenizer_json   the tokenizer's file; it is copied into every checkpoint
  /// throws           std::runtime_error if the tokenizer lacks the tokens of the model's prompts;
  ///                  UsageError as open_sources(), for sources that the stage or the features
  ///                  cannot use, and for features that a trained encoder cannot have
  FusionTask(fusion::MultimodalModel model, const std::filesystem::path& tokenizer_json,
             const FusionTaskConfig& config, at::Device device, at::ScalarType encoder_dtype);

  torch::nn::Module& model() override { return *model_; }
  FreezePlan freeze_plan() const override;
  std::vector<std::any> prepare(const BatchRequest& request) const override;
  int64_t kind(const BatchRequest& request) const override;
  TaskLoss loss(const std::any& pass) override;
  void save(const std::filesystem::path& dir) override;
  /// Keeps run_dir/bad_samples.jsonl (bad_sample_ledger.h).
  void begin(const std::filesystem::path& run_dir, int64_t samples) override;
  std::map<std::string, int64_t> totals() const override;
  std::string describe(const std::any& pass) const override;
  std::filesystem::path dump(const std::any& pass,
                             const std::filesystem::path& stem) const override;
  void recompute_activations(bool enabled) override;
  std::optional<PassCost> cost(const std::any& pass) const override;
  /// "loss": nats per token of the held-out samples, if data.validation_samples asks for any.
  std::map<std::string, double> validate() override;

  fusion::MultimodalModel& multimodal() { return model_; }
  const decoder::Tokenizer& tokenizer() const { return tokenizer_; }
  /// What makes tile features from labels; null where the encoder makes them from pixels.
  const CodedFeatures* coded_features() const { return coded_ ? &*coded_ : nullptr; }
  /// Floating-point operations of the products that `pass`, one of those that prepare() returned,
  /// takes (ledger.h, with fused attention): forward and backward, without the guidance. The
  /// encoder counts where it reads the pictures, unless a cache may have its features.
  double step_flops(const std::any& pass) const;

 private:
  /// Whether a batch is text alone. Without sources of its own a run gets whole batches of it:
  /// documents are longer than tables and would fill every batch with padding.
  bool is_text(const BatchRequest& request) const;
  FusionSample prepare_sample(Sample sample, Random& random) const;
  BatchShape shape_of_pass(const fusion::PromptBatch& prompts) const;
  bool trains_encoder() const { return config_.rates.encoder > 0; }
  TrainedParts trained_parts() const;
  /// Cross-entropy of the answers; `probe` may be null.
  decoder::LossSum answer_loss(const FusionPass& pass, decoder::AttentionProbe* probe);
  /// The longest prompt that is learnt from, tokens.
  int64_t most_tokens() const;

  fusion::MultimodalModel model_{nullptr};
  std::filesystem::path tokenizer_json_;
  decoder::Tokenizer tokenizer_;
  fusion::PromptBuilder prompts_;
  FusionTaskConfig config_;
  SampleStream samples_;
  std::optional<SampleStream> validation_;
  BadSampleLedger bad_samples_;
  at::Device device_;
  std::optional<CodedFeatures> coded_;  // with FeatureSource::kCode
  std::optional<FeatureCache> cache_;
  at::ScalarType dtype_;  // of the products
  bool recomputes_ = false;
};

}  // namespace nvlm::experiments
