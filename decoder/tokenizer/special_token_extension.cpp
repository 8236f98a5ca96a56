#include "decoder/tokenizer/special_token_extension.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "decoder/tokenizer/added_tokens.h"
#include "decoder/tokenizer/vocabulary.h"

namespace nvlm::decoder {
namespace {

constexpr std::string_view kReservedToken = "<|reserved_special_token_";

Json special_token(int64_t id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

/// Indices in `added_tokens` of the names that Llama 3 keeps in reserve, the last one first.
std::vector<size_t> reserved_entries(const std::vector<AddedToken>& added,
                                     const StringMap<int32_t>& vocabulary) {
  std::vector<size_t> entries;
  for (size_t i = 0; i < added.size(); ++i) {
    if (added[i].content.starts_with(kReservedToken) && !vocabulary.contains(added[i].content)) {
      entries.push_back(i);
    }
  }
  std::sort(entries.begin(), entries.end(),
            [&](size_t a, size_t b) { return added[a].id > added[b].id; });
  return entries;
}

}  // namespace

ExtendedTokenizer with_special_tokens(Json tokenizer, const std::vector<std::string>& tokens,
                                      int64_t vocab, const std::string& file) {
  const Json model = json_get<Json>(tokenizer, "model", file);
  const StringMap<int32_t> vocabulary = parse_vocabulary(model, file);
  const std::vector<AddedToken> added = parse_added_tokens(tokenizer, file);
  int64_t next_id = 0;
  for (const auto& [content, id] : vocabulary) next_id = std::max<int64_t>(next_id, id + 1);
  for (const AddedToken& token : added) next_id = std::max<int64_t>(next_id, token.id + 1);
  if (next_id > vocab) {
    throw std::runtime_error(file + ": the largest id is " + std::to_string(next_id - 1) +
                             ", expected less than the decoder's vocab_size " +
                             std::to_string(vocab) + ": they do not belong together");
  }
  std::vector<size_t> reserved = reserved_entries(added, vocabulary);
  std::reverse(reserved.begin(), reserved.end());  // taken from the back
  ExtendedTokenizer result;
  result.vocab = vocab;
  Json& entries = tokenizer["added_tokens"];
  if (!entries.is_array()) entries = Json::array();
  for (const std::string& content : tokens) {
    const bool is_present = std::any_of(entries.begin(), entries.end(), [&](const Json& entry) {
      return entry.at("content") == content;
    });
    if (is_present) continue;
    if (const auto known = vocabulary.find(content); known != vocabulary.end()) {
      entries.push_back(special_token(known->second, content));
      continue;
    }
    if (next_id >= vocab && !reserved.empty()) {
      Json& entry = entries.at(reserved.back());
      reserved.pop_back();
      entry["content"] = content;
      result.new_ids.push_back(entry.at("id").get<int64_t>());
      continue;
    }
    result.new_ids.push_back(next_id);
    entries.push_back(special_token(next_id++, content));
  }
  // The tokenizers library gives ids to added tokens in the order of the list.
  std::stable_sort(entries.begin(), entries.end(), [](const Json& a, const Json& b) {
    return a.at("id").get<int64_t>() < b.at("id").get<int64_t>();
  });
  result.vocab = std::max(vocab, next_id);
  result.json = std::move(tokenizer);
  return result;
}

}  // namespace nvlm::decoder
