#include "decoder/architecture.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nvlm::decoder {
namespace {

constexpr const char* kArchitectureWhere = "decoder.config";

/// Class names; the models without a head ("Qwen2Model") hold the same decoder.
constexpr std::array<std::string_view, 6> kArchitectures = {"LlamaForCausalLM", "LlamaModel",
                                                            "Qwen2ForCausalLM", "Qwen2Model",
                                                            "GPT2LMHeadModel",  "GPT2Model"};

/// mllama_text_model: Llama 3.2 Vision's decoder, whose blocks for pictures are not part of it.
constexpr std::array<std::string_view, 4> kModelTypes = {"llama", "qwen2", "gpt2",
                                                         "mllama_text_model"};

}  // namespace

void require_known_architecture(const Json& config) {
  const auto names =
      json_get_or<std::vector<std::string>>(config, "architectures", {}, kArchitectureWhere);
  const std::string type = json_get_or(config, "model_type", "llama", kArchitectureWhere);
  const bool known =
      names.empty() ? std::find(kModelTypes.begin(), kModelTypes.end(), type) != kModelTypes.end()
                    : std::find(kArchitectures.begin(), kArchitectures.end(), names[0]) !=
                          kArchitectures.end();
  if (known) return;
  throw std::runtime_error(std::string(kArchitectureWhere) + ": architecture '" +
                           (names.empty() ? type : names[0]) +
                           "' is not supported, expected LlamaForCausalLM, Qwen2ForCausalLM or "
                           "GPT2LMHeadModel");
}

}  // namespace nvlm::decoder
