// The `model` part of `tokenizer.json`: from a word to token ids.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "decoder/tokenizer/bpe_merges.h"
#include "decoder/tokenizer/vocabulary.h"
#include "decoder/tokenizer/word_cache.h"

namespace nvlm::decoder {

/// Byte-pair encoding over bytes (GPT-2, Llama 3, Qwen2) or over characters with a fall-back to
/// bytes (Llama 2). Immutable but for its cache; safe to share between threads.
class BpeModel {
 public:
  /// byte_level  a word is a sequence of bytes and the vocabulary is written in the byte-level
  ///             alphabet; else a sequence of characters
  /// throws      std::runtime_error naming file and field
  static BpeModel from_json(const Json& tokenizer, bool byte_level, const std::string& file);

  /// Appends the ids of `word`.
  /// throws  std::runtime_error for a byte or character that the vocabulary cannot express
  void encode(std::string_view word, std::vector<int64_t>& ids) const;

  /// Ids by name, as written in the file.
  const StringMap<int32_t>& vocabulary() const { return vocabulary_; }

 private:
  void parse_unknowns(const Json& model, const std::string& where);
  void parse_all_merges(const Json& model, const std::string& where);
  int32_t known(std::string_view name, const std::string& where) const;
  void append_bytes(std::string_view word, std::vector<int32_t>& symbols) const;
  void append_characters(std::string_view word, std::vector<int32_t>& symbols) const;
  bool append_fallback(std::string_view character, std::vector<int32_t>& symbols) const;
  [[noreturn]] void throw_inexpressible(std::string_view bytes) const;

  std::string file_;
  StringMap<int32_t> vocabulary_;
  BpeMerges merges_;
  bool byte_level_ = true;
  bool fuse_unknown_ = false;
  std::optional<int32_t> unknown_;    // stands for what cannot be expressed
  std::array<int32_t, 256> bytes_{};  // id of each byte, -1 = none
  StringMap<int32_t> whole_words_;    // ignore_merges: words that are one token
  std::unique_ptr<WordCache> cache_ = std::make_unique<WordCache>();
};

}  // namespace nvlm::decoder
