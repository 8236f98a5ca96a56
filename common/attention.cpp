#include "common/attention.h"

#include <c10/core/GradMode.h>

#include <cmath>
#include <limits>

#include "common/softmax_attention.h"

namespace nvlm {
namespace {

bool trains_in_bfloat16_on_cpu(const Tensor& query) {
  return query.is_cpu() && query.scalar_type() == at::kBFloat16 && query.requires_grad() &&
         c10::GradMode::is_enabled();
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
    const Tensor allowed = at::ones({scores.size(2), scores.size(3)}, at::kBool).tril();
    scores = scores + attention_bias(allowed, scores.options());  // [seq, length]
  } else if (mask && mask->scalar_type() == at::kBool) {
    scores = scores + attention_bias(*mask, scores.options());
  } else if (mask) {
    scores = scores + mask->to(scores.scalar_type());
  }
  return at::matmul(scores.softmax(-1), per_head(values));
}

}  // namespace

Tensor attention_bias(const Tensor& allowed, const at::TensorOptions& options) {
  return at::zeros(allowed.sizes(), options)
      .masked_fill_(allowed.logical_not(), -std::numeric_limits<double>::infinity());
}

Tensor attention(const Tensor& query, const Tensor& keys, const Tensor& values,
                 const std::optional<Tensor>& mask, bool causal) {
  if (trains_in_bfloat16_on_cpu(query)) {
    const bool plain = !mask && keys.size(1) == query.size(1) && values.is_cpu() &&
                       keys.scalar_type() == at::kBFloat16 &&
                       values.scalar_type() == at::kBFloat16 && keys.size(2) > 0;
    return plain ? softmax_attention(query, keys, values, causal)
                 : unfused_attention(query, keys, values, mask, causal);
  }
  return at::scaled_dot_product_attention(query, keys, values, mask, /*dropout_p=*/0.0, causal,
                                          /*scale=*/std::nullopt,
                                          /*enable_gqa=*/keys.size(1) != query.size(1));
}

}  // namespace nvlm
