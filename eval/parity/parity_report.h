// What a comparison with stored reference outputs found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/tolerance.h"

namespace nvlm::eval {

/// One tensor, or one column of a set of rows (the ids of all texts, the scores of all pairs).
struct ParityRow {
  std::string name;
  double largest = 0;      // largest |actual - expected|; of rows compared exactly how many differ
  std::string where;       // the place: "[0, 3, 17]", or a row's "cases.jsonl:12"; "" if all equal
  std::string actual;      // the values there
  std::string expected;    // likewise
  Tolerance tolerance;     // both 0: exact
  int64_t compared = 0;    // elements or rows
  int64_t violations = 0;  // those beyond the tolerance
  double share = 0;        // of the tolerance that is used at `where`; above 1 = beyond it
  bool passed = false;
  std::string problem;  // not empty: the tensors cannot be compared (shapes differ)
};

/// One case folder.
struct ParityReport {
  std::string name;             // of the folder
  std::string kind;             // "Llama decoder", ...
  std::vector<ParityRow> rows;  // in the order of the computation where there is one
  /// Expected outputs that this program does not compute, so that nothing is left out in silence.
  std::vector<std::string> not_compared;

  /// All rows passed, and there is at least one.
  bool passed() const;
  int64_t num_failed() const;
  /// The rows nearest to their tolerance or farthest beyond it, worst first.
  std::vector<const ParityRow*> worst(size_t count) const;
};

/// "case", "kind", "passed", "rows" and "not_compared".
Json to_json(const ParityReport& report);

/// One line: "logits: largest difference 0.25 at [0, 1]: 1.25, expected 1 (tolerance ...)".
std::string describe(const ParityRow& row);

}  // namespace nvlm::eval
