// What a model is and what it takes, from its configuration and the shapes of its tensors.
#pragma once

#include <vector>

#include "common/json.h"
#include "eval/inspection/module_table.h"

namespace nvlm::eval {

/// The same for a checkpoint and for a model of which only the configuration exists.
/// config   config.json; null where there is none
/// returns  "family", "architecture", "parameters" (elements of floating-point tensors), "tensors",
///          "bytes", "elements_by_dtype", "modules", "weights_bytes" by dtype (int8 and int4: 8 and
///          4 bits a parameter, without scales), and where the configuration tells them:
///          "vocab_size", "context_length" (tokens), "kv_cache_bytes_per_token",
///          "kv_cache_bytes_at_full_context" and "memory_bytes" by dtype, and "image"
///          (run_time_costs.h). An unknown architecture: "supported", the names of the families.
Json model_summary(const Json& config, const std::vector<StoredTensor>& tensors);

/// name, dtype, shape and file of each.
Json tensor_list(const std::vector<StoredTensor>& tensors);

}  // namespace nvlm::eval
