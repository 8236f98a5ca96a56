#include "fusion/model_parts.h"

#include <stdexcept>

#include "common/json.h"
#include "common/translated_weights.h"
#include "decoder/checkpoint.h"
#include "decoder/gpt2.h"
#include "decoder/meta_llama.h"

namespace nvlm::fusion {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_part(const fs::path& folder, const std::string& problem) {
  throw std::runtime_error("'" + folder.string() + "' " + problem);
}

/// config.json of a folder that must exist.
Json read_part_config(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw_part(folder, "is no folder");
  if (!fs::exists(folder / "config.json")) throw_part(folder, "holds no config.json");
  const Json json = read_json(folder / "config.json");
  if (!json.is_object()) throw_part(folder, "has a config.json that is no JSON object");
  return json;
}

/// Runs `read`; what it throws gets the folder's name in front.
template <class Read>
auto with_folder_name(const fs::path& folder, const Read& read) {
  try {
    return read();
  } catch (const std::exception& error) {
    throw std::runtime_error(folder.string() + ": " + error.what());
  }
}

}  // namespace

EncoderPart open_encoder(const fs::path& folder) {
  const Json json = read_part_config(folder);
  const bool is_inside_model = json.contains("vision_config");
  EncoderPart part{{}, {}, WeightStore::open(folder), is_inside_model ? "vision_model." : ""};
  const std::string first = part.prefix + "embeddings.class_embedding";
  if (!part.weights.contains(first)) {
    throw_part(folder, "holds no InternViT: there is no tensor '" + first +
                           "'; expected an InternViT, InternVL 2.5, NVLM-D or lab checkpoint");
  }
  return with_folder_name(folder, [&] {
    part.config = vision::vision_config_from_json(is_inside_model ? json["vision_config"] : json);
    part.config = vision::with_stored_heads(part.config, part.weights, part.prefix);
    const fs::path preprocessor = folder / "preprocessor_config.json";
    if (fs::exists(preprocessor)) {
      part.preprocessor = vision::preprocessor_config_from_json(read_json(preprocessor));
    }
    return std::move(part);
  });
}

DecoderPart open_decoder(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw_part(folder, "is no folder");
  DecoderPart part;
  if (decoder::is_meta_llama(folder)) {
    part.files = decoder::open_meta_weights(folder);
    part.config = decoder::meta_llama_config(folder, *part.files);
    part.translated =
        std::make_unique<TranslatedWeights>(*part.files, decoder::meta_llama_origins(part.config));
  } else {
    const Json json = read_part_config(folder);
    const bool is_inside_model = json.contains("llm_config");
    if (json.contains("text_config") && !is_inside_model) {
      throw_part(folder,
                 "has a text_config, expected a decoder alone or a model with an "
                 "llm_config (InternVL 2.5, NVLM-D, a lab model)");
    }
    const Json text = is_inside_model ? json["llm_config"] : json;
    if (decoder::is_gpt2(text)) {
      throw_part(folder,
                 "is a GPT-2, expected a Llama or Qwen2: its learned positions leave no room for "
                 "a picture");
    }
    part.prefix = is_inside_model ? "language_model." : "";
    part.files = std::make_unique<WeightStore>(WeightStore::open(folder));
    const std::string first = part.prefix + "model.embed_tokens.weight";
    if (!part.files->contains(first)) {
      throw_part(folder, "holds no Llama or Qwen2: there is no tensor '" + first + "'");
    }
    part.config = with_folder_name(folder, [&] { return decoder::llama_config_from_json(text); });
  }
  decoder::check_plausible(part.config, part.weights());
  return part;
}

}  // namespace nvlm::fusion
