// Cuts text into the words that byte-pair merging never crosses.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "decoder/tokenizer/pattern.h"

namespace nvlm::decoder {

/// The pattern of Llama 3, which also stands in its `tokenizer.json`.
extern const char* const kLlama3Pattern;

/// The `pre_tokenizer` part: Split, ByteLevel, Digits, or a Sequence of them. Immutable.
class PreTokenizer {
 public:
  /// throws  std::runtime_error naming file and field for other types and malformed ones
  static PreTokenizer from_json(const Json& tokenizer, const std::string& file);

  /// Isolates the matches of `pattern`; byte-level.
  static PreTokenizer from_pattern(const std::string& pattern, const std::string& where);

  /// Calls word(bytes) for each word of `text`, in order; a word is valid only during the call.
  /// Bytes that are not UTF-8 are words of their own.
  void split(std::string_view text, const std::function<void(std::string_view)>& word) const;

  /// Words are sequences of bytes (GPT-2, Llama 3, Qwen2) rather than of characters (Llama 2).
  bool byte_level() const { return byte_level_; }

 private:
  enum class Behavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };
  struct Step {
    std::optional<Pattern> pattern;  // absent: put a space in front where there is none
    Behavior behavior = Behavior::kIsolated;
    bool invert = false;  // what does not match counts as matching
  };

  static Behavior parse_behavior(const std::string& name, const std::string& where);
  static std::vector<PatternPiece> arrange(std::vector<PatternPiece> pieces, Behavior behavior);
  void run(size_t step, std::string_view text,
           const std::function<void(std::string_view)>& word) const;

  std::vector<Step> steps_;
  bool byte_level_ = false;
};

}  // namespace nvlm::decoder
