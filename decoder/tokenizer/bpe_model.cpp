#include "decoder/tokenizer/bpe_model.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "decoder/tokenizer/byte_level_alphabet.h"
#include "decoder/tokenizer/utf8.h"

namespace nvlm::decoder {
namespace {

std::string byte_token_name(size_t byte) {
  std::array<char, 8> name{};
  std::snprintf(name.data(), name.size(), "<0x%02X>", static_cast<unsigned>(byte & 0xFF));
  return name.data();
}

/// Options of the model that change ids and that no known checkpoint uses.
void refuse_unsupported_options(const Json& model, const std::string& where) {
  const auto refuse_unless = [&](bool fine, const std::string& key, const std::string& expected) {
    if (!fine) {
      throw std::runtime_error(where + ": '" + key + "' is " + model[key].dump() + ", expected " +
                               expected);
    }
  };
  const auto type = json_get_or(model, "type", "BPE", where);
  refuse_unless(type == "BPE", "type", "\"BPE\"");
  refuse_unless(json_get_or(model, "dropout", 0.0, where) == 0.0, "dropout", "null");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    refuse_unless(json_get_or(model, key, "", where).empty(), key, "null");
  }
}

}  // namespace

BpeModel BpeModel::from_json(const Json& tokenizer, bool byte_level, const std::string& file) {
  const auto entry = tokenizer.find("model");
  if (entry == tokenizer.end()) throw std::runtime_error(file + ": 'model' is missing");
  if (!entry->is_object()) throw std::runtime_error(file + ": 'model' is no object");
  const Json& model = *entry;
  const std::string where = file + ": model";
  refuse_unsupported_options(model, where);

  BpeModel result;
  result.file_ = file;
  result.byte_level_ = byte_level;
  result.vocabulary_ = parse_vocabulary(model, where);
  result.parse_unknowns(model, where);
  result.parse_all_merges(model, where);
  if (json_get_or(model, "ignore_merges", false, where)) {
    for (const auto& [name, id] : result.vocabulary_) {
      if (!byte_level) {
        result.whole_words_.emplace(name, id);
      } else if (auto bytes = from_byte_level(name)) {
        result.whole_words_.emplace(*std::move(bytes), id);
      }
    }
  }
  return result;
}

void BpeModel::parse_unknowns(const Json& model, const std::string& where) {
  fuse_unknown_ = json_get_or(model, "fuse_unk", false, where);
  const auto unknown = json_get_or(model, "unk_token", "", where);
  if (!unknown.empty()) unknown_ = known(unknown, where + ".unk_token");
  const bool fallback = json_get_or(model, "byte_fallback", false, where);
  for (size_t byte = 0; byte < 256; ++byte) {
    const char value = static_cast<char>(byte);
    const std::string name =
        byte_level_ ? to_byte_level(std::string_view(&value, 1)) : byte_token_name(byte);
    const auto id = vocabulary_.find(name);
    bytes_[byte] = (byte_level_ || fallback) && id != vocabulary_.end() ? id->second : -1;
  }
}

void BpeModel::parse_all_merges(const Json& model, const std::string& where) {
  for (const NamedMerge& merge : parse_merges(model, where)) {
    const int32_t left = known(merge.left, merge.where);
    const int32_t right = known(merge.right, merge.where);
    merges_.add(left, right, known(merge.left + merge.right, merge.where));
  }
}

int32_t BpeModel::known(std::string_view name, const std::string& where) const {
  const auto id = vocabulary_.find(name);
  if (id == vocabulary_.end()) {
    throw std::runtime_error(where + ": '" + std::string(name) + "' is not in model.vocab");
  }
  return id->second;
}

void BpeModel::throw_inexpressible(std::string_view bytes) const {
  std::string shown;
  for (const char byte : bytes) shown += byte_token_name(static_cast<unsigned char>(byte));
  throw std::runtime_error(file_ + ": the vocabulary has no token for " + shown +
                           " and model.unk_token is not set");
}

void BpeModel::append_bytes(std::string_view word, std::vector<int32_t>& symbols) const {
  for (const char byte : word) {
    int32_t symbol = bytes_[static_cast<unsigned char>(byte)];
    if (symbol < 0) {
      if (!unknown_) throw_inexpressible(std::string_view(&byte, 1));
      symbol = *unknown_;
    }
    symbols.push_back(symbol);
  }
}

bool BpeModel::append_fallback(std::string_view character, std::vector<int32_t>& symbols) const {
  const auto id = [&](char byte) { return bytes_[static_cast<unsigned char>(byte)]; };
  if (!std::all_of(character.begin(), character.end(), [&](char b) { return id(b) >= 0; })) {
    return false;
  }
  for (const char byte : character) symbols.push_back(id(byte));
  return true;
}

void BpeModel::append_characters(std::string_view word, std::vector<int32_t>& symbols) const {
  bool after_unknown = false;
  while (!word.empty()) {
    const Utf8Sequence sequence = utf8_sequence(word, 0);
    const size_t length = sequence.kind == Utf8Kind::kValid ? sequence.length : 1;
    const std::string_view character = word.substr(0, length);
    word.remove_prefix(length);
    const auto id = vocabulary_.find(character);
    if (id != vocabulary_.end()) {
      symbols.push_back(id->second);
    } else if (!append_fallback(character, symbols)) {
      if (!unknown_) throw_inexpressible(character);
      if (!(after_unknown && fuse_unknown_)) symbols.push_back(*unknown_);
      after_unknown = true;
      continue;
    }
    after_unknown = false;
  }
}

void BpeModel::encode(std::string_view word, std::vector<int64_t>& ids) const {
  if (!whole_words_.empty()) {
    const auto whole = whole_words_.find(word);
    if (whole != whole_words_.end()) {
      ids.push_back(whole->second);
      return;
    }
  }
  if (cache_->append(word, ids)) return;
  std::vector<int32_t> symbols;
  symbols.reserve(word.size());
  byte_level_ ? append_bytes(word, symbols) : append_characters(word, symbols);
  merges_.apply(symbols);
  cache_->remember(word, symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

}  // namespace nvlm::decoder
