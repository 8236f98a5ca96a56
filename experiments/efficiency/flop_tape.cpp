#include "experiments/efficiency/flop_tape.h"

namespace nvlm::experiments {
namespace {

double as_double(int64_t value) { return static_cast<double>(value); }

}  // namespace

PassFlops& PassFlops::operator+=(const PassFlops& other) {
  forward += other.forward;
  backward += other.backward;
  return *this;
}

bool FlopTape::linear(PassFlops& part, bool has_gradient, int64_t rows, int64_t in, int64_t out,
                      bool is_trained) const {
  const double product = 2 * as_double(rows) * as_double(in) * as_double(out);
  part.forward += product;
  if (!trains_) return false;
  if (has_gradient) part.backward += product;
  if (is_trained) part.backward += product;
  return has_gradient || is_trained;
}

bool FlopTape::attention(PassFlops& part, bool has_query_gradient, bool has_memory_gradient,
                         const AttentionShape& shape) const {
  const bool has_gradient = trains_ && (has_query_gradient || has_memory_gradient);
  const bool is_fused =
      kernel_ == AttentionKernel::kFused ||
      (kernel_ == AttentionKernel::kUnfusedWithGradient && !(trains_ && has_query_gradient));
  const double queries = as_double(shape.queries), keys = as_double(shape.keys);
  const double pairs = shape.causal && is_fused ? queries * (queries + 1) / 2 : queries * keys;
  const double product =
      2 * as_double(shape.batch) * as_double(shape.heads) * pairs * as_double(shape.head_dim);
  part.forward += 2 * product;
  if (!has_gradient) return false;
  if (is_fused) {
    part.backward += 5 * product;
    return true;
  }
  part.backward += product;  // of the probabilities
  if (has_query_gradient) part.backward += product;
  if (has_memory_gradient) part.backward += 2 * product;  // keys, and values
  return true;
}

}  // namespace nvlm::experiments
