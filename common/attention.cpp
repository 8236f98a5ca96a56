#include "common/attention.h"

#include <c10/core/GradMode.h>

#include <cmath>
#include <limits>

namespace nvlm {
namespace {

bool trains_in_bfloat16_on_cpu(const Tensor& query) {
  return query.is_cpu() && query.scalar_type() == at::kBFloat16 && query.requires_grad() &&
         c10::GradMode::is_enabled();
}

/// 0, and minus infinity where `hidden` is true: adding is faster than filling.
Tensor never_where(const Tensor& hidden, at::ScalarType dtype) {
  return at::zeros(hidden.sizes(), hidden.options().dtype(dtype))
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity());
}

/// The same from matrix products; the scores stay in the query's dtype, the softmax sums in float.
Tensor unfused_attention(const Tensor& query, const Tensor& keys, const Tensor& values,
                         const std::optional<Tensor>& mask, bool causal) {
  const int64_t group = query.size(1) / keys.size(1);
  const auto per_head = [&](const Tensor& x) {
    return group == 1 ? x : x.repeat_interleave(group, 1);  // [batch, heads, length, head_dim]
  };
  const double scale = 1 / std::sqrt(static_cast<double>(query.size(3)));
  Tensor scores =
      at::matmul(query * scale, per_head(keys).transpose(2, 3));  // [batch, heads, seq, length]
  if (causal) {
    scores = scores + never_where(at::ones({scores.size(2), scores.size(3)}, at::kBool).triu(1),
                                  scores.scalar_type());  // [seq, length]
  } else if (mask && mask->scalar_type() == at::kBool) {
    scores = scores + never_where(mask->logical_not(), scores.scalar_type());
  } else if (mask) {
    scores = scores + mask->to(scores.scalar_type());
  }
  return at::matmul(scores.softmax(-1), per_head(values));
}

}  // namespace

Tensor attention(const Tensor& query, const Tensor& keys, const Tensor& values,
                 const std::optional<Tensor>& mask, bool causal) {
  if (trains_in_bfloat16_on_cpu(query)) return unfused_attention(query, keys, values, mask, causal);
  return at::scaled_dot_product_attention(query, keys, values, mask, /*dropout_p=*/0.0, causal,
                                          /*scale=*/std::nullopt,
                                          /*enable_gqa=*/keys.size(1) != query.size(1));
}

}  // namespace nvlm
