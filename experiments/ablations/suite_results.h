// What the stored runs of a suite say: means of the arms, and the planned comparisons with
// interval, test, power and verdict.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "eval/statistics/crossed.h"
#include "experiments/ablations/stored_suite.h"

namespace nvlm::experiments {

/// One arm over all its seeds.
struct ArmResult {
  SuiteArm arm;
  eval::MeanInterval headline;     // of the seeds' means; 95% interval over seeds
  std::vector<double> seed_means;  // of the headline metric, in the order of the suite's seeds
  // Means over the seeds.
  double samples = 0.0, train_flops = 0.0, trainable_parameters = 0.0, train_seconds = 0.0;
  double answer_tokens = 0.0;  // per item
  AnswerCost answer;
  std::vector<double> seed_latencies;  // seconds, in the order of the suite's seeds
};

/// One planned comparison, arm against baseline.
struct ComparisonResult {
  SuiteComparison planned;
  std::string baseline_label, arm_label;
  double difference = 0.0;
  /// Over seeds and items, items grouped by document; absent with fewer than two seeds or groups,
  /// where nothing can be tested.
  std::optional<eval::CrossedMean> test;
  double adjusted_p = 1.0;  // Holm, over the tests of the suite
  eval::PairedVerdict verdict = eval::PairedVerdict::kNotDistinguishable;
  /// Not distinguishable although a difference worth knowing could have been missed: the minimum
  /// detectable effect is above the effect of interest, or there is no test.
  bool too_weak = false;
};

struct SuiteResults {
  Suite suite;
  double effect_of_interest = 0.0;
  std::vector<ArmResult> arms;                // in the order of suite.arms
  std::vector<ComparisonResult> comparisons;  // in the order of suite.comparisons
};

/// The smallest difference that would matter: 0.02 of TEDS or token accuracy, 0.05 nats of nll.
/// throws  std::invalid_argument for another metric
double effect_of_interest(const std::string& metric);

/// Everything that is reported of a suite, from its rows; headline means are recomputed.
SuiteResults evaluate_suite(const StoredSuite& stored);

/// A suite from its folder, with what it says.
struct EvaluatedSuite {
  StoredSuite stored;
  SuiteResults results;
};

/// throws  std::runtime_error as read_stored_suite
EvaluatedSuite open_suite(const std::filesystem::path& folder);

/// throws  std::invalid_argument if the suite lacks the arm
const ArmResult& find_arm(const SuiteResults& results, const std::string& matching,
                          const std::string& arm);

/// "too weak to tell: ..." in a sentence, or "" where the comparison is not.
std::string too_weak_note(const ComparisonResult& comparison, double effect_of_interest);

}  // namespace nvlm::experiments
