// How much of a table an independent reader of the same picture has seen, too.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/table/table.h"

namespace nvlm::eval {

/// Two words this similar count as the same word read twice.
inline constexpr double kSameWordSimilarity = 0.8;

struct Agreement {
  /// For each of table.cells: the mean similarity of its words to the picture's, weighed by their
  /// lengths; nothing for a cell without words.
  std::vector<std::optional<double>> cells;
  int64_t table_words = 0, picture_words = 0;
  int64_t same_words = 0;  // pairs with at least kSameWordSimilarity

  /// Share of the table's words that are in the picture; 1 for a table without words.
  double found() const;
  /// Share of the picture's words that are in the table; 1 for a picture without words.
  double covered() const;
};

/// Pairs the words of the table with those of the picture, whatever their order: each is used once,
/// equal ones first, then by falling similarity, down to 0.5; a word without a partner scores 0.
/// Similarity is 1 - edit distance / length of the longer word, in code points. Words are split at
/// white space; kinds of dashes and quotes are taken for one; words without a letter or digit are
/// left out on both sides, as classical readers rarely report them.
/// Work is bounded: beyond 4 million comparisons only words of the nearest lengths are compared.
Agreement measure_agreement(const Table& table, std::span<const std::string> picture_words);

}  // namespace nvlm::eval
