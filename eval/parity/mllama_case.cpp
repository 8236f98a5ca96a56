// Llama 3.2 Vision: pictures and prompts, encoder, cross-attention, logits, losses, greedy tokens.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "decoder/language_model_loss.h"
#include "decoder/tokenizer/tokenizer.h"
#include "eval/parity/greedy.h"
#include "eval/parity/kinds.h"
#include "fusion/mllama_checkpoint.h"
#include "vision/image.h"

namespace nvlm::eval {
namespace {

using fusion::MllamaConfig;
using fusion::MllamaModel;

constexpr Tolerance kMllamaPixels{1e-5, 0};

/// One group of inputs, "single.input_ids" and so on.
struct MllamaExperiment {
  std::string prefix;           // "single."
  Tensor ids;                   // [batch, seq], int64
  Tensor real;                  // [batch, seq], bool
  Tensor labels;                // [batch, seq], int64; undefined if absent
  Tensor tile_mask;             // [batch, seq, images, max_tiles], bool; undefined without pictures
  vision::MllamaImages images;  // batch * images, also those that only fill the batch up
};

[[noreturn]] void throw_bad_input(const SafetensorsFile& file, const std::string& name,
                                  const std::string& expected) {
  throw std::runtime_error(file.path().string() + ": '" + name + "': expected " + expected);
}

/// int64 [batch, seq] beside the ids.
Tensor read_beside_ids(const SafetensorsFile& file, const std::string& name, const Tensor& ids) {
  const Tensor tensor = file.tensor(name);
  if (tensor.sizes() == ids.sizes()) return tensor.to(at::kLong);
  throw_bad_input(file, name, "the shape of the input_ids beside it");
}

/// Pixels, ids and tiles of [batch, images] pictures, flattened.
vision::MllamaImages read_images(const SafetensorsFile& file, const std::string& prefix,
                                 const MllamaConfig& config) {
  const Tensor pixels = file.tensor(prefix + "pixel_values");
  const Tensor ids = file.tensor(prefix + "aspect_ratio_ids");
  const Tensor used = file.tensor(prefix + "aspect_ratio_mask").to(at::kBool);
  const int64_t size = config.vision.image_size, tiles = config.vision.max_tiles;
  if (pixels.dim() != 6 ||
      pixels.sizes().slice(2) != at::IntArrayRef({tiles, int64_t{3}, size, size}) ||
      ids.sizes() != pixels.sizes().slice(0, 2) || used.sizes() != pixels.sizes().slice(0, 3)) {
    throw_bad_input(file, prefix + "pixel_values",
                    "[batch, images, " + std::to_string(tiles) + ", 3, " + std::to_string(size) +
                        ", " + std::to_string(size) +
                        "], with aspect_ratio_ids and aspect_ratio_mask of the same pictures");
  }
  vision::MllamaImages images;
  images.pixel_values = pixels.flatten(0, 1);
  const Tensor flat_ids = ids.to(at::kLong).flatten(), counts = used.sum(-1).flatten();
  for (int64_t image = 0; image < flat_ids.size(0); ++image) {
    images.aspect_ratio_ids.push_back(flat_ids[image].item<int64_t>());
    images.num_tiles.push_back(counts[image].item<int64_t>());
  }
  return images;
}

MllamaExperiment read_mllama_experiment(const SafetensorsFile& file, const std::string& prefix,
                                        const MllamaConfig& config) {
  MllamaExperiment experiment{prefix, {}, {}, {}, {}, {}};
  experiment.ids = file.tensor(prefix + "input_ids");
  const Tensor& ids = experiment.ids;
  const int64_t rows = config.decoder.vocab + config.decoder.extra_embeddings;
  if (ids.dim() != 2 || ids.numel() == 0 || ids.scalar_type() != at::kLong ||
      ids.min().item<int64_t>() < 0 || ids.max().item<int64_t>() >= rows) {
    throw_bad_input(file, prefix + "input_ids",
                    "int64 [batch, seq] from 0 to " + std::to_string(rows - 1));
  }
  experiment.real = file.contains(prefix + "attention_mask")
                        ? read_beside_ids(file, prefix + "attention_mask", ids).to(at::kBool)
                        : at::ones_like(ids, at::kBool);
  if (file.contains(prefix + "labels")) {
    experiment.labels = read_beside_ids(file, prefix + "labels", ids);
  }
  if (!file.contains(prefix + "pixel_values")) return experiment;
  experiment.images = read_images(file, prefix, config);
  experiment.tile_mask = file.tensor(prefix + "cross_attention_mask").to(at::kBool);
  const Tensor& mask = experiment.tile_mask;
  if (mask.dim() != 4 || mask.sizes().slice(0, 2) != ids.sizes() ||
      mask.size(0) * mask.size(2) != experiment.images.size() ||
      mask.size(3) != config.vision.max_tiles) {
    throw_bad_input(file, prefix + "cross_attention_mask", "[batch, seq, images, max_tiles]");
  }
  return experiment;
}

/// The names of picture files in case.json: a list of one sample's, or a list of such lists.
std::vector<std::vector<std::string>> picture_files(const Json& list, const std::string& where) {
  std::vector<std::vector<std::string>> files;
  const bool is_nested = list.is_array() && !list.empty() && list[0].is_array();
  for (const Json& sample : is_nested ? list : Json::array({list})) {
    files.push_back(json_get<std::vector<std::string>>({{"files", sample}}, "files", where));
  }
  return files;
}

/// What the processor makes of the case's pictures: as the inputs of the experiment.
void compare_pictures(const MllamaExperiment& experiment, const CaseFolder& folder,
                      const MllamaConfig& config, TensorComparison& comparison) {
  const std::string key = experiment.prefix.substr(0, experiment.prefix.size() - 1);
  const std::string where = folder.about_path() + ": images";
  const Json images = json_get_or<Json>(folder.about(), "images", Json(), folder.about_path());
  if (!experiment.tile_mask.defined() || !images.is_object() || !images.contains(key)) return;
  const int64_t slots = experiment.tile_mask.size(2);  // pictures of a sample, at most
  Tensor pixels = at::zeros_like(experiment.images.pixel_values);
  Tensor ids = at::zeros({experiment.images.size()}, at::kLong);
  const auto samples = picture_files(images[key], where);
  if (static_cast<int64_t>(samples.size()) != experiment.ids.size(0)) {
    throw std::runtime_error(where + "." + key + ": pictures of " + std::to_string(samples.size()) +
                             " samples, expected " + std::to_string(experiment.ids.size(0)));
  }
  for (size_t sample = 0; sample < samples.size(); ++sample) {
    for (size_t i = 0; i < samples[sample].size() && static_cast<int64_t>(i) < slots; ++i) {
      const auto image = vision::preprocess_mllama(
          vision::read_image(folder.path() / samples[sample][i]), config.preprocessor);
      const auto slot = static_cast<int64_t>(sample) * slots + static_cast<int64_t>(i);
      pixels[slot].copy_(image.pixel_values);
      ids[slot] = image.aspect_ratio_id;
    }
  }
  const auto& given = experiment.images;
  comparison.compare_values(experiment.prefix + "pixel_values", pixels, given.pixel_values,
                            kMllamaPixels);
  comparison.compare_values(experiment.prefix + "aspect_ratio_ids", ids,
                            at::tensor(given.aspect_ratio_ids, at::kLong), {});
}

/// Which text sees which tile follows from the ids and the numbers of tiles.
void compare_tile_mask(const MllamaExperiment& experiment, const MllamaConfig& config,
                       TensorComparison& comparison) {
  if (!experiment.tile_mask.defined()) return;
  const int64_t slots = experiment.tile_mask.size(2), tiles = config.vision.max_tiles;
  fusion::MllamaPromptBatch prompts;
  prompts.ids = experiment.ids;
  fusion::MllamaImageFeatures pictures;
  for (int64_t sample = 0; sample < experiment.ids.size(0); ++sample) {
    fusion::MllamaPrompt prompt;
    const Tensor row = experiment.ids[sample].contiguous();
    prompt.ids.assign(row.const_data_ptr<int64_t>(), row.const_data_ptr<int64_t>() + row.size(0));
    prompt.seen_by = fusion::ranges_that_see(prompt.ids, config.image_token_id);
    for (int64_t i = 0; i < std::min(prompt.num_images(), slots); ++i) {
      pictures.num_tiles.push_back(
          experiment.images.num_tiles[static_cast<size_t>(sample * slots + i)]);
    }
    prompts.samples.push_back(std::move(prompt));
  }
  pictures.tokens = at::zeros({pictures.num_images(), tiles, 1, 1});
  const auto memory = fusion::remember_mllama(prompts, pictures, /*keep_unused_tiles=*/true);
  if (!memory) return;
  comparison.compare_values(experiment.prefix + "cross_attention_mask", memory->mask.to(at::kLong),
                            experiment.tile_mask.flatten(2).to(at::kLong), {},
                            experiment.real.unsqueeze(-1));
}

/// The texts of case.json give the ids of the experiment.
void compare_prompts(const MllamaExperiment& experiment, const CaseFolder& folder,
                     const decoder::Tokenizer& tokenizer, RowComparison& prompts) {
  const std::string key = experiment.prefix.substr(0, experiment.prefix.size() - 1);
  const Json all = json_get_or<Json>(folder.about(), "prompts", Json(), folder.about_path());
  if (!all.is_object() || !all.contains(key)) return;
  const Json texts = all[key].is_array() ? all[key] : Json::array({all[key]});
  const auto samples =
      json_get<std::vector<std::string>>({{key, texts}}, key, folder.about_path() + ": prompts");
  for (size_t sample = 0; sample < samples.size(); ++sample) {
    const auto index = static_cast<int64_t>(sample);
    if (index >= experiment.ids.size(0)) break;
    const Tensor row = experiment.ids[index].masked_select(experiment.real[index]).contiguous();
    prompts.ids(key + "[" + std::to_string(sample) + "]", tokenizer.encode(samples[sample]),
                {row.const_data_ptr<int64_t>(), row.const_data_ptr<int64_t>() + row.size(0)});
  }
}

/// The encoder's states; those inside only for a single picture.
Tensor compare_vision(MllamaModel& model, const MllamaExperiment& experiment,
                      TensorComparison& comparison) {
  const vision::MllamaImages& images = experiment.images;
  const std::string prefix = experiment.prefix + "vision.";
  vision::MllamaVisionEncoderImpl::StageObserver observe;
  if (images.size() == 1) {
    observe = [&](const std::string& stage, const Tensor& state) {
      if (!comparison.wants(prefix + stage)) return;
      const Tensor expected = comparison.expected(prefix + stage);
      if (stage == "patch_embedding" && expected.dim() == 4) {  // as a convolution gives it
        comparison.compare(prefix + stage, state.transpose(1, 2).reshape(expected.sizes()));
      } else {
        comparison.compare(prefix + stage,
                           state.numel() == expected.numel() ? state.view_as(expected) : state);
      }
    };
  }
  const Tensor encoded = model->vision_model(images, observe);  // [images, tiles, patches, width]
  const int64_t batch = experiment.ids.size(0);
  comparison.compare(prefix + "output", encoded.unflatten(0, {batch, -1}));
  const Tensor states = model->multi_modal_projector(encoded);
  comparison.compare(experiment.prefix + "cross_attention_states",
                     states.unflatten(0, {batch, -1}));
  return states;  // [images, tiles, patches, hidden]
}

/// states [images, tiles, patches, hidden] with the mask of the experiment.
fusion::Memory memory_of(const MllamaExperiment& experiment, const Tensor& states) {
  const int64_t batch = experiment.ids.size(0);
  return {states.reshape({batch, -1, states.size(3)}),
          experiment.tile_mask.flatten(2).repeat_interleave(states.size(2), /*dim=*/2)};
}

decoder::DecoderInputs inputs_of(MllamaModel& model, const MllamaExperiment& experiment,
                                 const std::optional<fusion::Memory>& memory) {
  return model->decoder_inputs(experiment.ids, experiment.real, memory);
}

/// One cross-attention block, given what enters it; returns what leaves it.
Tensor compare_block(MllamaModel& model, int64_t block, const Tensor& input,
                     const decoder::CrossAttention& cross, const std::string& key,
                     const Tensor& real, TensorComparison& comparison) {
  const std::string name = "cross_attention." + std::to_string(block) + ".";
  const decoder::MemoryKeysValues projected = cross.blocks->project_memory(block, cross.memory);
  const Tensor normed =
      submodule<decoder::RmsNormImpl>(*model, name + "input_layernorm").forward(input);
  auto& attention = submodule<fusion::MemoryAttentionImpl>(*model, name + "cross_attn");
  comparison.compare(key + "q_norm", attention.queries(normed), real.unsqueeze(1));
  comparison.compare(key + "k_norm", projected.keys);
  const Tensor blind = cross.mask.any(-1, /*keepdim=*/true).logical_not();  // [batch, seq, 1]
  comparison.compare(key + "cross_attn",
                     attention.forward(normed, projected, cross.mask.logical_or(blind)), real);
  const Tensor output = cross.blocks->update(block, input, projected, cross.mask, nullptr);
  comparison.compare(key + "out", output, real);
  return output;
}

/// All layers in order, numbered as in the checkpoint.
void compare_layers(MllamaModel& model, const decoder::DecoderInputs& inputs,
                    const MllamaExperiment& experiment, TensorComparison& comparison) {
  const std::string prefix = experiment.prefix + "text.layer.";
  if (!comparison.wants_any(prefix)) return;
  const Tensor real = experiment.real.unsqueeze(-1);
  const std::vector<int64_t> self = model->config().self_attention_layers();
  const std::vector<int64_t>& cross = model->config().cross_attention_layers;
  const std::vector<Tensor> outputs = model->language_model->model->layer_outputs(inputs);
  Tensor entering = inputs.embeddings;
  for (size_t depth = 0; depth <= outputs.size(); ++depth) {
    const auto block = model->cross_attention->block_at(static_cast<int64_t>(depth));
    if (block && inputs.cross_attention) {
      const int64_t layer = cross[static_cast<size_t>(*block)];
      compare_block(model, *block, entering, *inputs.cross_attention,
                    prefix + std::to_string(layer) + ".", real, comparison);
    }
    if (depth == outputs.size()) break;
    comparison.compare(prefix + std::to_string(self[depth]) + ".out", outputs[depth], real);
    entering = outputs[depth];
  }
}

void compare_text(MllamaModel& model, const decoder::DecoderInputs& inputs,
                  const MllamaExperiment& experiment, TensorComparison& comparison) {
  const Tensor real = experiment.real.unsqueeze(-1);
  const std::string& prefix = experiment.prefix;
  comparison.compare(prefix + "text.embed", inputs.embeddings, real);
  compare_layers(model, inputs, experiment, comparison);
  const Tensor hidden = model->language_model->hidden_states(inputs);
  comparison.compare(prefix + "text.final_norm", hidden, real);
  comparison.compare(prefix + "final_norm", hidden, real);
  const Tensor logits = model->logits(hidden);
  comparison.compare(prefix + "logits", logits, real);
  if (!experiment.labels.defined() || experiment.labels.size(1) < 2) return;
  const Tensor& labels = experiment.labels;
  comparison.compare(prefix + "token_nll", decoder::token_losses(logits, labels),
                     labels.narrow(1, 1, labels.size(1) - 1).ne(decoder::kIgnoredLabel));
  comparison.compare(prefix + "loss",
                     decoder::masked_cross_entropy(logits, labels).mean().view({1}));
}

/// The other rule for text before a picture, Meta's, which is this program's own.
void compare_meta_rule(const CaseFolder& folder, MllamaConfig config, const Tensor& states,
                       const MllamaExperiment& experiment, TensorComparison& comparison) {
  const std::string name = experiment.prefix + "meta_rule.logits";
  if (!comparison.wants(name)) return;
  config.attend_without_memory = false;
  MllamaModel model = fusion::load_mllama(folder.path(), config);
  const auto inputs = inputs_of(model, experiment, memory_of(experiment, states));
  comparison.compare(name, model->language_model->forward(inputs), experiment.real.unsqueeze(-1));
}

/// "<experiment>_gradient_norms" of case.json: of the loss, by stored parameter.
void compare_mllama_gradients(MllamaModel& model, const MllamaExperiment& experiment,
                              const CaseFolder& folder, ParityReport& report) {
  const std::string key =
      experiment.prefix.substr(0, experiment.prefix.size() - 1) + "_gradient_norms";
  const Json norms = json_get_or<Json>(folder.about(), key, Json(), folder.about_path());
  if (!norms.is_object() || !experiment.labels.defined()) return;
  std::optional<fusion::Memory> memory;
  if (experiment.tile_mask.defined()) {
    memory = memory_of(experiment, model->encode_images(experiment.images).tokens);
  }
  const Tensor hidden = model->language_model->hidden_states(inputs_of(model, experiment, memory));
  decoder::language_model_loss(model->language_model, hidden, experiment.labels).mean().backward();
  RowComparison comparison("case.json " + key, folder.tolerance());
  for (const auto& parameter : model->named_parameters()) {
    const std::string name = fusion::mllama_stored_name(model->config(), parameter.key());
    if (!norms.contains(name)) continue;
    const Tensor& gradient = parameter.value().grad();
    comparison.number(name, gradient.defined() ? gradient.norm().item<double>() : 0.0,
                      json_get<double>(norms, name, folder.about_path()));
  }
  comparison.finish(report);
}

}  // namespace

void check_mllama(const CaseFolder& folder, ParityReport& report) {
  const SafetensorsFile inputs = folder.inputs(), expected = folder.expected();
  TensorComparison comparison(expected, folder.tolerance(), report);
  MllamaConfig config = fusion::read_mllama_config(folder.path());
  config.attend_without_memory = true;  // the rule of transformers, the reference
  MllamaModel model = fusion::load_mllama(folder.path(), config);
  std::optional<decoder::Tokenizer> tokenizer;
  if (folder.has("tokenizer.json")) {
    tokenizer = decoder::Tokenizer::from_file(folder.path() / "tokenizer.json");
  }
  RowComparison prompts("case.json prompts");
  const std::string suffix = ".input_ids";
  for (const auto& [name, entry] : inputs.entries()) {
    if (!name.ends_with(suffix)) continue;
    const auto experiment =
        read_mllama_experiment(inputs, name.substr(0, name.size() - suffix.size() + 1), config);
    if (tokenizer) compare_prompts(experiment, folder, *tokenizer, prompts);
    {
      const at::NoGradGuard no_grad;
      compare_pictures(experiment, folder, config, comparison);
      compare_tile_mask(experiment, config, comparison);
      std::optional<fusion::Memory> memory;
      if (experiment.tile_mask.defined()) {
        const Tensor states = compare_vision(model, experiment, comparison);
        memory = memory_of(experiment, states);
        comparison.compare(experiment.prefix + "full_text_row_mask",
                           experiment.tile_mask.flatten(2).any(-1).to(at::kFloat));
        compare_meta_rule(folder, config, states, experiment, comparison);
      }
      const auto decoder_inputs = inputs_of(model, experiment, memory);
      compare_text(model, decoder_inputs, experiment, comparison);
      compare_greedy_tokens(model->language_model, decoder_inputs, experiment.prefix + "gen.tokens",
                            experiment.prefix + "gen.step_logits", comparison);
    }
    compare_mllama_gradients(model, experiment, folder, report);
  }
  prompts.finish(report);
  comparison.finish();
}

}  // namespace nvlm::eval
