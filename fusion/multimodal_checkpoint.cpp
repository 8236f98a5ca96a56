#include "fusion/multimodal_checkpoint.h"

#include <map>
#include <stdexcept>
#include <string>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/load_weights.h"
#include "common/safetensors.h"
#include "common/weight_store.h"
#include "decoder/checkpoint.h"
#include "decoder/tokenizer/tokenizer.h"

namespace nvlm::fusion {
namespace {

std::string dtype_name(at::ScalarType dtype) {
  if (dtype == at::kFloat) return "float32";
  if (dtype == at::kBFloat16) return "bfloat16";
  if (dtype == at::kDouble) return "float64";
  throw std::invalid_argument("save_multimodal: dtype is " + std::string(c10::toString(dtype)) +
                              ", expected float32, bfloat16 or float64");
}

/// Greedy until the token that closes an answer.
Json generation_defaults(const decoder::Tokenizer& tokenizer, const PromptFormat& format) {
  const auto end = tokenizer.find(format.answer_close);
  if (!end) {
    throw std::invalid_argument("save_multimodal: the tokenizer has no token '" +
                                format.answer_close + "', which ends an answer");
  }
  return {{"do_sample", false},
          {"eos_token_id", *end},
          {"pad_token_id", tokenizer.find("<|endoftext|>").value_or(*end)}};
}

}  // namespace

MultimodalModel load_multimodal(const std::filesystem::path& folder, at::ScalarType dtype) {
  const std::filesystem::path config_path = folder / "config.json";
  const Json json = read_json(config_path);
  const WeightStore weights = WeightStore::open(folder);
  MultimodalConfig config;
  try {
    config = multimodal_config_from_json(json);
    config.vision = vision::with_stored_heads(config.vision, weights, "vision_model.");
    const std::filesystem::path preprocessor = folder / "preprocessor_config.json";
    if (std::filesystem::exists(preprocessor)) {
      config.preprocessor = vision::preprocessor_config_from_json(read_json(preprocessor));
      // The model's own word on tiling counts: published preprocessors know only the tile's size.
      config.preprocessor.tiling =
          vision::tiling_from_model_config(json, config.preprocessor.tiling);
    }
    validate(config);
  } catch (const std::exception& error) {
    throw std::runtime_error(folder.string() + ": " + error.what());
  }
  decoder::check_plausible(num_parameters(config), weights);  // before memory is taken for it
  MultimodalModel model(config);
  LoadOptions options;
  options.dtype = dtype;
  load_weights(*model, weights, options);
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
