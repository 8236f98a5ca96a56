// Means over training seeds x held-out items, where every seed meets every item: what a method's
// superiority over another is measured from, if it is to hold for other seeds and other items.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eval/statistics/bootstrap.h"
#include "eval/statistics/paired.h"

namespace nvlm::eval {

/// Mean squares of the two-way layout without replication.
struct MeanSquares {
  double seed = 0.0, item = 0.0, residual = 0.0;
};

struct CrossedMean {
  double mean = 0.0;
  MeanSquares mean_squares;
  double standard_error = 0.0;
  double degrees_of_freedom = 0.0;  // Satterthwaite's
  double low = 0.0, high = 0.0;     // interval by Student's t
  double p_value = 1.0;             // two-sided, of the hypothesis that the mean is 0
  /// The mean that a two-sided test at 1 - confidence finds with probability 80%:
  /// (t_97.5% + t_80%) * standard_error at confidence 95%.
  double minimum_detectable = 0.0;
  MeanInterval bootstrap;  // by the pigeonhole bootstrap, for comparison
  int64_t num_seeds = 0, num_items = 0, num_groups = 0;
};

/// The mean of a seeds x items table, with the uncertainty that comes from both.
///
/// Of value(seed, item) = mean + a(seed) + b(item) + e(seed, item) the variance of the mean is
/// (MS_seed + MS_item - MS_residual) / (seeds * items). It is estimated so, but never below
/// MS_residual / (seeds * items), and tested with Student's t at Satterthwaite's degrees of
/// freedom.
///
/// The pigeonhole bootstrap, which draws seeds and items independently, is given beside it and
/// decides nothing: three seeds have only ten different resamples, one in nine of which holds a
/// single seed, so that its interval is too narrow by far. The test knows that it has two degrees
/// of freedom. With few seeds both are approximate: the 95% interval covered the mean in 92 to 97%
/// of simulated studies with three seeds, and in 88 to 97% with two.
///
/// values   [seeds][items], at least 2 seeds and 2 groups of items
/// groups   empty, or one number per item: items of one group (the tables of one document) are not
///          independent and count as one unit. Unequal groups enter by the linearisation of their
///          sums (mean + groups / items * (sum - count * mean)), as in clustered_standard_error.
/// options  confidence of both intervals; resamples and seed of the bootstrap
/// throws   std::invalid_argument: too few seeds or groups, rows of different lengths, a value that
///          is not finite, an option out of range
/// source: Owen 2007 (Ann. Appl. Statist. 1:386); Satterthwaite 1946 (Biometrics Bull. 2:110);
///         Baayen et al. 2008 (J. Mem. Lang. 59:390) for why both factors are random
CrossedMean crossed_mean(std::span<const std::vector<double>> values,
                         std::span<const int64_t> groups = {},
                         const BootstrapOptions& options = {});

/// crossed_mean of second - first, paired by seed and by item.
/// throws  std::invalid_argument also if the two differ in shape
CrossedMean crossed_difference(std::span<const std::vector<double>> first,
                               std::span<const std::vector<double>> second,
                               std::span<const int64_t> groups = {},
                               const BootstrapOptions& options = {});

/// The mean of few values with its interval by Student's t; low = high = mean for a single one.
/// throws  std::invalid_argument: no value, one is not finite, confidence out of range
MeanInterval student_mean(std::span<const double> values, double confidence = 0.95);

/// Of the second against the first: better or worse only where p_value, adjusted for all tests of
/// the study, is below `level`.
PairedVerdict verdict_of(double difference, double p_value, bool smaller_is_better,
                         double level = 0.05);

}  // namespace nvlm::eval
