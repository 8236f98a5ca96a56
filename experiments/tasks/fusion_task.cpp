#include "experiments/tasks/fusion_task.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "common/config_schema.h"
#include "common/error.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/safetensors.h"
#include "decoder/language_model_loss.h"
#include "experiments/data/glyph_labels.h"
#include "experiments/data/label_noise.h"
#include "experiments/efficiency/ledger.h"
#include "experiments/tasks/gate_values.h"
#include "experiments/tasks/generated_sources.h"
#include "experiments/tasks/prompt_checks.h"
#include "fusion/multimodal_checkpoint.h"

namespace nvlm::experiments {
namespace {

struct FusionBatch {
  std::string key;  // names the pictures for the feature cache
  Tensor tiles;     // uint8 [tiles, size, size, 3]; undefined without pictures or with coded ones
  Tensor coded;     // float32 [tiles, tile_tokens, 4 * vision_hidden] in place of them
  fusion::PromptBatch prompts;
  std::vector<GuideTarget> targets;
  std::vector<std::string> names;    // of the samples
  std::vector<BadSampleRecord> bad;  // what they were taken in place of
  int64_t drawn = 0;                 // samples of the run, this batch included
};

std::string mixture_key(const BatchRequest& request, const MixtureConfig& mixture,
                        FusionStage stage, int64_t max_tiles) {
  std::ostringstream key;
  key << "seed " << request.seed << " samples " << request.first_sample << "+"
      << request.num_samples << " easy " << mixture.easy << " medium " << mixture.medium << " hard "
      << mixture.hard << " tiny " << mixture.tiny << " text " << mixture.text_only << " stage "
      << static_cast<int>(stage) << " tiles " << max_tiles;
  return key.str();
}

/// Files may change under the same name, so the pixels themselves are the key.
std::string pixel_key(const Tensor& tiles) {
  const Tensor bytes = tiles.contiguous();
  return "pixels " + sha256({static_cast<const char*>(bytes.const_data_ptr()),
                             static_cast<size_t>(bytes.numel())});
}

/// The sources of a run, as far as its stage and its features can use them.
SampleStream open_stream(const FusionTaskConfig& config) {
  std::vector<WeightedSource> sources = open_sources(config.sources, config.mixture);
  for (const auto& [source, weight] : sources) {
    const SourceTraits traits = source->traits();
    if (!traits.has_pictures && config.stage != FusionStage::kSft) {
      throw UsageError("data.sources: '" + source->name() +
                       "' is text alone, which teaches nothing while the decoder is frozen");
    }
    if (config.features.source == FeatureSource::kCode && traits.has_pictures &&
        !traits.has_glyphs) {
      throw UsageError("data.sources: '" + source->name() +
                       "' has no glyph labels, which features.source = code is made from");
    }
  }
  return SampleStream(std::move(sources));
}

decoder::Tokenizer prompt_tokenizer(const std::filesystem::path& tokenizer_json,
                                    const fusion::MultimodalConfig& model) {
  decoder::Tokenizer tokenizer = decoder::Tokenizer::from_file(tokenizer_json);
  require_prompt_tokens(tokenizer, model, tokenizer_json.string());
  return tokenizer;
}

}  // namespace

/// One sample, ready for a batch.
struct FusionTask::PreparedSample {
  std::string name;
  fusion::Prompt prompt;
  std::vector<Tensor> tiles, coded;  // by picture; one of both at most
  std::vector<GuideTarget> targets;
};

FusionTask::FusionTask(fusion::MultimodalModel model, const std::filesystem::path& tokenizer_json,
                       const FusionTaskConfig& config, at::Device device,
                       at::ScalarType encoder_dtype)
    : model_(std::move(model)),
      tokenizer_json_(tokenizer_json),
      tokenizer_(prompt_tokenizer(tokenizer_json, model_->config())),
      prompts_(tokenizer_, model_->config().prompt()),
      config_(config),
      samples_(open_stream(config)),
      bad_samples_(config.sources.max_bad, samples_.num_samples()),
      device_(device) {
  model_->to(device_);
  model_->vision_model->to(encoder_dtype);
  if (config_.features.source == FeatureSource::kCode) {
    coded_.emplace(model_->config().vision, config_.features.legible_height);
  } else if (!config_.features.cache.empty()) {
    cache_.emplace(config_.features.cache, model_->vision_model);
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

void register_options(ConfigSchema& schema, RateConfig& config) {
  const auto factor = number_from(0, 1e3);
  schema.add("rates.projector", &config.projector,
             "learning rate of the projector, in units of train.lr", factor);
  schema.add("rates.cross_attention", &config.cross_attention,
             "of cross-attention, resampler and tile positions", factor);
  schema.add("rates.decoder", &config.decoder, "of the decoder", factor);
}

FreezePlan FusionTask::freeze_plan() const {
  FreezePlan plan;
  plan.trainable = {"mlp1"};
  if (prompts_.config().routing.uses_memory()) {
    plan.trainable.push_back("cross_attention");
    if (model_->config().fusion.resampler.latents > 0) plan.trainable.push_back("resampler");
    if (model_->config().fusion.num_tile_positions > 0) plan.trainable.push_back("tile_positions");
  }
  if (config_.stage == FusionStage::kSft) plan.trainable.push_back("language_model");
  for (const std::string& part : plan.trainable) {
    plan.lr_factors[part] = part == "mlp1"             ? config_.rates.projector
                            : part == "language_model" ? config_.rates.decoder
                                                       : config_.rates.cross_attention;
  }
  return plan;
}

int64_t FusionTask::most_tokens() const {
  const int64_t context = model_->config().decoder.max_position_embeddings;
  return config_.sources.max_tokens > 0 ? std::min(config_.sources.max_tokens, context) : context;
}

FusionTask::PreparedSample FusionTask::prepare_sample(Sample sample, Random& random,
                                                      int64_t row) const {
  const vision::TilingConfig& tiling = model_->config().preprocessor.tiling;
  const int64_t patch = model_->config().vision.patch_size;
  PreparedSample prepared;
  prepared.name = sample.name;
  std::vector<vision::ImageLayout> layouts;
  for (const Tensor& image : sample.images) {
    const int64_t width = image.size(1), height = image.size(0);
    layouts.push_back(vision::choose_layout(width, height, tiling));
    if (coded_) {
      prepared.coded.push_back((*coded_)(sample.glyphs, width, height, layouts.back(), random));
    } else {
      prepared.tiles.push_back(vision::cut_tiles(image, tiling).tiles);
    }
  }
  // Last of what is drawn, so that clean and wrong ground truth share their features.
  if (config_.mixture.corrupted_cells > 0 && !sample.glyphs.empty()) {
    corrupt_cells(sample.answer, sample.glyphs, config_.mixture.corrupted_cells, random);
  }
  prepared.prompt = sample_prompt(prompts_, tokenizer_, sample, layouts);
  try {
    require_length(prepared.prompt, sample, most_tokens());
  } catch (const BadSample& error) {
    if (config_.sources.long_samples == LongSamples::kSkip) throw;
    throw std::runtime_error(error.name + ": " + error.what() +
                             " (data.long_samples is refuse; skip leaves such samples out)");
  }
  // A resampled token stands for no place of its tile.
  if (!sample.glyphs.empty() && model_->config().fusion.resampler.latents == 0) {
    const Tensor& image = sample.images.front();
    prepared.targets = guide_targets(tokenizer_, prepared.prompt, sample.answer,
                                     answer_locations(sample.glyphs, image.size(1), image.size(0),
                                                      layouts.front(), tiling.tile_size, patch),
                                     /*sample=*/row, tiling.tile_size / patch);
  }
  return prepared;
}

std::any FusionTask::prepare(const BatchRequest& request) const {
  std::vector<Tensor> tiles, coded;
  std::vector<fusion::Prompt> prompts;
  FusionBatch batch;
  batch.drawn = request.first_sample + request.num_samples;
  // Without sources of its own a run gets whole batches of text: documents are longer than tables
  // and would fill every batch with padding.
  const bool has_sources = !config_.sources.sources.empty();
  const bool is_text =
      !has_sources && config_.stage != FusionStage::kPretrain &&
      training_random(request.seed, request.first_sample).chance(config_.mixture.text_only);
  static const CorpusDocuments kCorpus;
  for (int64_t i = 0; i < request.num_samples; ++i) {
    const int64_t number = request.first_sample + i;
    const SampleStream::Place place =
        is_text ? SampleStream::Place{&kCorpus, number} : samples_.place(request.seed, number);
    const auto add = [&](Sample sample, Random& random) {
      PreparedSample prepared = prepare_sample(std::move(sample), random, i);
      batch.names.push_back(prepared.name);
      tiles.insert(tiles.end(), prepared.tiles.begin(), prepared.tiles.end());
      coded.insert(coded.end(), prepared.coded.begin(), prepared.coded.end());
      batch.targets.insert(batch.targets.end(), prepared.targets.begin(), prepared.targets.end());
      prompts.push_back(std::move(prepared.prompt));
    };
    SampleStream::take_from(place, request.seed, number, batch.bad, add);
  }
  if (!coded.empty()) batch.coded = at::cat(coded);
  if (!tiles.empty()) batch.tiles = at::cat(tiles);
  if (cache_ && batch.tiles.defined()) {
    batch.key = has_sources ? pixel_key(batch.tiles)
                            : mixture_key(request, config_.mixture, config_.stage,
                                          model_->config().preprocessor.tiling.max_tiles);
  }
  batch.prompts = fusion::collate(std::move(prompts), /*pad_id=*/0);
  return batch;
}

double FusionTask::step_flops(const std::any& any_batch) const {
  const fusion::PromptBatch& prompts = std::any_cast<const FusionBatch&>(any_batch).prompts;
  BatchShape shape = shape_of(prompts, /*labels=*/true);
  shape.encoded = 0;
  Execution execution{.trained = kFinetunedParts};
  execution.trained.decoder = config_.stage == FusionStage::kSft;
  return model_flops(model_->config(), shape, execution).all().total();
}

TaskLoss FusionTask::loss(const std::any& any_batch) {
  const auto& batch = std::any_cast<const FusionBatch&>(any_batch);
  bad_samples_.add(batch.bad, batch.drawn);
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
  decoder::AttentionProbe probe = guidance_probe(config_.guidance, prompts_.config().routing);
  const Tensor hidden = model_->hidden_states(prompts, features, &probe);
  const decoder::LossSum loss =
      decoder::language_model_loss(model_->language_model, hidden, prompts.labels);

  TaskLoss result;
  result.sum = loss.sum;
  result.count = loss.count;
  result.metrics["train_flops"] = at::scalar_tensor(step_flops(any_batch), at::kDouble);
  for (const auto& [name, gate] : gate_values(*model_)) result.metrics["gate." + name] = gate;
  const Tensor guidance = guidance_loss(config_.guidance, probe, batch.targets);
  if (guidance.defined()) {
    result.extra = guidance * config_.guidance.weight;
    result.metrics["guidance"] = guidance.detach();
  }
  return result;
}

void FusionTask::save(const std::filesystem::path& dir) {
  fusion::save_multimodal(dir, model_, tokenizer_json_, at::kBFloat16);
}

void FusionTask::begin(const std::filesystem::path& run_dir, int64_t samples) {
  bad_samples_.open(run_dir / "bad_samples.jsonl", samples);
}

std::map<std::string, int64_t> FusionTask::totals() const {
  return {{"bad_samples", bad_samples_.count()}};
}

std::string FusionTask::describe(const std::any& any_batch) const {
  const auto& batch = std::any_cast<const FusionBatch&>(any_batch);
  const int64_t tiles = batch.tiles.defined()   ? batch.tiles.size(0)
                        : batch.coded.defined() ? batch.coded.size(0)
                                                : 0;
  return std::to_string(batch.prompts.ids.size(0)) + " rows of " +
         std::to_string(batch.prompts.ids.size(1)) + " tokens, " + std::to_string(tiles) + " tiles";
}

std::filesystem::path FusionTask::dump(const std::any& any_batch,
                                       const std::filesystem::path& stem) const {
  const auto& batch = std::any_cast<const FusionBatch&>(any_batch);
  const fusion::PromptBatch& prompts = batch.prompts;
  std::map<std::string, Tensor> tensors{{"ids", prompts.ids},
                                        {"labels", prompts.labels},
                                        {"attention_mask", prompts.attention_mask},
                                        {"tile", prompts.tile},
                                        {"is_slot", prompts.is_slot}};
  if (batch.tiles.defined()) tensors["tiles"] = batch.tiles;
  if (batch.coded.defined()) tensors["coded"] = batch.coded;
  std::filesystem::path tensor_file = stem, json_file = stem;
  tensor_file += ".safetensors";
  json_file += ".json";
  write_safetensors(tensor_file, tensors);
  Json tile_refs = Json::array();
  for (const vision::TileRef& ref : prompts.tile_refs()) {
    tile_refs.push_back({{"sample", ref.sample},
                         {"image", ref.image},
                         {"tile", ref.tile},
                         {"thumbnail", ref.role == vision::TileRole::kThumbnail}});
  }
  write_json(json_file, {{"samples", batch.names},
                         {"tensors", tensor_file.filename().string()},
                         {"tile_refs", tile_refs}});
  return json_file;
}

}  // namespace nvlm::experiments
