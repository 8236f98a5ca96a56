// The `decoder` part of `tokenizer.json`: from tokens to text, one token at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/json.h"

namespace nvlm::decoder {

/// Two kinds: ByteLevel (GPT-2, Llama 3, Qwen2), and Replace, ByteFallback, Fuse, Strip (Llama 2).
/// Immutable; what is remembered between tokens lies in a State.
class TokenDecoder {
 public:
  /// What one token contributes.
  struct Piece {
    std::string bytes;
    bool is_single_byte = false;  // "<0x41>" of a byte fall-back
  };

  /// Text in the making.
  struct State {
    std::string pending;      // bytes whose meaning later tokens decide
    size_t num_stripped = 0;  // characters removed at the start so far
    bool at_start = true;
  };

  /// throws  std::runtime_error naming file and field for other types and malformed ones
  static TokenDecoder from_json(const Json& tokenizer, const std::string& file);

  /// The piece of the token with this name.
  Piece piece(std::string_view name) const;

  /// The text that is certain once `piece` has come; always valid UTF-8.
  std::string push(State& state, const Piece& piece) const;

  /// The rest of the text, when no more tokens come.
  std::string finish(State& state) const;

 private:
  std::string take_single_bytes(State& state) const;
  std::string strip(State& state, std::string text) const;

  bool byte_level_ = false;
  bool byte_fallback_ = false;
  std::vector<std::pair<std::string, std::string>> replacements_;
  std::string strip_content_;  // one character
  size_t strip_count_ = 0;     // at most so many of them are removed at the start of the text
};

}  // namespace nvlm::decoder
