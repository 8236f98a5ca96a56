// Adds up matrix products in the order in which a model runs them, with the gradients that follow.
#pragma once

#include <cstdint>

namespace nvlm::experiments {

/// Floating-point operations of one part of a model.
struct PassFlops {
  double forward = 0;
  double backward = 0;

  double total() const { return forward + backward; }
  PassFlops& operator+=(const PassFlops& other);
};

/// How scaled dot-product attention is computed.
enum class AttentionKernel {
  kFused,                // always: forward 2 products, backward 5 (the scores are made again)
  kUnfusedWithGradient,  // products of their own where a gradient flows: training in bfloat16 on a
                         // processor, see nvlm::attention()
  kUnfused,              // always, causal squares whole: LibTorch without a kernel for the device
};

/// Sizes of one attention.
struct AttentionShape {
  int64_t batch = 1;
  int64_t heads = 1;  // of the queries; shared keys cost nothing less
  int64_t queries = 1, keys = 1;
  int64_t head_dim = 1;
  bool causal = false;  // and queries = keys
};

/// Follows a forward pass, knowing only whether a gradient flows back to each intermediate result:
/// a product costs one more in the backward pass for its input if that has a gradient, and one more
/// for its weight if that is trained.
class FlopTape {
 public:
  /// trains  a backward pass follows
  FlopTape(bool trains, AttentionKernel kernel) : trains_(trains), kernel_(kernel) {}

  /// rows x in -> rows x out.
  /// has_gradient  of the input
  /// returns       whether the output has a gradient
  bool linear(PassFlops& part, bool has_gradient, int64_t rows, int64_t in, int64_t out,
              bool is_trained) const;

  /// has_query_gradient   of the queries
  /// has_memory_gradient  of the keys and values
  bool attention(PassFlops& part, bool has_query_gradient, bool has_memory_gradient,
                 const AttentionShape& shape) const;

 private:
  bool trains_;
  AttentionKernel kernel_;
};

}  // namespace nvlm::experiments
