#include "common/softmax_attention.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "common/element_loops.h"

namespace nvlm {
namespace {

constexpr int64_t kRowsPerThread = 64;

/// Scores of a row become probabilities in place; those behind `seen` become 0.
NVLM_EVERY_PROCESSOR void softmax_row(HalfBits* row, int64_t seen, int64_t length, float scale) {
  constexpr int64_t kLanes = 16;
  float largest[kLanes];
  for (float& lane : largest) lane = widened(row[0]);
  int64_t i = 0;
  for (; i + kLanes <= seen; i += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) {
      const float x = widened(row[i + j]);
      largest[j] = x > largest[j] ? x : largest[j];
    }
  }
  float most = largest[0];
  for (const float lane : largest) most = std::max(most, lane);
  for (; i < seen; ++i) most = std::max(most, widened(row[i]));

  // Exponentials are made twice: keeping them in float32 would cost more memory than time.
  float sums[kLanes] = {};
  for (i = 0; i + kLanes <= seen; i += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) {
      sums[j] += fast_exp((widened(row[i + j]) - most) * scale);
    }
  }
  float sum = lane_total(sums);
  for (; i < seen; ++i) sum += fast_exp((widened(row[i]) - most) * scale);
  const float share = 1 / sum;
  for (i = 0; i < seen; ++i) {
    round_to(fast_exp((widened(row[i]) - most) * scale) * share, row[i]);
  }
  for (; i < length; ++i) row[i] = 0;
}

/// The gradient of probabilities becomes that of the products query keysᵀ, in place.
NVLM_EVERY_PROCESSOR void softmax_row_backward(const HalfBits* probabilities, HalfBits* gradient,
                                               int64_t seen, int64_t length, float scale) {
  constexpr int64_t kLanes = 16;
  float sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= seen; i += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) {
      sums[j] += widened(probabilities[i + j]) * widened(gradient[i + j]);
    }
  }
  float dot = lane_total(sums);
  for (; i < seen; ++i) dot += widened(probabilities[i]) * widened(gradient[i]);
  for (i = 0; i < seen; ++i) {
    round_to(widened(probabilities[i]) * (widened(gradient[i]) - dot) * scale, gradient[i]);
  }
  for (; i < length; ++i) gradient[i] = 0;
}

/// Calls row(index, seen) for each row of [matrices, seq, length].
template <class Row>
void for_rows(const Tensor& scores, bool causal, const Row& row) {
  const int64_t seq = scores.size(1), length = scores.size(2);
  at::parallel_for(0, scores.size(0) * seq, kRowsPerThread, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) row(i, causal ? i % seq + 1 : length);
  });
}

float score_scale(const Tensor& query) {
  return static_cast<float>(1 / std::sqrt(static_cast<double>(query.size(2))));
}

/// Of matrices: query [n, seq, head_dim], keys and values [n, length, head_dim].
class SoftmaxAttention : public torch::autograd::Function<SoftmaxAttention> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& query,
                        const Tensor& keys, const Tensor& values, bool causal) {
    RECORD_USER_SCOPE("nvlm::softmax_attention");
    const float scale = score_scale(query);
    Tensor scores = at::bmm(query, keys.transpose(1, 2));  // [n, seq, length]
    auto* data = mutable_elements<HalfBits>(scores);
    const int64_t length = scores.size(2);
    for_rows(scores, causal, [&](int64_t row, int64_t seen) {
      softmax_row(data + row * length, seen, length, scale);
    });
    context->save_for_backward({query, keys, values, scores});
    context->saved_data["causal"] = causal;
    return at::bmm(scores, values);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &query = saved[0], &keys = saved[1], &values = saved[2], &shares = saved[3];
    const bool causal = context->saved_data["causal"].toBool();
    const Tensor gradient = gradients[0].contiguous();
    const float scale = score_scale(query);
    Tensor scores = at::bmm(gradient, values.transpose(1, 2));  // [n, seq, length]
    auto* data = mutable_elements<HalfBits>(scores);
    const auto* probabilities = elements<HalfBits>(shares);
    const int64_t length = scores.size(2);
    for_rows(scores, causal, [&](int64_t row, int64_t seen) {
      softmax_row_backward(probabilities + row * length, data + row * length, seen, length, scale);
    });
    return {at::bmm(scores, keys), at::bmm(scores.transpose(1, 2), query),
            at::bmm(shares.transpose(1, 2), gradient), Tensor()};
  }
};

}  // namespace

Tensor softmax_attention(const Tensor& query, const Tensor& keys, const Tensor& values,
                         bool causal) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto matrices = [](const Tensor& x) {
    return x.reshape({-1, x.size(2), x.size(3)}).contiguous();
  };
  return SoftmaxAttention::apply(matrices(query), matrices(keys), matrices(values), causal)
      .view({query.size(0), query.size(1), query.size(2), values.size(3)});
}

}  // namespace nvlm
