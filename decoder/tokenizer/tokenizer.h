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
/// The parts it understands are listed in pre_tokenizer.h, normalizer.h, post_processor.h and
/// token_decoder.h; a file with others is refused. `truncation` and `padding` are not applied.
class Tokenizer {
 public:
  /// Reads a `tokenizer.json`; throws std::runtime_error naming the file and the offending field.
  static Tokenizer from_file(const std::filesystem::path& path);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// Token ids of UTF-8 `text`; special tokens written inline are recognised. Bytes that are not
  /// UTF-8 are encoded as bytes.
  /// add_special_tokens  also apply the template (a leading BOS for Llama 3, nothing for Qwen2)
  std::vector<int64_t> encode(std::string_view text, bool add_special_tokens = false) const;

  /// Like encode, but the names of special tokens are ordinary text: for text of unknown origin,
  /// which must not be able to end a turn or claim a role. No template.
  std::vector<int64_t> encode_as_text(std::string_view text) const;

  /// UTF-8 text of `ids`; broken sequences become U+FFFD. An id without a token adds nothing (a
  /// model's vocabulary may be padded beyond the tokenizer's).
  std::string decode(const std::vector<int64_t>& ids, bool skip_special_tokens = true) const;

  /// The bytes of one token (a special token's are its name); throws std::out_of_range for an id
  /// without a token.
  std::string token_bytes(int64_t id) const;

  /// Id of a token by its name, e.g. "<|im_end|>".
  std::optional<int64_t> find(std::string_view token) const;

  /// Like find, but throws std::out_of_range naming the token and the file.
  int64_t id(std::string_view token) const;

  bool is_special(int64_t id) const;

  /// One more than the largest id.
  int64_t vocab_size() const;

 private:
  friend class StreamDecoder;
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace nvlm::decoder
