#include "decoder/tokenizer/word_cache.h"

namespace nvlm::decoder {
namespace {

constexpr size_t kLongestWord = 64;  // bytes
constexpr size_t kWordsPerShard = 4096;

}  // namespace

WordCache::Shard& WordCache::shard(std::string_view word) {
  const auto first = static_cast<unsigned char>(word.front());
  const auto last = static_cast<unsigned char>(word.back());
  return shards_[(first * 7 + last * 3 + word.size()) % shards_.size()];
}

bool WordCache::append(std::string_view word, std::vector<int64_t>& ids) {
  if (word.empty() || word.size() > kLongestWord) return false;
  Shard& home = shard(word);
  const std::lock_guard lock(home.mutex);
  const auto entry = home.ids.find(word);
  if (entry == home.ids.end()) return false;
  ids.insert(ids.end(), entry->second.begin(), entry->second.end());
  return true;
}

void WordCache::remember(std::string_view word, const std::vector<int32_t>& ids) {
  if (word.empty() || word.size() > kLongestWord) return;
  Shard& home = shard(word);
  const std::lock_guard lock(home.mutex);
  if (home.ids.size() < kWordsPerShard) home.ids.emplace(word, ids);
}

}  // namespace nvlm::decoder
