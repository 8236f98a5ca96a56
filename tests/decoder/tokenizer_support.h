// What the tokenizer tests share: golden rows, random strings, small tokenizer files.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/random.h"
#include "decoder/tokenizer/tokenizer.h"
#include "decoder/tokenizer/utf8.h"
#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"

namespace nvlm::test {

inline decoder::Tokenizer golden_tokenizer(const std::string& name) {
  return decoder::Tokenizer::from_file(golden(name) / "tokenizer.json");
}

/// The rows of a .jsonl file.
inline std::vector<Json> json_lines(const std::filesystem::path& path) {
  std::vector<Json> rows;
  const std::string text = read_text_file(path);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    rows.push_back(parse_json(std::string_view(text).substr(begin, end - begin), path.string()));
    begin = end + 1;
  }
  return rows;
}

/// Up to `longest` characters of all planes and lengths, with much white space and punctuation.
inline std::string random_utf8(Random& random, int64_t longest) {
  std::string text;
  for (int64_t n = random.integer(0, longest); n > 0; --n) {
    char32_t c = 0;
    switch (random.integer(0, 5)) {
      case 0:
        c = static_cast<char32_t>(random.integer(0, 0x7F));
        break;
      case 1:
        c = static_cast<char32_t>(random.pick<char>({' ', ' ', '\n', '\t', '\r', '\'', '1', '<'}));
        break;
      case 2:
        c = static_cast<char32_t>(random.integer('a', 'z'));
        break;
      case 3:
        c = static_cast<char32_t>(random.integer(0x80, 0x7FF));
        break;
      case 4:
        c = static_cast<char32_t>(random.integer(0x800, 0xD7FF));
        break;
      default:
        c = static_cast<char32_t>(random.integer(0xE000, 0x10FFFF));
    }
    decoder::append_utf8(c, text);
  }
  return text;
}

inline std::string random_bytes(Random& random, int64_t longest) {
  std::string text(static_cast<size_t>(random.integer(0, longest)), '\0');
  for (char& byte : text) byte = static_cast<char>(random.integer(0, 255));
  return text;
}

/// The bytes of all tokens, joined.
inline std::string joined_bytes(const decoder::Tokenizer& tokenizer,
                                const std::vector<int64_t>& ids) {
  std::string bytes;
  for (const int64_t id : ids) bytes += tokenizer.token_bytes(id);
  return bytes;
}

/// Some prose with numbers, contractions, markdown and several scripts, to train on.
inline std::vector<std::string> training_texts() {
  return {
      "The quick brown fox jumps over the lazy dog. The dog doesn't mind; the fox's quick.",
      "| Year | Total |\n|---|---|\n| 2019 | 1,234.50 |\n| 2020 | 1,300.75 |\n",
      "There there, the other brother gathers feathers with their mother and father.",
      "Größe, Übung, naïve café; Привет, мир; 你好,世界; 日本語のテキスト; مرحبا",
      "def main():\n    return 0\n\n\n    # indented   comment\n",
  };
}

}  // namespace nvlm::test
