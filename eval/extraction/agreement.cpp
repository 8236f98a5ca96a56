#include "eval/extraction/agreement.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "eval/metrics/edit_distance.h"
#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

constexpr double kLeastSimilarity = 0.5;
constexpr size_t kMaxComparisons = 4'000'000;

struct CellWord {
  std::u32string text;
  size_t cell = 0;
  double similarity = 0;  // to its partner
};

char32_t plain_mark(char32_t c) {
  if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212) return U'-';
  if (c == 0x2018 || c == 0x2019 || c == U'`') return U'\'';
  if (c == 0x201C || c == 0x201D || c == 0x201E) return U'"';
  return c;
}

/// The words of a text that hold a letter or digit.
std::vector<std::u32string> comparable_words(std::string_view text) {
  std::vector<std::u32string> words;
  for (std::u32string& word : split_words(decode_utf8(text))) {
    std::transform(word.begin(), word.end(), word.begin(), plain_mark);
    const bool readable = std::any_of(
        word.begin(), word.end(), [](char32_t c) { return u_isalnum(static_cast<UChar32>(c)); });
    if (readable) words.push_back(std::move(word));
  }
  return words;
}

/// Pairs equal words; returns the picture's words that are left.
std::vector<std::u32string> pair_equal_words(std::vector<CellWord>& table_words,
                                             std::vector<std::u32string> picture_words) {
  std::map<std::u32string, int64_t> free;
  for (std::u32string& word : picture_words) ++free[std::move(word)];
  for (CellWord& word : table_words) {
    const auto found = free.find(word.text);
    if (found == free.end() || found->second == 0) continue;
    --found->second;
    word.similarity = 1.0;
  }
  std::vector<std::u32string> left;
  for (const auto& [word, count] : free) left.insert(left.end(), static_cast<size_t>(count), word);
  return left;
}

struct WordPair {
  double similarity;
  size_t table_word, picture_word;
};

/// Pairs worth making between words without a partner and `left`, which is sorted by length.
std::vector<WordPair> similar_pairs(const std::vector<CellWord>& table_words,
                                    const std::vector<std::u32string>& left) {
  const auto alone = std::count_if(table_words.begin(), table_words.end(),
                                   [](const CellWord& word) { return word.similarity == 0.0; });
  const size_t most =
      std::max<size_t>(16, kMaxComparisons / std::max<size_t>(1, static_cast<size_t>(alone)));
  std::vector<WordPair> pairs;
  for (size_t i = 0; i < table_words.size(); ++i) {
    const std::u32string& text = table_words[i].text;
    if (table_words[i].similarity > 0.0) continue;
    const auto shorter = [](const std::u32string& word, size_t length) {
      return word.size() < length;
    };
    // Lengths beyond a factor of two cannot reach the least similarity.
    auto first = std::lower_bound(left.begin(), left.end(), (text.size() + 1) / 2, shorter);
    auto last = std::lower_bound(first, left.end(), 2 * text.size() + 1, shorter);
    if (static_cast<size_t>(last - first) > most) {
      const auto nearest = std::lower_bound(first, last, text.size(), shorter);
      const auto half = static_cast<std::ptrdiff_t>(most / 2);
      first = nearest - std::min(half, nearest - first);
      last = nearest + std::min(half, last - nearest);
    }
    for (auto other = first; other != last; ++other) {
      const auto longest = static_cast<double>(std::max(text.size(), other->size()));
      const double similarity = 1.0 - static_cast<double>(edit_distance(text, *other)) / longest;
      if (similarity < kLeastSimilarity) continue;
      pairs.push_back({similarity, i, static_cast<size_t>(other - left.begin())});
    }
  }
  return pairs;
}

void pair_similar_words(std::vector<CellWord>& table_words, std::vector<std::u32string> left) {
  std::stable_sort(left.begin(), left.end(),
                   [](const auto& a, const auto& b) { return a.size() < b.size(); });
  std::vector<WordPair> pairs = similar_pairs(table_words, left);
  std::stable_sort(pairs.begin(), pairs.end(), [](const WordPair& a, const WordPair& b) {
    return a.similarity > b.similarity;
  });
  std::vector<bool> used(left.size());
  for (const WordPair& pair : pairs) {
    CellWord& word = table_words[pair.table_word];
    if (word.similarity > 0.0 || used[pair.picture_word]) continue;
    word.similarity = pair.similarity;
    used[pair.picture_word] = true;
  }
}

double share(int64_t part, int64_t all) {
  return all == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(all);
}

}  // namespace

double Agreement::found() const { return share(same_words, table_words); }

double Agreement::covered() const { return share(same_words, picture_words); }

Agreement measure_agreement(const Table& table, std::span<const std::string> picture_words) {
  std::vector<CellWord> table_words;
  for (size_t cell = 0; cell < table.cells.size(); ++cell) {
    for (std::u32string& word : comparable_words(table.cells[cell].text)) {
      table_words.push_back({std::move(word), cell});
    }
  }
  std::vector<std::u32string> others;
  for (const std::string& text : picture_words) {
    for (std::u32string& word : comparable_words(text)) others.push_back(std::move(word));
  }
  Agreement agreement;
  agreement.table_words = static_cast<int64_t>(table_words.size());
  agreement.picture_words = static_cast<int64_t>(others.size());
  pair_similar_words(table_words, pair_equal_words(table_words, std::move(others)));

  std::vector<double> lengths(table.cells.size()), scores(table.cells.size());
  for (const CellWord& word : table_words) {
    const auto length = static_cast<double>(word.text.size());
    lengths[word.cell] += length;
    scores[word.cell] += length * word.similarity;
    if (word.similarity >= kSameWordSimilarity) ++agreement.same_words;
  }
  agreement.cells.resize(table.cells.size());
  for (size_t cell = 0; cell < table.cells.size(); ++cell) {
    if (lengths[cell] > 0.0) agreement.cells[cell] = scores[cell] / lengths[cell];
  }
  return agreement;
}

}  // namespace nvlm::eval
