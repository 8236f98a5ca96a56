// Tokens that stand outside the vocabulary's merging rules and are found in the text as they are.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/json.h"

namespace nvlm::decoder {

/// One entry of `added_tokens`.
struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;      // controls the model; left out when decoding for people
  bool single_word = false;  // only where no word character stands beside it
  bool lstrip = false;       // swallows white space on its left
  bool rstrip = false;       // and on its right
  bool normalized = false;   // looked for after normalisation rather than before
};

/// throws  std::runtime_error naming file and field: wrong types, an empty content, a content or an
///         id that is given twice
std::vector<AddedToken> parse_added_tokens(const Json& tokenizer, const std::string& file);

/// Finds added tokens in a text: the leftmost one, and the longest that begins there.
class AddedTokenFinder {
 public:
  void add(const AddedToken& token, std::string_view spelling);

  /// Cuts `text` in order into token(id) and non-empty text(stretch).
  /// special_as_text  do not recognise special tokens
  void split(std::string_view text, bool special_as_text,
             const std::function<void(std::string_view)>& text_found,
             const std::function<void(int32_t)>& token_found) const;

 private:
  struct Match {
    size_t length = 0;
    const AddedToken* token = nullptr;
  };
  Match longest_at(std::string_view text, size_t position) const;

  std::vector<AddedToken> tokens_;
  std::unordered_map<uint64_t, uint32_t> edges_;  // (node, byte) -> node; 0 is the root
  std::vector<int32_t> token_of_node_ = {-1};     // index into tokens_
  std::array<bool, 256> begins_{};                // whether a token begins with that byte
};

}  // namespace nvlm::decoder
