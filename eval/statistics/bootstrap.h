// Means with bootstrap confidence intervals.
#pragma once

#include <cstdint>
#include <span>

namespace nvlm::eval {

struct BootstrapOptions {
  int64_t resamples = 2000;
  double confidence = 0.95;
  uint64_t seed = 0;
};

struct MeanInterval {
  double mean = 0.0;
  double low = 0.0, high = 0.0;  // percentile interval of the resampled means
  int64_t n = 0;                 // values
};

/// The mean of `values` with its percentile bootstrap interval; the same seed gives the same bits.
/// groups  empty, or one number per value: values of one group (the tables of one document) are not
///         independent and are drawn together
/// throws  std::invalid_argument if there is no value, one is not finite, `groups` has another
///         length, or an option is out of range
/// source: Efron 1979 (Ann. Statist. 7:1); quantiles by linear interpolation
MeanInterval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options = {},
                            std::span<const int64_t> groups = {});

}  // namespace nvlm::eval
