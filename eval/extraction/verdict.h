// Whether a table that was read can be trusted: ok, check or fail, and why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/extraction/agreement.h"
#include "eval/extraction/structure_checks.h"
#include "eval/table/table.h"

namespace nvlm::eval {

// A table is `fail` below the first of each pair and `check` below the second. Of the true texts of
// real tables Tesseract finds 84% on average, so agreement is asked for less than confidence.
inline constexpr double kFailConfidence = 0.4, kOkConfidence = 0.9;  // mean of the cells
inline constexpr double kFailAgreement = 0.3, kOkAgreement = 0.7;    // Agreement::found()
/// A table with a cell below this is `check`; such cells are listed by --confidence.
inline constexpr double kLowCellConfidence = 0.5;

/// How sure a cell is: the mean of the reader's probability and the agreement with the independent
/// reader, or the probability alone where the agreement is unknown. Nothing without a probability:
/// agreement is no confidence of the reader.
std::optional<double> combined_confidence(std::optional<double> probability,
                                          std::optional<double> agreement);

/// All that is known about one table that was read.
struct TableProof {
  std::vector<std::optional<double>> confidence;  // for each of table.cells
  std::optional<Agreement> agreement;             // with --verify
  std::vector<StructureCheck> checks;

  /// Mean and lowest of the known confidences.
  std::optional<double> mean_confidence() const;
  std::optional<double> lowest_confidence() const;
};

/// Gathers the proof. `picture_words`: what the independent reader saw, or nothing if not asked.
TableProof prove_table(const Table& table, bool was_ragged,
                       const std::optional<std::vector<std::string>>& picture_words);

enum class TableStatus { kOk, kCheck, kFail };

/// "ok", "check", "fail".
std::string_view name(TableStatus status);

struct Verdict {
  TableStatus status = TableStatus::kOk;
  std::vector<std::string> reasons;  // every one that speaks against the table
  std::vector<std::string> notes;    // what could not be judged
};

/// The worst that any of confidence, agreement and structure checks says: failed checks give
/// `check`; a table without a text gives `fail`. A table whose mean confidence is below
/// `fail_under`, or unknown when that is asked for, is `fail`.
Verdict judge_table(const Table& table, const TableProof& proof, std::optional<double> fail_under);

}  // namespace nvlm::eval
