#include "decoder/tokenizer/added_tokens.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <stdexcept>
#include <unordered_set>

#include "decoder/tokenizer/utf8.h"

namespace nvlm::decoder {
namespace {

bool is_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }

bool is_word(char32_t c) {
  const auto code_point = static_cast<UChar32>(c);
  return u_hasBinaryProperty(code_point, UCHAR_ALPHABETIC) ||
         u_hasBinaryProperty(code_point, UCHAR_JOIN_CONTROL) ||
         (U_GET_GC_MASK(code_point) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0;
}

/// Bytes of the character that ends just before `end`, 0 if there is no well-formed one.
size_t last_character(std::string_view text, size_t end) {
  for (size_t length = 1; length <= std::min<size_t>(4, end); ++length) {
    const Utf8Sequence sequence = utf8_sequence(text.substr(0, end), end - length);
    if (sequence.kind == Utf8Kind::kValid && sequence.length == length) return length;
  }
  return 0;
}

/// Bytes of the character that begins at `begin`, 0 if there is no well-formed one.
size_t first_character(std::string_view text, size_t begin) {
  if (begin >= text.size()) return 0;
  const Utf8Sequence sequence = utf8_sequence(text, begin);
  return sequence.kind == Utf8Kind::kValid ? sequence.length : 0;
}

bool word_ends_at(std::string_view text, size_t end) {
  const size_t length = last_character(text, end);
  return length > 0 && is_word(decode_utf8(text.substr(end - length, length)));
}

bool word_begins_at(std::string_view text, size_t begin) {
  const size_t length = first_character(text, begin);
  return length > 0 && is_word(decode_utf8(text.substr(begin, length)));
}

size_t skip_spaces_left(std::string_view text, size_t end) {
  for (size_t length; (length = last_character(text, end)) > 0; end -= length) {
    if (!is_space(decode_utf8(text.substr(end - length, length)))) break;
  }
  return end;
}

size_t skip_spaces_right(std::string_view text, size_t begin) {
  for (size_t length; (length = first_character(text, begin)) > 0; begin += length) {
    if (!is_space(decode_utf8(text.substr(begin, length)))) break;
  }
  return begin;
}

uint64_t edge_key(uint32_t node, char byte) {
  return static_cast<uint64_t>(node) << 8 | static_cast<unsigned char>(byte);
}

}  // namespace

std::vector<AddedToken> parse_added_tokens(const Json& tokenizer, const std::string& file) {
  std::vector<AddedToken> tokens;
  const auto list = tokenizer.find("added_tokens");
  if (list == tokenizer.end() || list->is_null()) return tokens;
  if (!list->is_array()) throw std::runtime_error(file + ": 'added_tokens' is no list");
  std::unordered_set<std::string> contents;
  std::unordered_set<int32_t> ids;
  for (const Json& entry : *list) {
    const std::string where = file + ": added_tokens[" + std::to_string(tokens.size()) + "]";
    AddedToken token;
    token.id = json_get<int32_t>(entry, "id", where);
    token.content = json_get<std::string>(entry, "content", where);
    token.special = json_get_or(entry, "special", false, where);
    token.single_word = json_get_or(entry, "single_word", false, where);
    token.lstrip = json_get_or(entry, "lstrip", false, where);
    token.rstrip = json_get_or(entry, "rstrip", false, where);
    token.normalized = json_get_or(entry, "normalized", !token.special, where);
    if (token.id < 0) {
      throw std::runtime_error(where + ": 'id' is " + std::to_string(token.id) +
                               ", expected 0 or more");
    }
    if (token.content.empty()) throw std::runtime_error(where + ": 'content' is empty");
    if (!contents.insert(token.content).second) {
      throw std::runtime_error(where + ": 'content' '" + token.content + "' is given twice");
    }
    if (!ids.insert(token.id).second) {
      throw std::runtime_error(where + ": 'id' " + std::to_string(token.id) + " of '" +
                               token.content + "' is taken by another added token");
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

void AddedTokenFinder::add(const AddedToken& token, std::string_view spelling) {
  uint32_t node = 0;
  for (const char byte : spelling) {
    const auto [edge, is_new] =
        edges_.try_emplace(edge_key(node, byte), static_cast<uint32_t>(token_of_node_.size()));
    if (is_new) token_of_node_.push_back(-1);
    node = edge->second;
  }
  if (node == 0) return;  // normalised to nothing: never found
  begins_[static_cast<unsigned char>(spelling.front())] = true;
  token_of_node_[node] = static_cast<int32_t>(tokens_.size());
  tokens_.push_back(token);
}

AddedTokenFinder::Match AddedTokenFinder::longest_at(std::string_view text, size_t position) const {
  Match longest;
  uint32_t node = 0;
  for (size_t i = position; i < text.size(); ++i) {
    const auto edge = edges_.find(edge_key(node, text[i]));
    if (edge == edges_.end()) break;
    node = edge->second;
    if (token_of_node_[node] >= 0) {
      longest = {i + 1 - position, &tokens_[static_cast<size_t>(token_of_node_[node])]};
    }
  }
  return longest;
}

void AddedTokenFinder::split(std::string_view text, bool special_as_text,
                             const std::function<void(std::string_view)>& text_found,
                             const std::function<void(int32_t)>& token_found) const {
  size_t done = 0;
  for (size_t position = 0; position < text.size() && !tokens_.empty();) {
    const bool may_begin = begins_[static_cast<unsigned char>(text[position])];
    const Match match = may_begin ? longest_at(text, position) : Match{};
    if (match.token == nullptr) {
      ++position;
      continue;
    }
    const AddedToken& token = *match.token;
    size_t begin = position, end = position + match.length;
    position = end;
    if (special_as_text && token.special) continue;
    if (token.single_word && (word_ends_at(text, begin) || word_begins_at(text, end))) continue;
    if (token.lstrip) begin = std::max(skip_spaces_left(text, begin), done);
    if (token.rstrip) end = skip_spaces_right(text, end);
    if (begin > done) text_found(text.substr(done, begin - done));
    token_found(token.id);
    done = std::max(done, end);
  }
  if (done < text.size()) text_found(text.substr(done));
}

}  // namespace nvlm::decoder
