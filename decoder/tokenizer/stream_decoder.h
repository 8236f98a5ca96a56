// Text of a growing sequence of tokens, for output while a model generates.
#pragma once

#include <cstdint>
#include <string>

#include "decoder/tokenizer/token_decoder.h"
#include "decoder/tokenizer/tokenizer.h"

namespace nvlm::decoder {

/// All that push() and flush() return, joined, equals Tokenizer::decode of all ids; each part is
/// valid UTF-8. Keeps a reference to the tokenizer, which must outlive it.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens = true);

  /// The text that is certain with `id`: empty while a character is unfinished.
  std::string push(int64_t id);

  /// The rest, in which an unfinished character is U+FFFD; a new text may begin afterwards.
  std::string flush();

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_tokens_;
  TokenDecoder::State state_;
};

}  // namespace nvlm::decoder
