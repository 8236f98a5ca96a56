// Published decoders by name, at their real sizes: every rung of docs/llama-ladder.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decoder/llama_config.h"

namespace nvlm::decoder {

/// "gpt2", ..., "llama-3.1-405b", ..., "yi-34b", family by family and small to large.
std::vector<std::string> preset_names();

/// What the config.json of the published base model says; nothing for an unknown name. Instruct
/// models differ in stop tokens and, some of Qwen's, in context length and norm_eps.
std::optional<LlamaConfig> preset(std::string_view name);

}  // namespace nvlm::decoder
