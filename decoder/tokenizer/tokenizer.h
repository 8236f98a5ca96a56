// Byte-level BPE in the `tokenizer.json` format of Hugging Face.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nvlm::decoder {

/// Text to token ids and back. Immutable after loading; safe to share between threads.
class Tokenizer {
 public:
  /// Reads a `tokenizer.json`; throws std::runtime_error naming the file and the offending field.
  static Tokenizer from_file(const std::filesystem::path& path);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// Token ids of UTF-8 `text`; special tokens written inline are recognised.
  /// add_special_tokens  also apply the template (a leading BOS for Llama 3, nothing for Qwen2)
  std::vector<int64_t> encode(std::string_view text, bool add_special_tokens = false) const;

  /// UTF-8 text of `ids`; broken sequences become U+FFFD.
  std::string decode(const std::vector<int64_t>& ids, bool skip_special_tokens = true) const;

  /// The bytes of one token (a special token's are its name).
  std::string token_bytes(int64_t id) const;

  /// Id of a token by its name, e.g. "<|im_end|>".
  std::optional<int64_t> find(std::string_view token) const;

  /// Like find, but throws std::out_of_range naming the token and the file.
  int64_t id(std::string_view token) const;

  bool is_special(int64_t id) const;

  /// One more than the largest id.
  int64_t vocab_size() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nvlm::decoder
