// What a token and a picture cost while a model runs, as far as its config.json says it.
#pragma once

#include <cstdint>
#include <optional>

#include "common/json.h"

namespace nvlm::eval {

/// A picture cut into as many tiles as the model takes.
struct ImageCosts {
  int64_t tokens_per_tile = 0;
  int64_t inline_tiles = 0;  // their tokens take places in the context
  int64_t memory_tiles =
      0;  // their keys and values stand beside it, once per cross-attention block
  int64_t memory_elements_per_token = 0;

  /// Numbers that are kept for the memory of the picture.
  int64_t memory_elements() const {
    return memory_tiles * tokens_per_tile * memory_elements_per_token;
  }
};

/// 0 where the configuration does not say it, or not sensibly.
struct RunTimeCosts {
  int64_t vocab = 0;
  int64_t context = 0;                   // tokens
  int64_t cache_elements_per_token = 0;  // keys and values of all self-attention layers
  std::optional<ImageCosts> image;       // multimodal models

  int64_t cache_elements_at_full_context() const { return context * cache_elements_per_token; }
};

/// config  of any family; one that is damaged or unknown tells less, and nothing is thrown
RunTimeCosts run_time_costs(const Json& config);

}  // namespace nvlm::eval
