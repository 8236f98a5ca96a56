#include "experiments/tasks/fusion_task.h"

#include <c10/core/GradMode.h>

#include <sstream>

#include "decoder/language_model_loss.h"
#include "eval/readers/model_reader.h"
#include "experiments/data/text_corpus.h"
#include "fusion/multimodal_checkpoint.h"

namespace nvlm::experiments {
namespace {

constexpr const char* kTextQuestion = "Write about tables.";

struct FusionBatch {
  std::string key;  // names the pictures for the feature cache
  Tensor tiles;     // uint8 [tiles, size, size, 3]; undefined for a batch of text
  fusion::PromptBatch prompts;
  std::vector<GuideTarget> targets;
};

}  // namespace

FusionTask::FusionTask(fusion::MultimodalModel model, const std::filesystem::path& tokenizer_json,
                       FusionStage stage, const MixtureConfig& mixture,
                       const GuidanceConfig& guidance, at::Device device,
                       at::ScalarType encoder_dtype, const std::filesystem::path& feature_cache)
    : model_(std::move(model)),
      tokenizer_json_(tokenizer_json),
      tokenizer_(decoder::Tokenizer::from_file(tokenizer_json)),
      prompts_(tokenizer_, model_->config().prompt()),
      stage_(stage),
      mixture_(mixture),
      guidance_(guidance),
      device_(device) {
  model_->to(device_);
  model_->vision_model->to(encoder_dtype);
  if (!feature_cache.empty()) cache_.emplace(feature_cache, model_->vision_model);
}

FreezePlan FusionTask::freeze_plan() const {
  FreezePlan plan;
  plan.trainable = {"mlp1"};
  if (prompts_.config().routing.uses_memory()) {
    plan.trainable.push_back("cross_attention");
    if (model_->config().fusion.num_tile_positions > 0) plan.trainable.push_back("tile_positions");
  }
  if (stage_ == FusionStage::kSft) plan.trainable.push_back("language_model");
  return plan;
}

std::any FusionTask::prepare(const BatchRequest& request) const {
  const vision::TilingConfig& tiling = model_->config().preprocessor.tiling;
  const int64_t patch = model_->config().vision.patch_size;
  std::vector<Tensor> tiles;
  std::vector<fusion::Prompt> prompts;
  FusionBatch batch;
  std::ostringstream key;
  key << "seed " << request.seed << " samples " << request.first_sample << "+"
      << request.num_samples << " easy " << mixture_.easy << " medium " << mixture_.medium
      << " hard " << mixture_.hard << " text " << mixture_.text_only << " stage "
      << static_cast<int>(stage_) << " tiles " << tiling.max_tiles;
  batch.key = key.str();
  for (int64_t i = 0; i < request.num_samples; ++i) {
    Random random = training_random(request.seed, request.first_sample + i);
    if (stage_ == FusionStage::kSft && random.chance(mixture_.text_only)) {
      prompts.push_back(prompts_.build(kTextQuestion, {}, corpus_document(random)));
      continue;
    }
    const RenderedTable table = render_training_table(mixture_, random);
    vision::TiledImage cut = vision::cut_tiles(table.image, tiling);
    prompts.push_back(prompts_.build(eval::kTableQuestion, {cut.layout}, table.markdown));
    const std::vector<GuideTarget> targets =
        guide_targets(tokenizer_, prompts.back(), table.markdown,
                      answer_locations(table.glyphs, table.image.size(1), table.image.size(0),
                                       cut.layout, tiling.tile_size, patch),
                      /*sample=*/i, tiling.tile_size / patch);
    batch.targets.insert(batch.targets.end(), targets.begin(), targets.end());
    tiles.push_back(std::move(cut.tiles));
  }
  if (!tiles.empty()) batch.tiles = at::cat(tiles);
  batch.prompts = fusion::collate(std::move(prompts), /*pad_id=*/0);
  return batch;
}

TaskLoss FusionTask::loss(const std::any& any_batch) {
  const auto& batch = std::any_cast<const FusionBatch&>(any_batch);
  const fusion::PromptBatch prompts = batch.prompts.to(device_);
  vision::TileFeatures features{{}, prompts.tile_refs()};
  if (batch.tiles.defined()) {
    const c10::NoGradGuard frozen;
    const auto encode = [&] {
      return model_->encode_tiles(vision::normalise_tiles(batch.tiles.to(device_)));
    };
    const Tensor tokens = cache_ ? cache_->get(batch.key, encode) : encode();
    features.tokens = tokens.to(device_, at::kFloat);
  }
  decoder::AttentionProbe probe = guidance_probe(guidance_, prompts_.config().routing);
  const Tensor hidden = model_->hidden_states(prompts, features, &probe);
  const decoder::LossSum loss =
      decoder::language_model_loss(model_->language_model, hidden, prompts.labels);

  TaskLoss result;
  result.sum = loss.sum;
  result.count = loss.count;
  const Tensor guidance = guidance_loss(guidance_, probe, batch.targets);
  if (guidance.defined()) {
    result.extra = guidance * guidance_.weight;
    result.metrics["guidance"] = guidance.detach();
  }
  return result;
}

void FusionTask::save(const std::filesystem::path& dir) {
  fusion::save_multimodal(dir, model_, tokenizer_json_, at::kBFloat16);
}

}  // namespace nvlm::experiments
