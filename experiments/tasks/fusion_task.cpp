#include "experiments/tasks/fusion_task.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <span>
#include <sstream>
#include <stdexcept>

#include "common/config_schema.h"
#include "common/error.h"
#include "common/hash.h"
#include "decoder/language_model_loss.h"
#include "experiments/data/glyph_labels.h"
#include "experiments/data/label_noise.h"
#include "experiments/efficiency/memory_ledger.h"
#include "experiments/tasks/fusion_pass.h"
#include "experiments/tasks/gate_values.h"
#include "experiments/tasks/generated_sources.h"
#include "experiments/tasks/misreading.h"
#include "experiments/tasks/prompt_checks.h"
#include "fusion/multimodal_checkpoint.h"

namespace nvlm::experiments {
namespace {

std::string mixture_key(const BatchRequest& request, const MixtureConfig& mixture,
                        FusionStage stage, const vision::TilingConfig& tiling) {
  std::ostringstream key;
  key << "seed " << request.seed << " samples " << request.first_sample << "+"
      << request.num_samples << " easy " << mixture.easy << " medium " << mixture.medium << " hard "
      << mixture.hard << " tiny " << mixture.tiny << " text " << mixture.text_only << " stage "
      << static_cast<int>(stage) << " tiles " << tiling.min_tiles << " to " << tiling.max_tiles;
  return key.str();
}

/// Files may change under the same name, so the pixels themselves are the key.
std::string pixel_key(const Tensor& tiles) {
  const Tensor bytes = tiles.contiguous();
  return "pixels " + sha256({static_cast<const char*>(bytes.const_data_ptr()),
                             static_cast<size_t>(bytes.numel())});
}

/// Of the validation, whatever the run's seed; its numbers begin where no training order arrives.
constexpr uint64_t kValidationSeed = 0;
constexpr int64_t kFirstValidationSample = int64_t{1} << 62;

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
      device_(device),
      dtype_(encoder_dtype) {
  if (config_.sources.validation_samples > 0) {
    validation_.emplace(open_validation(config_.sources, config_.mixture));
  }
  if (trains_encoder() &&
      (config_.features.source == FeatureSource::kCode || !config_.features.cache.empty())) {
    throw UsageError(
        "rates.encoder is above 0, but features.source = code and features.cache "
        "leave no encoder to train");
  }
  model_->to(device_);
  if (!trains_encoder()) model_->vision_model->to(encoder_dtype);
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
  schema.add(
      "rates.encoder", &config.encoder,
      "learning rate of the vision encoder, in units of train.lr; 0 = frozen, as in the paper",
      factor);
  schema.add("rates.projector", &config.projector, "of the projector", factor);
  schema.add("rates.cross_attention", &config.cross_attention,
             "of cross-attention, resampler and tile positions", factor);
  schema.add("rates.decoder", &config.decoder, "of the decoder", factor);
}

FreezePlan FusionTask::freeze_plan() const {
  FreezePlan plan;
  const auto train = [&plan](const char* part, double rate) {
    plan.trainable.emplace_back(part);
    plan.lr_factors[part] = rate;
  };
  const RateConfig& rates = config_.rates;
  const fusion::FusionConfig& fusion = model_->config().fusion;
  train("mlp1", rates.projector);
  if (trains_encoder()) train("vision_model", rates.encoder);
  if (prompts_.config().routing.uses_memory()) {
    train("cross_attention", rates.cross_attention);
    if (fusion.resampler.latents > 0) train("resampler", rates.cross_attention);
    if (fusion.num_tile_positions > 0) train("tile_positions", rates.cross_attention);
  }
  if (config_.stage == FusionStage::kSft) train("language_model", rates.decoder);
  return plan;
}

int64_t FusionTask::most_tokens() const {
  const int64_t context = model_->config().decoder.max_position_embeddings;
  return config_.sources.max_tokens > 0 ? std::min(config_.sources.max_tokens, context) : context;
}

FusionSample FusionTask::prepare_sample(Sample sample, Random& random) const {
  const vision::TilingConfig& tiling = model_->config().preprocessor.tiling;
  const int64_t patch = model_->config().vision.patch_size;
  FusionSample prepared;
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
  // Drawn after the picture, so that clean and wrong ground truth share their features.
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
                                     /*sample=*/0, tiling.tile_size / patch);
  }
  return prepared;
}

bool FusionTask::is_text(const BatchRequest& request) const {
  return config_.sources.sources.empty() && config_.stage != FusionStage::kPretrain &&
         training_random(request.seed, request.first_sample).chance(config_.mixture.text_only);
}

int64_t FusionTask::kind(const BatchRequest& request) const { return is_text(request) ? 1 : 0; }

std::vector<std::any> FusionTask::prepare(const BatchRequest& request) const {
  static const CorpusDocuments kCorpus;
  const bool all_text = is_text(request);
  std::vector<FusionSample> samples;
  std::vector<BadSampleRecord> bad;
  for (int64_t i = 0; i < request.num_samples; ++i) {
    const int64_t number = request.first_sample + i;
    const SampleStream::Place place =
        all_text ? SampleStream::Place{&kCorpus, number} : samples_.place(request.seed, number);
    const auto add = [&](Sample sample, Random& random) {
      FusionSample& prepared = samples.emplace_back(prepare_sample(std::move(sample), random));
      if (config_.mixture.misread > 0 && !prepared.prompt.tiles.empty()) {
        misread_answer(prepared.prompt, tokenizer_, config_.mixture.misread, random);
      }
    };
    SampleStream::take_from(place, request.seed, number, bad, add);
  }
  std::vector<int64_t> tokens;
  for (const FusionSample& sample : samples) tokens.push_back(sample.prompt.size());
  std::vector<std::any> passes;
  for (const auto& [first, last] : passes_within(tokens, request.pass_tokens)) {
    FusionPass pass = collate_pass(
        std::span(samples).subspan(static_cast<size_t>(first), static_cast<size_t>(last - first)));
    if (passes.empty()) pass.bad = std::move(bad);
    pass.drawn = request.first_sample + request.num_samples;
    if (cache_ && pass.tiles.defined()) {
      const BatchRequest part{.seed = request.seed,
                              .first_sample = request.first_sample + first,
                              .num_samples = last - first};
      pass.key = config_.sources.sources.empty() ? mixture_key(part, config_.mixture, config_.stage,
                                                               model_->config().preprocessor.tiling)
                                                 : pixel_key(pass.tiles);
    }
    passes.emplace_back(std::move(pass));
  }
  return passes;
}

BatchShape FusionTask::shape_of_pass(const fusion::PromptBatch& prompts) const {
  BatchShape shape = packed(shape_of(prompts, /*labels=*/true), prompts);
  if (coded_ || cache_) shape.encoded = 0;
  return shape;
}

TrainedParts FusionTask::trained_parts() const {
  TrainedParts trained = kFinetunedParts;
  trained.encoder = trains_encoder();
  trained.decoder = config_.stage == FusionStage::kSft;
  return trained;
}

double FusionTask::step_flops(const std::any& pass) const {
  const Execution execution{.trained = trained_parts(), .recomputes_layers = recomputes_};
  const fusion::PromptBatch& prompts = std::any_cast<const FusionPass&>(pass).prompts;
  return model_flops(model_->config(), shape_of_pass(prompts), execution).all().total();
}

std::optional<PassCost> FusionTask::cost(const std::any& handle) const {
  const auto& pass = std::any_cast<const FusionPass&>(handle);
  const bool is_guided = config_.guidance.weight > 0 && !pass.targets.empty();
  const StepMemory memory = step_memory(model_->config(), shape_of_pass(pass.prompts),
                                        {.trained = trained_parts(),
                                         .dtype = dtype_,
                                         .recomputes_layers = recomputes_,
                                         .guided_heads = is_guided ? config_.guidance.heads : 0,
                                         .guided_places = 2});
  PassCost cost;
  cost.flops = step_flops(handle);
  cost.bytes = std::max(memory.pass, memory.encoder);
  for (const fusion::Prompt& prompt : pass.prompts.samples) {
    cost.samples.push_back({prompt.size(), static_cast<int64_t>(prompt.tiles.size())});
  }
  return cost;
}

decoder::LossSum FusionTask::answer_loss(const FusionPass& pass, decoder::AttentionProbe* probe) {
  const fusion::PromptBatch prompts = pass.prompts.to(device_);
  vision::TileFeatures features{{}, prompts.tile_refs()};
  if (pass.coded.defined()) features.tokens = pass.coded.to(device_);
  if (pass.tiles.defined()) {
    const c10::AutoGradMode gradients(c10::GradMode::is_enabled() && trains_encoder());
    const auto encode = [&] {
      return model_->encode_tiles(vision::normalise_tiles(pass.tiles.to(device_)));
    };
    const bool is_cached = cache_ && !pass.key.empty();
    const Tensor tokens = is_cached ? cache_->get(pass.key, encode) : encode();
    features.tokens = tokens.to(device_, at::kFloat);
  }
  const decoder::DecoderInputs inputs = decoder::packed(model_->fuse(prompts, features));
  const Tensor hidden =
      model_->language_model->hidden_states(inputs, /*cache=*/nullptr, probe);  // [1, tokens, ...]
  return decoder::language_model_loss(model_->language_model, hidden,
                                      inputs.rows->pack_labels(prompts.labels));
}

std::map<std::string, double> FusionTask::validate() {
  if (!validation_) return {};
  constexpr int64_t kPassSamples = 8;
  double sum = 0, tokens = 0;
  for (int64_t first = 0; first < config_.sources.validation_samples; first += kPassSamples) {
    const int64_t last = std::min(first + kPassSamples, config_.sources.validation_samples);
    std::vector<FusionSample> samples;
    std::vector<BadSampleRecord> replaced;  // `data check` lists them
    for (int64_t number = kFirstValidationSample + first; number < kFirstValidationSample + last;
         ++number) {
      validation_->take(kValidationSeed, number, replaced, [&](Sample sample, Random& random) {
        samples.push_back(prepare_sample(std::move(sample), random));
      });
    }
    const decoder::LossSum loss = answer_loss(collate_pass(samples), /*probe=*/nullptr);
    sum += loss.sum.item<double>();
    tokens += loss.count.item<double>();
  }
  return {{"loss", sum / tokens}};
}

TaskLoss FusionTask::loss(const std::any& handle) {
  const auto& pass = std::any_cast<const FusionPass&>(handle);
  bad_samples_.add(pass.bad, pass.drawn);
  decoder::AttentionProbe probe = guidance_probe(config_.guidance, prompts_.config().routing);
  const decoder::LossSum loss = answer_loss(pass, &probe);
  TaskLoss result;
  result.sum = loss.sum;
  result.count = loss.count;
  result.metrics["train_flops"] = at::scalar_tensor(step_flops(handle), at::kDouble);
  for (const auto& [name, gate] : gate_values(*model_)) result.metrics["gate." + name] = gate;
  const Tensor guidance = guidance_loss(config_.guidance, probe, pass.targets);
  if (guidance.defined()) {
    result.extra = guidance * config_.guidance.weight;
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

void FusionTask::begin(const std::filesystem::path& run_dir, int64_t samples) {
  bad_samples_.open(run_dir / "bad_samples.jsonl", samples);
}

std::map<std::string, int64_t> FusionTask::totals() const {
  return {{"bad_samples", bad_samples_.count()}};
}

std::string FusionTask::describe(const std::any& pass) const {
  return experiments::describe(std::any_cast<const FusionPass&>(pass));
}

std::filesystem::path FusionTask::dump(const std::any& pass,
                                       const std::filesystem::path& stem) const {
  return experiments::dump(std::any_cast<const FusionPass&>(pass), stem);
}

}  // namespace nvlm::experiments
