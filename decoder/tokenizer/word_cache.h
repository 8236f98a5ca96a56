// Remembers the tokens of words, since most words of a text come again and again.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "decoder/tokenizer/vocabulary.h"

namespace nvlm::decoder {

/// Safe to share between threads; stops growing at a few megabytes.
class WordCache {
 public:
  /// Appends the ids of `word` if they are known; returns whether they are.
  bool append(std::string_view word, std::vector<int64_t>& ids);

  /// Remembers the ids of `word` unless it is long or the cache is full.
  void remember(std::string_view word, const std::vector<int32_t>& ids);

 private:
  struct Shard {
    std::mutex mutex;
    StringMap<std::vector<int32_t>> ids;
  };
  Shard& shard(std::string_view word);

  std::array<Shard, 16> shards_;
};

}  // namespace nvlm::decoder
