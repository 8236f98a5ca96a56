// Samples of different lengths as one tensor.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/tensor.h"

namespace nvlm::decoder {

/// A row for each sample, padded on the right.
/// samples  of which size() is the number of positions
/// value    value(sample, position) of each
/// returns  [samples, longest], int64
template <class Samples, class Value>
Tensor padded_rows(const Samples& samples, int64_t padding, const Value& value) {
  int64_t longest = 0;
  for (const auto& sample : samples) {
    longest = std::max(longest, static_cast<int64_t>(sample.size()));
  }
  Tensor rows = at::full({static_cast<int64_t>(samples.size()), longest}, padding, at::kLong);
  int64_t* row = rows.mutable_data_ptr<int64_t>();
  for (const auto& sample : samples) {
    for (size_t t = 0; t < static_cast<size_t>(sample.size()); ++t) row[t] = value(sample, t);
    row += longest;
  }
  return rows;
}

/// [samples, longest], bool, true where a sample has a position
template <class Samples>
Tensor real_positions(const Samples& samples) {
  return padded_rows(samples, 0, [](const auto&, size_t) { return 1; }).to(at::kBool);
}

}  // namespace nvlm::decoder
