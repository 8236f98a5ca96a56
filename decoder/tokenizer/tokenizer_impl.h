// The parts of a Tokenizer; private to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "decoder/tokenizer/added_tokens.h"
#include "decoder/tokenizer/bpe_model.h"
#include "decoder/tokenizer/normalizer.h"
#include "decoder/tokenizer/post_processor.h"
#include "decoder/tokenizer/pre_tokenizer.h"
#include "decoder/tokenizer/token_decoder.h"
#include "decoder/tokenizer/tokenizer.h"

namespace nvlm::decoder {

struct Tokenizer::Impl {
  struct Token {
    TokenDecoder::Piece piece;
    bool special = false;
  };

  std::string file;
  AddedTokenFinder added_raw;         // looked for in the text as it comes
  AddedTokenFinder added_normalized;  // looked for after normalisation
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  BpeModel model;
  PostProcessor post_processor;
  TokenDecoder decoder;
  std::unordered_map<int64_t, Token> tokens;
  StringMap<int32_t> added_ids;  // by content; the other names are in the model
  int64_t vocab_size = 0;

  Impl(const Json& json, const std::string& file_name);

  /// Adds an added token to `tokens`, `added_ids` and a finder.
  void add(const AddedToken& token);

  /// Ids of `text` without the template.
  std::vector<int64_t> encode(std::string_view text, bool special_as_text) const;

  /// The text that is certain with `id`. An id without a token adds nothing.
  std::string push(TokenDecoder::State& state, int64_t id, bool skip_special_tokens) const;
};

}  // namespace nvlm::decoder
