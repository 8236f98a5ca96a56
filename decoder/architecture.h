// Which decoders a config.json may name.
#pragma once

#include "common/json.h"

namespace nvlm::decoder {

/// Accepts a configuration whose `architectures`, or where that is absent `model_type`, is Llama's,
/// Qwen2's or GPT-2's, and one that names neither: then it is a Llama's. Other families use many of
/// the same fields, but compute something else.
/// config  an object; config.json, or the part of it that describes the decoder
/// throws  std::runtime_error naming what was found and what is supported
void require_known_architecture(const Json& config);

}  // namespace nvlm::decoder
