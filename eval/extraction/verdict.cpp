#include "eval/extraction/verdict.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace nvlm::eval {
namespace {

std::string two_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

/// The index of the least known confidence; nothing if none is known.
std::optional<size_t> least_sure_cell(const std::vector<std::optional<double>>& confidence) {
  std::optional<size_t> least;
  for (size_t cell = 0; cell < confidence.size(); ++cell) {
    if (confidence[cell] && (!least || *confidence[cell] < *confidence[*least])) least = cell;
  }
  return least;
}

void object(Verdict& verdict, TableStatus status, std::string reason) {
  verdict.status = std::max(verdict.status, status);
  verdict.reasons.push_back(std::move(reason));
}

void judge_confidence(const Table& table, const TableProof& proof, Verdict& verdict) {
  const std::optional<size_t> least = least_sure_cell(proof.confidence);
  if (!least) {
    verdict.notes.emplace_back("the reader gives no confidence");
    return;
  }
  const double mean = *proof.mean_confidence();
  if (mean < kOkConfidence) {
    object(verdict, mean < kFailConfidence ? TableStatus::kFail : TableStatus::kCheck,
           "mean confidence " + two_digits(mean));
  }
  const double lowest = *proof.confidence[*least];
  if (lowest < kLowCellConfidence) {
    const TableCell& cell = table.cells[*least];
    object(verdict, TableStatus::kCheck,
           "confidence " + two_digits(lowest) + " at row " + std::to_string(cell.row + 1) +
               ", column " + std::to_string(cell.column + 1));
  }
}

void judge_agreement(const Agreement& agreement, Verdict& verdict) {
  if (agreement.table_words == 0) return;
  const double found = agreement.found();
  if (found >= kOkAgreement) return;
  object(verdict, found < kFailAgreement ? TableStatus::kFail : TableStatus::kCheck,
         "an independent reader sees " + std::to_string(agreement.same_words) + " of " +
             std::to_string(agreement.table_words) + " words");
}

}  // namespace

std::optional<double> combined_confidence(std::optional<double> probability,
                                          std::optional<double> agreement) {
  if (!probability || !agreement) return probability;
  return (*probability + *agreement) / 2.0;
}

std::optional<double> TableProof::mean_confidence() const {
  double sum = 0.0;
  int64_t known = 0;
  for (const std::optional<double>& value : confidence) {
    if (!value) continue;
    sum += *value;
    ++known;
  }
  if (known == 0) return std::nullopt;
  return sum / static_cast<double>(known);
}

std::optional<double> TableProof::lowest_confidence() const {
  const std::optional<size_t> least = least_sure_cell(confidence);
  return least ? confidence[*least] : std::nullopt;
}

TableProof prove_table(const Table& table, bool was_ragged,
                       const std::optional<std::vector<std::string>>& picture_words) {
  TableProof proof;
  if (picture_words) proof.agreement = measure_agreement(table, *picture_words);
  for (size_t cell = 0; cell < table.cells.size(); ++cell) {
    proof.confidence.push_back(
        combined_confidence(table.cells[cell].probability,
                            proof.agreement ? proof.agreement->cells[cell] : std::nullopt));
  }
  proof.checks = check_structure(table, was_ragged);
  return proof;
}

std::string_view name(TableStatus status) {
  switch (status) {
    case TableStatus::kOk:
      return "ok";
    case TableStatus::kCheck:
      return "check";
    case TableStatus::kFail:
      break;
  }
  return "fail";
}

Verdict judge_table(const Table& table, const TableProof& proof, std::optional<double> fail_under) {
  Verdict verdict;
  const bool has_text = std::any_of(table.cells.begin(), table.cells.end(),
                                    [](const TableCell& cell) { return !cell.text.empty(); });
  if (!has_text) object(verdict, TableStatus::kFail, "no cell has a text");
  if (fail_under) {
    const std::optional<double> mean = proof.mean_confidence();
    if (!mean || *mean < *fail_under) {
      object(verdict, TableStatus::kFail,
             "confidence " + (mean ? two_digits(*mean) : "unknown") + ", at least " +
                 two_digits(*fail_under) + " is asked for");
    }
  }
  judge_confidence(table, proof, verdict);
  if (proof.agreement) judge_agreement(*proof.agreement, verdict);
  for (const StructureCheck& check : proof.checks) {
    if (check.result == CheckResult::kFail) {
      object(verdict, TableStatus::kCheck, check.name + ": " + check.message);
    }
  }
  return verdict;
}

}  // namespace nvlm::eval
