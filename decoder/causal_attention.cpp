#include "decoder/causal_attention.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cmath>
#include <limits>

#include "common/attention.h"

namespace nvlm::decoder {
namespace {

// A padded position stands before a real one. Padding behind the real ones needs no mask: causality
// hides it already.
bool pads_before_real(const Tensor& attention_mask) {
  const int64_t seq = attention_mask.size(1);
  if (seq < 2) return false;
  const Tensor padded = attention_mask.narrow(1, 0, seq - 1).logical_not();
  return padded.logical_and_(attention_mask.narrow(1, 1, seq - 1)).any().item<bool>();
}

// [seq, past + seq], bool: positions up to and including one's own
Tensor causal_square(int64_t seq, int64_t past, at::Device device) {
  return at::ones({seq, past + seq}, at::TensorOptions(at::kBool).device(device)).tril(past);
}

}  // namespace

AttentionMask causal_mask(const Tensor& attention_mask, int64_t seq, KvCache* cache,
                          const at::TensorOptions& options) {
  const int64_t past = cache == nullptr ? 0 : cache->length();
  Tensor real = attention_mask;  // [batch, past + seq] below
  if (cache != nullptr) real = cache->extend_mask(attention_mask, seq);
  if (past == 0 && (!attention_mask.defined() || !pads_before_real(attention_mask))) {
    return {.causal = seq > 1, .bias = {}};
  }
  const bool padded = cache == nullptr || cache->has_padding();
  if (!padded && seq == 1) return {};
  const Tensor causal = causal_square(seq, past, options.device());  // [seq, past + seq]
  if (!padded)
    return {.causal = false, .bias = attention_bias(causal.view({1, 1, seq, -1}), options)};
  const Tensor allowed = causal.logical_and(real.unsqueeze(1))
                             .logical_or_(causal.triu(past));  // [batch, seq, past + seq]
  return {.causal = false, .bias = attention_bias(allowed.unsqueeze(1), options)};
}

Tensor causal_attention(const Tensor& query, const Tensor& keys, const Tensor& values,
                        const AttentionMask& mask) {
  const bool grouped = keys.size(1) != query.size(1);
  const std::optional<Tensor> bias =
      mask.bias.defined() ? std::optional<Tensor>(mask.bias) : std::nullopt;
  if (grouped && query.size(2) == 1) {
    // The heads of a group ask the same keys: let them stand as positions, and no key is repeated.
    const int64_t batch = query.size(0), kv_heads = keys.size(1), head_dim = query.size(3);
    return attention(query.reshape({batch, kv_heads, -1, head_dim}), keys, values, bias)
        .reshape(query.sizes());
  }
  return attention(query, keys, values, bias, mask.causal);
}

Tensor attention_probabilities(const Tensor& query, const Tensor& keys, const AttentionMask& mask,
                               int64_t num_heads) {
  // Autocast would round the scores to 8 bits before the softmax.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const int64_t heads = num_heads > 0 ? num_heads : query.size(1);
  TORCH_CHECK(heads <= query.size(1), "attention probe: ", heads, " heads are wanted, expected 1..",
              query.size(1));
  const at::ScalarType dtype = query.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const Tensor wanted = query.narrow(1, 0, heads).to(dtype);  // [batch, heads, seq, head_dim]
  const Tensor shared = keys.repeat_interleave(query.size(1) / keys.size(1), 1)
                            .narrow(1, 0, heads)
                            .to(dtype);  // [batch, heads, keys, head_dim]
  const double scale = 1 / std::sqrt(static_cast<double>(query.size(3)));
  Tensor scores = at::matmul(wanted * scale, shared.transpose(2, 3));  // [batch, heads, seq, keys]
  if (mask.bias.defined()) scores = scores + mask.bias;
  if (mask.causal) {
    const Tensor seen = causal_square(query.size(2), 0, query.device());
    scores = scores.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity());
  }
  return scores.softmax(-1, dtype);
}

}  // namespace nvlm::decoder
