#include "eval/extraction/choose_reading.h"

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace nvlm::eval {
namespace {

int64_t num_failed_checks(const TableProof& proof) {
  return std::count_if(proof.checks.begin(), proof.checks.end(), [](const StructureCheck& check) {
    return check.result == CheckResult::kFail;
  });
}

double harmonic_mean(double a, double b) { return a + b > 0.0 ? 2.0 * a * b / (a + b) : 0.0; }

}  // namespace

ChosenReading choose_reading(const TableProof* model, const TableProof* rules) {
  if (model == nullptr && rules == nullptr) {
    throw std::invalid_argument("choose_reading: neither reading has a table");
  }
  if (model == nullptr) return {ReadingChoice::kRules, "the model read no table"};
  if (rules == nullptr) return {ReadingChoice::kModel, "the rules found no table"};
  if (model->agreement &&
      harmonic_mean(model->agreement->found(), model->agreement->covered()) < kTrustedAgreement) {
    return {ReadingChoice::kRules, "the model's words are not those of the picture"};
  }
  const std::optional<double> confidence = model->mean_confidence();
  if (confidence && *confidence < kTrustedConfidence) {
    return {ReadingChoice::kRules, "the model is not sure"};
  }
  if (num_failed_checks(*model) > num_failed_checks(*rules)) {
    return {ReadingChoice::kRules, "the model's table fails more checks"};
  }
  return {ReadingChoice::kModel, "nothing speaks against the model's table"};
}

}  // namespace nvlm::eval
