// Counts the matrix products that really run: the witness against which the ledger is checked.
#pragma once

#include <ATen/record_function.h>

#include <map>
#include <string>

namespace nvlm::experiments {

/// While it lives, every operator that this process dispatches is looked at, and the floating-point
/// operations of its matrix products are summed: two for each product of two numbers.
///   products         rows * inner * columns, of mm, bmm, mv, dot, their adding forms, and the
///                    decoder's own matrix-vector kernels
///   fused attention  forward two products of all pairs of query and key, backward five (the scores
///                    are made again); causal: pairs up to one's own position, n (n + 1) / 2 of
///                    n^2, whatever a kernel skips in practice
/// One at a time. Threads may run operators meanwhile; they are counted as well.
class FlopCounter {
 public:
  /// throws  c10::Error if another counter lives
  FlopCounter();
  ~FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;

  /// Of everything so far.
  double total() const;

  /// The same by operator ("aten::mm").
  std::map<std::string, double> by_operator() const;

  /// Operators that multiply matrices and that the counter cannot count (convolutions), with how
  /// often they ran. Empty for the models of this project.
  std::map<std::string, int64_t> uncounted() const;

 private:
  at::CallbackHandle handle_;
};

}  // namespace nvlm::experiments
