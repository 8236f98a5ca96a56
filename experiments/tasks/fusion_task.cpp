#include "experiments/tasks/fusion_task.h"

#include <c10/core/GradMode.h>

#include <span>
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

/// One sample before its pass is known.
struct FusionSample {
  fusion::Prompt prompt;
  Tensor tiles;  // uint8 [tiles, size, size, 3]; undefined without pictures or with coded ones
  Tensor coded;  // float32 [tiles, tile_tokens, 4 * vision_hidden] in place of them
  std::vector<GuideTarget> targets;
};

struct FusionPass {
  std::string key;  // names the pictures for the feature cache
  Tensor tiles;     // uint8 [tiles, size, size, 3]; undefined without pictures or with coded ones
  Tensor coded;     // float32 [tiles, tile_tokens, 4 * vision_hidden] in place of them
  fusion::PromptBatch prompts;
  std::vector<GuideTarget> targets;
};

/// key  of the batch that the samples are part of
FusionPass collate_pass(const std::string& key, std::span<FusionSample> samples) {
  FusionPass pass{.key = key, .tiles = {}, .coded = {}, .prompts = {}, .targets = {}};
  std::vector<Tensor> tiles, coded;
  std::vector<fusion::Prompt> prompts;
  for (FusionSample& sample : samples) {
    if (sample.tiles.defined()) tiles.push_back(sample.tiles);
    if (sample.coded.defined()) coded.push_back(sample.coded);
    for (GuideTarget target : sample.targets) {
      target.sample = static_cast<int64_t>(prompts.size());
      pass.targets.push_back(target);
    }
    prompts.push_back(std::move(sample.prompt));
  }
  if (!tiles.empty()) pass.tiles = at::cat(tiles);
  if (!coded.empty()) pass.coded = at::cat(coded);
  pass.prompts = fusion::collate(std::move(prompts), /*pad_id=*/0);
  return pass;
}

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

std::vector<std::any> FusionTask::prepare(const BatchRequest& request) const {
  const vision::TilingConfig& tiling = model_->config().preprocessor.tiling;
  const int64_t patch = model_->config().vision.patch_size;
  std::ostringstream key;
  key << "seed " << request.seed << " samples " << request.first_sample << "+"
      << request.num_samples << " easy " << mixture_.easy << " medium " << mixture_.medium
      << " hard " << mixture_.hard << " tiny " << mixture_.tiny << " text " << mixture_.text_only
      << " stage " << static_cast<int>(stage_) << " tiles " << tiling.max_tiles;
  // Whole batches of text: documents are longer than tables and would fill every batch with
  // padding.
  const bool is_text =
      stage_ != FusionStage::kPretrain &&
      training_random(request.seed, request.first_sample).chance(mixture_.text_only);
  std::vector<FusionSample> samples(static_cast<size_t>(request.num_samples));
  for (int64_t i = 0; i < request.num_samples; ++i) {
    FusionSample& sample = samples[static_cast<size_t>(i)];
    Random random = training_random(request.seed, request.first_sample + i);
    if (is_text) {
      sample.prompt = prompts_.build(kTextQuestion, {}, corpus_document(random));
      continue;
    }
    RenderedTable table = render_training_table(mixture_, random);
    const int64_t width = table.image.size(1), height = table.image.size(0);
    const vision::ImageLayout layout = vision::choose_layout(width, height, tiling);
    if (coded_) {
      sample.coded = (*coded_)(table.glyphs, width, height, layout, random);
    } else {
      sample.tiles = vision::cut_tiles(table.image, tiling).tiles;
    }
    // Last of what is drawn, so that clean and wrong ground truth share their features.
    if (mixture_.corrupted_cells > 0) corrupt_cells(table, mixture_.corrupted_cells, random);
    sample.prompt = prompts_.build(eval::kTableQuestion, {layout}, table.markdown);
    // A resampled token stands for no place of its tile.
    if (model_->config().fusion.resampler.latents > 0) continue;
    sample.targets = guide_targets(
        tokenizer_, sample.prompt, table.markdown,
        answer_locations(table.glyphs, width, height, layout, tiling.tile_size, patch),
        /*sample=*/0, tiling.tile_size / patch);
  }
  std::vector<int64_t> tokens;
  for (const FusionSample& sample : samples) tokens.push_back(sample.prompt.size());
  std::vector<std::any> passes;
  for (const auto& [first, last] : passes_within(tokens, request.pass_tokens)) {
    const std::string part = " pass " + std::to_string(first) + "+" + std::to_string(last - first);
    const bool is_whole = last - first == request.num_samples;
    passes.emplace_back(collate_pass(
        key.str() + (is_whole ? "" : part),
        std::span(samples).subspan(static_cast<size_t>(first), static_cast<size_t>(last - first))));
  }
  return passes;
}

double FusionTask::step_flops(const std::any& pass) const {
  const fusion::PromptBatch& prompts = std::any_cast<const FusionPass&>(pass).prompts;
  BatchShape shape = packed(shape_of(prompts, /*labels=*/true), prompts);
  shape.encoded = 0;
  Execution execution{.trained = kFinetunedParts, .recomputes_layers = recomputes_};
  execution.trained.decoder = stage_ == FusionStage::kSft;
  return model_flops(model_->config(), shape, execution).all().total();
}

TaskLoss FusionTask::loss(const std::any& handle) {
  const auto& pass = std::any_cast<const FusionPass&>(handle);
  const fusion::PromptBatch prompts = pass.prompts.to(device_);
  vision::TileFeatures features{{}, prompts.tile_refs()};
  if (pass.coded.defined()) features.tokens = pass.coded.to(device_);
  if (pass.tiles.defined()) {
    const c10::NoGradGuard frozen;
    const auto encode = [&] {
      return model_->encode_tiles(vision::normalise_tiles(pass.tiles.to(device_)));
    };
    const Tensor tokens = cache_ ? cache_->get(pass.key, encode) : encode();
    features.tokens = tokens.to(device_, at::kFloat);
  }
  decoder::AttentionProbe probe = guidance_probe(guidance_, prompts_.config().routing);
  const decoder::DecoderInputs inputs = decoder::packed(model_->fuse(prompts, features));
  const Tensor hidden =
      model_->language_model->hidden_states(inputs, /*cache=*/nullptr, &probe);  // [1, tokens, ...]
  const decoder::LossSum loss = decoder::language_model_loss(
      model_->language_model, hidden, inputs.rows->pack_labels(prompts.labels));

  TaskLoss result;
  result.sum = loss.sum;
  result.count = loss.count;
  result.metrics["train_flops"] = at::scalar_tensor(step_flops(handle), at::kDouble);
  for (const auto& [name, gate] : gate_values(*model_)) result.metrics["gate." + name] = gate;
  const Tensor guidance = guidance_loss(guidance_, probe, pass.targets);
  if (guidance.defined()) {
    result.extra = guidance * guidance_.weight;
    result.metrics["guidance"] = guidance.detach();
  }
  return result;
}

void FusionTask::recompute_activations(bool enabled) {
  recomputes_ = enabled;
  model_->language_model->model->recompute_activations(enabled);
}

void FusionTask::save(const std::filesystem::path& dir) {
  fusion::save_multimodal(dir, model_, tokenizer_json_, at::kBFloat16);
}

}  // namespace nvlm::experiments
