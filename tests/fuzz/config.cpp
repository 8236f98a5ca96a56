// Input: a config.json or preprocessor_config.json, read by every family's parser. What one of them
// accepts must survive being written and read again.
#include "decoder/llama_config.h"
#include "fusion/mllama_config.h"
#include "fusion/multimodal_config.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/fuzz/json_mutator.h"
#include "vision/mllama_tiling.h"
#include "vision/mllama_vision_config.h"
#include "vision/preprocessor.h"
#include "vision/vision_config.h"

namespace nvlm::fuzz {
namespace {

/// What `parse` makes of `json` must survive to_json(), its size included; `size_of` counts
/// something that follows from the configuration.
template <class Config, class SizeOf>
void check_parser(const Json& json, Config (*parse)(const Json&), const SizeOf& size_of) {
  expect_clear_errors([&] {
    const Config config = parse(json);
    const int64_t size = size_of(config);  // may refuse what only a user of the value looks at
    const Json written = to_json(config);
    try {
      const Config again = parse(parse_json(written.dump(), "written"));
      require(to_json(again) == written && size_of(again) == size);
    } catch (const std::exception&) {
      require(false);  // refuses what it wrote itself
    }
  });
}

int64_t parameters_of_llama(const decoder::LlamaConfig& config) {
  const int64_t parameters = decoder::num_parameters(config);
  require(parameters > 0);
  return parameters;
}

int64_t parameters_of_mllama(const fusion::MllamaConfig& config) {
  require(config.depths().size() == config.cross_attention_layers.size());
  require(static_cast<int64_t>(config.self_attention_layers().size()) == config.decoder.layers);
  const int64_t parameters = fusion::num_parameters(config);
  require(parameters > 0);
  return parameters;
}

int64_t image_tokens(const fusion::MultimodalConfig& config) {
  require(config.tile_tokens() > 0);
  return config.tile_tokens() + config.prompt().tile_tokens + parameters_of_llama(config.decoder);
}

}  // namespace
}  // namespace nvlm::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nvlm;
  fuzz::expect_clear_errors([&] {
    const Json json = parse_json(fuzz::as_text(data, size), "config.json");
    fuzz::check_parser(json, &decoder::llama_config_from_json, fuzz::parameters_of_llama);
    fuzz::check_parser(json, &vision::vision_config_from_json,
                       [](const auto& config) { return config.attention_width(); });
    fuzz::check_parser(json, &vision::mllama_vision_config_from_json,
                       [](const auto& config) { return vision::num_parameters(config); });
    fuzz::check_parser(json, &vision::preprocessor_config_from_json,
                       [](const auto& config) { return config.tiling.tile_size; });
    fuzz::check_parser(json, &vision::mllama_preprocessor_config_from_json,
                       [](const auto& config) { return config.tile_size; });
    fuzz::check_parser(json, &fusion::multimodal_config_from_json, fuzz::image_tokens);
    fuzz::check_parser(json, &fusion::mllama_config_from_json, fuzz::parameters_of_mllama);
  });
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  return nvlm::fuzz::JsonMutator(seed).mutate(data, size, max_size);
}
