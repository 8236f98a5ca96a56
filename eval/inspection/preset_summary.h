// What the published models of common families take at their real sizes, without their weights.
#pragma once

#include <string>
#include <vector>

#include "common/json.h"

namespace nvlm::eval {

/// All presets: decoders, vision encoders, multimodal models, in this order.
std::vector<std::string> all_preset_names();

/// model_summary() of the model itself, built without memory, its tensors under the names of its
/// checkpoints and in bfloat16; "path" is the name. "by_the_paper" is true where no weights exist.
/// list_tensors  also "tensor_list"
/// throws        UsageError for an unknown name, with the nearest known one
Json preset_summary(const std::string& name, bool list_tensors = false);

}  // namespace nvlm::eval
