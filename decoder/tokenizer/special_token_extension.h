// Gives a tokenizer.json further special tokens, in rows that the decoder has to spare first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/json.h"

namespace nvlm::decoder {

/// A tokenizer with all the tokens that were asked for.
struct ExtendedTokenizer {
  Json json;
  std::vector<int64_t> new_ids;  // rows without a trained meaning so far
  int64_t vocab = 0;             // rows that the decoder's embedding needs; at least what it had
};

/// Makes each of `tokens` one special token: found in the text as it is, left out of what people
/// read, and ordinary text in Tokenizer::encode_as_text, so that no user can write one.
/// Where its id comes from, in this order: the tokenizer has it as an added token (then it is left
/// alone); an entry of model.vocab has the same name; ids behind the tokenizer's last that the
/// decoder has rows for (published Qwen2: 271 of them); Llama 3's "<|reserved_special_token_N|>",
/// from the last one down, which is renamed (Meta itself names the first ones in later releases);
/// ids behind the last row, for which the embedding must grow.
/// tokenizer  the content of tokenizer.json
/// vocab      rows of the decoder's embedding
/// file       for errors
/// throws     std::runtime_error naming the file and the field; also where the tokenizer has an id
///            beyond the decoder's rows, so that the two do not belong together
ExtendedTokenizer with_special_tokens(Json tokenizer, const std::vector<std::string>& tokens,
                                      int64_t vocab, const std::string& file);

}  // namespace nvlm::decoder
