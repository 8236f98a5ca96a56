// Whether two systems that answered the same questions differ: interval, test, effect, power.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "eval/statistics/bootstrap.h"

namespace nvlm::eval {

struct PermutationOptions {
  int64_t permutations = 10'000;
  uint64_t seed = 0;
};

struct PermutationTest {
  double p_value = 1.0;  // two-sided
  bool exact = false;    // all sign patterns were looked at
};

/// Sign-flip test of the hypothesis that the differences of each group are as likely positive as
/// negative: the share of sign patterns whose sum is at least as large in magnitude as the observed
/// one. All patterns where there are no more of them than `permutations`; otherwise random ones,
/// the observed one counted among them, so that p is never 0.
/// groups  as for bootstrap_mean: values of one group flip together
/// throws  std::invalid_argument: no differences, one is not finite, another number of groups, or
///         an option out of range
/// source: Fisher 1935; Phipson and Smyth 2010 for the random patterns
PermutationTest sign_flip_test(std::span<const double> differences,
                               const PermutationOptions& options = {},
                               std::span<const int64_t> groups = {});

/// Standard error of the mean of `values` when those of one group are not independent. Groups of
/// one value each: standard deviation / sqrt(n). 0 for a single group.
/// source: Liang and Zeger 1986 (Biometrika 73:1), with the factor G / (G - 1) for G groups
double clustered_standard_error(std::span<const double> values,
                                std::span<const int64_t> groups = {});

/// The mean difference that a two-sided test at level 5% would find with probability 80%, given the
/// standard error of that mean: (1.960 + 0.842) * standard_error.
double minimum_detectable_effect(double standard_error);

enum class PairedVerdict { kBetter, kWorse, kNotDistinguishable };

/// "better", "worse", "not distinguishable"
std::string verdict_name(PairedVerdict verdict);

struct PairedComparison {
  MeanInterval difference;  // of second - first, with its bootstrap interval
  PermutationTest test;
  /// Mean difference in standard deviations of the difference (Cohen's d_z), by group where values
  /// are grouped; 0 without any difference.
  double effect_size = 0.0;
  double minimum_detectable = 0.0;  // minimum_detectable_effect
  int64_t num_groups = 0;
  /// Of the second against the first. Better or worse only if the interval leaves 0 out and p is
  /// below 1 - confidence.
  PairedVerdict verdict = PairedVerdict::kNotDistinguishable;
};

struct PairedOptions {
  BootstrapOptions bootstrap = {};
  PermutationOptions permutation = {};
};

/// Compares the scores of two systems on the same items.
/// smaller_is_better  for errors
/// throws  std::invalid_argument as the functions above do, or if the lengths differ
PairedComparison compare_paired(std::span<const double> first, std::span<const double> second,
                                bool smaller_is_better, std::span<const int64_t> groups = {},
                                const PairedOptions& options = {});

}  // namespace nvlm::eval
