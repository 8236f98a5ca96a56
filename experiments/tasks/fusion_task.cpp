#include "experiments/tasks/fusion_task.h"

#include <c10/core/GradMode.h>

#include <sstream>

#include "common/config_schema.h"
#include "decoder/language_model_loss.h"
#include "eval/readers/model_reader.h"
#include "experiments/data/glyph_labels.h"
#include "experiments/data/label_noise.h"
#include "experiments/data/text_corpus.h"
#include "experiments/efficiency/ledger.h"
#include "experiments/tasks/gate_values.h"
#include "fusion/multimodal_checkpoint.h"

namespace nvlm::experiments {
namespace {

struct FusionBatch {
  std::string key;  // names the pictures for the feature cache
  Tensor tiles;     // uint8 [tiles, size, size, 3]; undefined without pictures or with coded ones
  Tensor coded;     // float32 [tiles, tile_tokens, 4 * vision_hidden] in place of them
  fusion::PromptBatch prompts;
  std::vector<GuideTarget> targets;
};

}  // namespace

FusionTask::FusionTask(fusion::MultimodalModel model, const std::filesystem::path& tokenizer_json,
                       FusionStage stage, const MixtureConfig& mixture,
                       const GuidanceConfig& guidance, const FeatureConfig& features,
                       at::Device device, at::ScalarType encoder_dtype)
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
  if (features.source == FeatureSource::kCode) {
    coded_.emplace(model_->config().vision, features.legible_height);
  } else if (!features.cache.empty()) {
    cache_.emplace(features.cache, model_->vision_model);
  }
}

void register_options(ConfigSchema& schema, FeatureConfig& config) {
  schema.add_enum<FeatureSource>(
      "features.source", &config.source,
      "what tile features come from: the encoder, or labels alone",
      {{"encoder", FeatureSource::kEncoder}, {"code", FeatureSource::kCode}});
  schema.add(
      "features.legible_height", &config.legible_height,
      "print of this height (pixels of the tile) is read well from labels, half of it hardly;"
      " 0 = by the kind of tile",
      number_from(0, 1000));
  schema.add("features.cache", &config.cache,
             "folder where runs that see the same pictures share the frozen encoder's features");
}

FreezePlan FusionTask::freeze_plan() const {
  FreezePlan plan;
  plan.trainable = {"mlp1"};
  if (prompts_.config().routing.uses_memory()) {
    plan.trainable.push_back("cross_attention");
    if (model_->config().fusion.resampler.latents > 0) plan.trainable.push_back("resampler");
    if (model_->config().fusion.num_tile_positions > 0) plan.trainable.push_back("tile_positions");
  }
  if (stage_ == FusionStage::kSft) plan.trainable.push_back("language_model");
  return plan;
}

std::any FusionTask::prepare(const BatchRequest& request) const {
  const vision::TilingConfig& tiling = model_->config().preprocessor.tiling;
  const int64_t patch = model_->config().vision.patch_size;
  std::vector<Tensor> tiles, coded;
  std::vector<fusion::Prompt> prompts;
  FusionBatch batch;
  std::ostringstream key;
  key << "seed " << request.seed << " samples " << request.first_sample << "+"
      << request.num_samples << " easy " << mixture_.easy << " medium " << mixture_.medium
      << " hard " << mixture_.hard << " tiny " << mixture_.tiny << " text " << mixture_.text_only
      << " stage " << static_cast<int>(stage_) << " tiles " << tiling.max_tiles;
  batch.key = key.str();
  // Whole batches of text: documents are longer than tables and would fill every batch with
  // padding.
  const bool is_text =
      stage_ != FusionStage::kPretrain &&
      training_random(request.seed, request.first_sample).chance(mixture_.text_only);
  for (int64_t i = 0; i < request.num_samples; ++i) {
    Random random = training_random(request.seed, request.first_sample + i);
    if (is_text) {
      prompts.push_back(prompts_.build(kTextQuestion, {}, corpus_document(random)));
      continue;
    }
    RenderedTable table = render_training_table(mixture_, random);
    const int64_t width = table.image.size(1), height = table.image.size(0);
    const vision::ImageLayout layout = vision::choose_layout(width, height, tiling);
    if (coded_) {
      coded.push_back((*coded_)(table.glyphs, width, height, layout, random));
    } else {
      tiles.push_back(vision::cut_tiles(table.image, tiling).tiles);
    }
    // Last of what is drawn, so that clean and wrong ground truth share their features.
    if (mixture_.corrupted_cells > 0) corrupt_cells(table, mixture_.corrupted_cells, random);
    prompts.push_back(prompts_.build(eval::kTableQuestion, {layout}, table.markdown));
    // A resampled token stands for no place of its tile.
    if (model_->config().fusion.resampler.latents > 0) continue;
    const std::vector<GuideTarget> targets = guide_targets(
        tokenizer_, prompts.back(), table.markdown,
        answer_locations(table.glyphs, width, height, layout, tiling.tile_size, patch),
        /*sample=*/i, tiling.tile_size / patch);
    batch.targets.insert(batch.targets.end(), targets.begin(), targets.end());
  }
  if (!coded.empty()) batch.coded = at::cat(coded);
  if (!tiles.empty()) batch.tiles = at::cat(tiles);
  batch.prompts = fusion::collate(std::move(prompts), /*pad_id=*/0);
  return batch;
}

double FusionTask::step_flops(const std::any& any_batch) const {
  const fusion::PromptBatch& prompts = std::any_cast<const FusionBatch&>(any_batch).prompts;
  BatchShape shape = shape_of(prompts, /*labels=*/true);
  shape.encoded = 0;
  Execution execution{.trained = kFinetunedParts};
  execution.trained.decoder = stage_ == FusionStage::kSft;
  return model_flops(model_->config(), shape, execution).all().total();
}

TaskLoss FusionTask::loss(const std::any& any_batch) {
  const auto& batch = std::any_cast<const FusionBatch&>(any_batch);
  const fusion::PromptBatch prompts = batch.prompts.to(device_);
  vision::TileFeatures features{{}, prompts.tile_refs()};
  if (batch.coded.defined()) features.tokens = batch.coded.to(device_);
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
  result.metrics["train_flops"] = at::scalar_tensor(step_flops(any_batch), at::kDouble);
  for (const auto& [name, gate] : gate_values(*model_)) result.metrics["gate." + name] = gate;
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
