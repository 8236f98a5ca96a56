// Families are told by config.json.
#include <doctest/doctest.h>

#include "fusion/model_family.h"

namespace nvlm::fusion {
namespace {

TEST_CASE("families follow from config.json, architectures first") {
  CHECK(model_family({{"architectures", {"Qwen2ForCausalLM"}}, {"model_type", "llama"}}) ==
        ModelFamily::kQwen2);
  CHECK(model_family({{"model_type", "llama"}}) == ModelFamily::kLlama);
  CHECK(model_family({{"architectures", {"NVLM_D"}}}) == ModelFamily::kNvlmD);
  CHECK(model_family({{"architectures", {"InternVLForConditionalGeneration"}}}) ==
        ModelFamily::kInternVl);
  CHECK(model_family({{"model_type", "internvl"}}) == ModelFamily::kInternVl);
  CHECK(model_family({{"architectures", {"NVLM_D"}}, {"fusion_config", Json::object()}}) ==
        ModelFamily::kLab);
  CHECK(model_family(Json::array()) == ModelFamily::kOther);
  CHECK(name(model_family({{"architectures", {"InternVisionModel"}}})) == "InternViT");
}

}  // namespace
}  // namespace nvlm::fusion
