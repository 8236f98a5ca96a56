// Input: a config.json or preprocessor_config.json, read by every family's parser. What one of them
// accepts must survive being written and read again.
#include "decoder/llama_config.h"
#include "fusion/mllama_config.h"
#include "fusion/multimodal_config.h"
#include "tests/fuzz/fuzz_support.h"
#include "vision/mllama_tiling.h"
#include "vision/mllama_vision_config.h"
#include "vision/preprocessor.h"
#include "vision/vision_config.h"

namespace nvlm::fuzz {
namespace {

/// Calls `use` with what `parse` makes of `json`, and requires that to_json() loses nothing.
template <class Config, class Use>
void check_parser(const Json& json, Config (*parse)(const Json&), const Use& use) {
  expect_clear_errors([&] {
    const Config config = parse(json);
    use(config);
    Json written, again;
    try {
      written = to_json(config);
      again = to_json(parse(parse_json(written.dump(), "written")));
    } catch (const std::exception&) {
      require(false);  // refuses what it wrote itself
    }
    require(again == written);
  });
}

constexpr auto kNothing = [](const auto&) {};

}  // namespace
}  // namespace nvlm::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nvlm;
  fuzz::expect_clear_errors([&] {
    const Json json = parse_json(fuzz::as_text(data, size), "config.json");
    fuzz::check_parser(json, &decoder::llama_config_from_json, [](const auto& config) {
      fuzz::require(decoder::num_parameters(config) > 0);
    });
    fuzz::check_parser(json, &vision::vision_config_from_json, fuzz::kNothing);
    fuzz::check_parser(json, &vision::mllama_vision_config_from_json, fuzz::kNothing);
    fuzz::check_parser(json, &vision::preprocessor_config_from_json, fuzz::kNothing);
    fuzz::check_parser(json, &vision::mllama_preprocessor_config_from_json, fuzz::kNothing);
    fuzz::check_parser(json, &fusion::multimodal_config_from_json, [](const auto& config) {
      fuzz::require(config.tile_tokens() > 0);
      config.prompt();
    });
    fuzz::check_parser(json, &fusion::mllama_config_from_json, [](const auto& config) {
      fuzz::require(fusion::num_parameters(config) > 0);
      config.depths();
      config.self_attention_layers();
    });
  });
  return 0;
}
