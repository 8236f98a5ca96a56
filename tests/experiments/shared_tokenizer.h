// The lab's tokenizer, trained once for all tests.
#pragma once

#include <filesystem>

#include "decoder/tokenizer/tokenizer.h"
#include "experiments/recipes/lab_tokenizer.h"
#include "tests/support/temp_dir.h"

namespace nvlm::experiments {

/// Its file, which stays until the program ends.
inline const std::filesystem::path& lab_tokenizer_json() {
  static const test::TempDir dir;
  static const std::filesystem::path file = [] {
    train_lab_tokenizer(dir / "tokenizer.json");
    return dir / "tokenizer.json";
  }();
  return file;
}

inline const decoder::Tokenizer& lab_tokenizer() {
  static const auto tokenizer = decoder::Tokenizer::from_file(lab_tokenizer_json());
  return tokenizer;
}

}  // namespace nvlm::experiments
