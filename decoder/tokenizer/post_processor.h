// The special tokens that a model expects around a text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/json.h"

namespace nvlm::decoder {

/// The `post_processor` part for a single text: TemplateProcessing, ByteLevel (no effect on ids),
/// or a Sequence of them.
struct PostProcessor {
  std::vector<int64_t> before;  // e.g. BOS
  std::vector<int64_t> after;   // e.g. EOS

  /// throws  std::runtime_error naming file and field
  static PostProcessor from_json(const Json& tokenizer, const std::string& file);
};

}  // namespace nvlm::decoder
