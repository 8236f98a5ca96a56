// Trains the lab models' byte-level BPE.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace nvlm::decoder {

/// How to train a tokenizer.
struct BpeTrainerConfig {
  int64_t vocab_size = 1024;                // 256 bytes + merges + special tokens
  std::string pattern;                      // PCRE2 pre-tokenizer pattern; empty = Llama 3's
  std::vector<std::string> special_tokens;  // take the last ids, in this order
  int64_t min_pair_count = 2;
};

/// Trains on `texts` and writes a Hugging Face `tokenizer.json` (atomically). Deterministic: ties
/// between pairs go to the smaller (left id, right id).
void train_bpe(const std::vector<std::string>& texts, const BpeTrainerConfig& config,
               const std::filesystem::path& tokenizer_json);

}  // namespace nvlm::decoder
