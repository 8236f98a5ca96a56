// Multimodal presets: their parts fit, and Llama 3.2 Vision has the published sizes. The whole of
// InternVL and NVLM is counted by the model itself in tests/eval/inspection_test.cpp.
#include <doctest/doctest.h>

#include "fusion/presets.h"
#include "vision/presets.h"

namespace nvlm::fusion {
namespace {

TEST_CASE("multimodal presets are written as config.json and read again") {
  for (const std::string& name : preset_names()) {
    CAPTURE(name);
    const Json json = to_json(preset(name).value());
    CHECK(to_json(multimodal_config_from_json(json)) == json);
    CHECK(preset(name)->tile_tokens() == 256);
  }
  CHECK_FALSE(preset("internvl2.5-8b").has_value());
  for (const std::string& name : vision::preset_names()) {
    CAPTURE(name);
    const Json json = vision::to_json(vision::preset(name).value());
    CHECK(vision::to_json(vision::vision_config_from_json(json)) == json);
  }
}

TEST_CASE("a published model's preset is what its own config.json says") {
  // As published these have no fusion_config; what follows from the architecture must agree.
  for (const char* name : {"internvl2.5-1b", "nvlm-d-72b"}) {
    CAPTURE(name);
    const MultimodalConfig config = preset(name).value();
    Json json = to_json(config);
    json.erase("fusion_config");
    json["architectures"] = {config.prompt_template == "chatml" ? "NVLM_D" : "InternVLChatModel"};
    CHECK(to_json(multimodal_config_from_json(json)) == to_json(config));
  }
}

TEST_CASE("NVLM-X and NVLM-H of 72B stand as in the paper") {
  const MultimodalConfig x = preset("nvlm-x-72b").value(), h = preset("nvlm-h-72b").value();
  CHECK(x.fusion.depths == std::vector<int64_t>{8, 16, 24, 32, 40, 48, 56, 64, 72, 80});
  CHECK(h.fusion.depths == x.fusion.depths);
  CHECK(x.fusion.projector.hidden == 0);      // one layer
  CHECK(h.fusion.projector.hidden == 29568);  // shared by thumbnail and tiles
  CHECK(is_by_the_paper("nvlm-x-72b"));
  CHECK_FALSE(is_by_the_paper("nvlm-d-72b"));
}

TEST_CASE("Llama 3.2 Vision has the published numbers of parameters") {
  CHECK(num_parameters(mllama_preset("llama-3.2-11b-vision").value()) == 10'642'941'475);
  CHECK(num_parameters(mllama_preset("llama-3.2-11b-vision-instruct").value()) == 10'670'220'835);
  CHECK(num_parameters(mllama_preset("llama-3.2-90b-vision").value()) == 88'593'355'323);
  CHECK(mllama_preset("llama-3.2-11b-vision")->cross_attention_layers ==
        std::vector<int64_t>{3, 8, 13, 18, 23, 28, 33, 38});
  for (const std::string& name : mllama_preset_names()) {
    CAPTURE(name);
    const Json json = to_json(mllama_preset(name).value());
    CHECK(to_json(mllama_config_from_json(json)) == json);
  }
}

}  // namespace
}  // namespace nvlm::fusion
