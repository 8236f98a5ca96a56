#include "fusion/multimodal_checkpoint.h"

#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/load_weights.h"
#include "common/parameter_scope.h"
#include "common/safetensors.h"
#include "common/translated_weights.h"
#include "common/weight_store.h"
#include "decoder/checkpoint.h"
#include "decoder/tokenizer/tokenizer.h"
#include "fusion/internvl_native.h"
#include "fusion/model_sizes.h"

namespace nvlm::fusion {
namespace {

/// What stands beside config.json.
void complete_config(MultimodalConfig& config, const Json& json,
                     const std::filesystem::path& folder, const WeightStore& weights) {
  config.vision = vision::with_stored_heads(config.vision, weights, "vision_model.");
  const std::filesystem::path preprocessor = folder / "preprocessor_config.json";
  if (!std::filesystem::exists(preprocessor)) return;
  config.preprocessor = vision::preprocessor_config_from_json(read_json(preprocessor));
  // The model's own word on tiling counts: published preprocessors know only the tile's size.
  config.preprocessor.tiling = vision::tiling_from_model_config(json, config.preprocessor.tiling);
}

/// The same for the native layout.
void complete_native_config(MultimodalConfig& config, const std::filesystem::path& folder,
                            const WeightStore& weights) {
  for (const char* file : {"preprocessor_config.json", "processor_config.json"}) {
    if (!std::filesystem::exists(folder / file)) continue;
    const Json json = read_json(folder / file);
    if (!json.contains("size") && !json.contains("image_processor")) continue;
    config.preprocessor = internvl_native_preprocessor(json);
    break;
  }
  // Two entries of config.json speak of a tied head and their defaults changed over time; what is
  // stored is plain.
  config.decoder.tie_word_embeddings = !internvl_native_has_head(weights);
}

/// What config.json, the files beside it and the tensors say together.
MultimodalConfig stored_config(const std::filesystem::path& folder, const Json& json,
                               const WeightStore& weights) {
  try {
    MultimodalConfig config = multimodal_config_from_json(json);
    if (is_internvl_native(json)) {
      complete_native_config(config, folder, weights);
    } else {
      complete_config(config, json, folder, weights);
    }
    validate(config);
    return config;
  } catch (const std::exception& error) {
    throw std::runtime_error(folder.string() + ": " + error.what());
  }
}

/// Built without taking memory for its parameters.
MultimodalModel shapes_of(const MultimodalConfig& config) {
  const ParameterScope shapes_only({.device = at::kMeta});
  return MultimodalModel(config);
}

std::vector<std::string> tensor_names(const torch::nn::Module& module) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state_dict(module)) names.push_back(name);
  return names;
}

}  // namespace

std::string dtype_name(at::ScalarType dtype) {
  if (dtype == at::kFloat || dtype == at::kBFloat16 || dtype == at::kDouble) {
    return decoder::torch_dtype_name(dtype);
  }
  throw std::invalid_argument("fusion.checkpoint: dtype is " + std::string(c10::toString(dtype)) +
                              ", expected float32, bfloat16 or float64");
}

Json generation_defaults(const decoder::Tokenizer& tokenizer, const PromptFormat& format) {
  const auto end = tokenizer.find(format.chat.stop);
  if (!end) {
    throw std::invalid_argument("fusion.checkpoint: the tokenizer has no token '" +
                                format.chat.stop + "', which ends an answer");
  }
  return {{"do_sample", false},
          {"eos_token_id", *end},
          {"pad_token_id", tokenizer.find("<|endoftext|>").value_or(*end)}};
}

MultimodalConfig read_multimodal_config(const std::filesystem::path& folder) {
  const Json json = read_json(folder / "config.json");
  return stored_config(folder, json, WeightStore::open(folder));
}

MultimodalModel load_multimodal(const std::filesystem::path& folder, at::ScalarType dtype) {
  return load_multimodal(folder, decoder::on_cpu(dtype));
}

MultimodalModel load_multimodal(const std::filesystem::path& folder,
                                const decoder::PlaceModel& place) {
  const Json json = read_json(folder / "config.json");
  const WeightStore weights = WeightStore::open(folder);
  const MultimodalConfig config = stored_config(folder, json, weights);
  const MultimodalModel shapes = shapes_of(config);
  decoder::check_plausible(decoder::num_elements(*shapes), weights);
  const ParameterStyle style =
      place(model_sizes(*shapes, *shapes->language_model, config.fusion.depths));
  const ParameterScope scope(style);
  MultimodalModel model(config);
  std::map<std::string, TensorOrigin> origins;
  if (is_internvl_native(json)) origins = internvl_native_origins(tensor_names(*model), weights);
  LoadOptions options;
  options.dtype = style.dtype;
  load_weights(*model, TranslatedWeights(weights, std::move(origins)), options);
  model->eval();
  return model;
}

void save_multimodal(const std::filesystem::path& folder, const MultimodalModel& model,
                     const std::filesystem::path& tokenizer_json, at::ScalarType dtype) {
  const MultimodalConfig& config = model->config();
  Json config_json = to_json(config);
  config_json["torch_dtype"] = dtype_name(dtype);
  const auto tokenizer = decoder::Tokenizer::from_file(tokenizer_json);

  std::filesystem::create_directories(folder);
  write_json(folder / "config.json", config_json);
  write_json(folder / "preprocessor_config.json", vision::to_json(config.preprocessor));
  write_json(folder / "generation_config.json",
             generation_defaults(tokenizer, prompt_format(config.prompt_template)));
  write_file_atomically(folder / "tokenizer.json", read_text_file(tokenizer_json));

  std::map<std::string, Tensor> tensors = state_dict(*model);
  for (auto& [name, tensor] : tensors) {
    if (tensor.is_floating_point()) tensor = tensor.to(at::kCPU, dtype);
  }
  write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
}

}  // namespace nvlm::fusion
