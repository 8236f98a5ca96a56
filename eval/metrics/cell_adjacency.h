// Cell adjacency, the score of the ICDAR 2013 table competition.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "eval/table/table.h"

namespace nvlm::eval {

struct AdjacencyScore {
  int64_t matched = 0, predicted = 0, truth = 0;  // relations

  double precision() const;  // matched / predicted; 1 if nothing was predicted
  double recall() const;     // matched / truth; 1 if there is nothing to find
  /// Harmonic mean of both; 0 where nothing matches, 1 where there is nothing on either side.
  double f1() const;
};

/// Every cell with text has a relation to the first cell with text to its right in each row that it
/// covers, and below it in each column: (text, text, direction, blank positions between), once per
/// neighbour. Relations are matched as multisets; texts as adjacency_text gives them.
/// Counts of several tables may be added up, as the competition does per document.
/// source: Göbel et al. 2012 (DocEng), "A methodology for evaluating algorithms for table
///         understanding in PDF documents"
AdjacencyScore cell_adjacency(const Table& predicted, const Table& truth);

/// Letters, marks and digits of a text.
/// chosen: a text without any of them, such as "-" or "%", is kept without its white space, so that
///         it is no blank cell
std::string adjacency_text(std::string_view text);

}  // namespace nvlm::eval
