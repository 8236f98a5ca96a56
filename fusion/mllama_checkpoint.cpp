#include "fusion/mllama_checkpoint.h"

#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "common/atomic_file.h"
#include "common/load_weights.h"
#include "common/parameter_scope.h"
#include "common/safetensors.h"
#include "common/translated_weights.h"
#include "common/weight_store.h"
#include "decoder/checkpoint.h"
#include "fusion/model_sizes.h"

namespace nvlm::fusion {
namespace {

/// Counted without taking memory for them.
decoder::PartSizes described_sizes(const MllamaConfig& config) {
  const ParameterScope shapes_only({.device = at::kMeta});
  const MllamaModel shapes(config);
  return model_sizes(*shapes, *shapes->language_model, config.depths());
}

}  // namespace

MllamaConfig read_mllama_config(const std::filesystem::path& folder) {
  const Json json = read_json(folder / "config.json");
  const std::filesystem::path preprocessor = folder / "preprocessor_config.json";
  try {
    MllamaConfig config = mllama_config_from_json(json);
    if (std::filesystem::exists(preprocessor)) {
      config.preprocessor = vision::mllama_preprocessor_config_from_json(read_json(preprocessor));
      validate(config);
    }
    return config;
  } catch (const std::exception& error) {
    throw std::runtime_error(folder.string() + ": " + error.what());
  }
}

MllamaModel load_mllama(const std::filesystem::path& folder, const MllamaConfig& config,
                        const decoder::PlaceModel& place) {
  const WeightStore weights = WeightStore::open(folder);
  decoder::check_plausible(num_parameters(config), weights);
  const bool is_new_naming = weights.contains("model.multi_modal_projector.weight");
  const ParameterStyle style = place(described_sizes(config));
  const ParameterScope scope(style);
  MllamaModel model(config);
  std::map<std::string, TensorOrigin> origins;
  for (const auto& parameter : model->named_parameters()) {
    const std::string& name = parameter.key();
    origins[name].name =
        is_new_naming ? mllama_new_stored_name(config, name) : mllama_stored_name(config, name);
  }
  load_weights(*model, TranslatedWeights(weights, std::move(origins)),
               {.ignored = {"rotary_emb.inv_freq"}, .dtype = style.dtype});
  model->eval();
  return model;
}

MllamaModel load_mllama(const std::filesystem::path& folder, const MllamaConfig& config,
                        at::ScalarType dtype) {
  return load_mllama(folder, config, decoder::on_cpu(dtype));
}

MllamaModel load_mllama(const std::filesystem::path& folder, at::ScalarType dtype) {
  return load_mllama(folder, read_mllama_config(folder), dtype);
}

void save_mllama(const std::filesystem::path& folder, const MllamaModel& model,
                 const std::filesystem::path& tokenizer_json) {
  const MllamaConfig& config = model->config();
  const Json json = to_json(config);
  std::filesystem::create_directories(folder);
  write_json(folder / "config.json", json);
  write_json(folder / "preprocessor_config.json", vision::to_json(config.preprocessor));
  write_json(folder / "generation_config.json",
             {{"bos_token_id", json["text_config"]["bos_token_id"]},
              {"eos_token_id", json["text_config"]["eos_token_id"]},
              {"pad_token_id", config.pad_token_id}});
  write_file_atomically(folder / "tokenizer.json", read_text_file(tokenizer_json));
  std::map<std::string, Tensor> stored;
  for (auto& [name, tensor] : state_dict(*model)) stored[mllama_stored_name(config, name)] = tensor;
  write_safetensors(folder / "model.safetensors", stored, {{"format", "pt"}});
}

}  // namespace nvlm::fusion
