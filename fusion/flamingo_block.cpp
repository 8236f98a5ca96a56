#include "fusion/flamingo_block.h"

#include <torch/nn/modules/activation.h>

#include <cmath>
#include <limits>

#include "common/attention.h"
#include "common/check.h"

namespace nvlm::fusion {

using torch::nn::LayerNorm;
using torch::nn::LayerNormOptions;

FlamingoAttentionImpl::FlamingoAttentionImpl(const FlamingoBlockConfig& config)
    : heads_(config.heads), head_dim_(config.head_dim) {
  const auto linear = [this](const char* name, int64_t in, int64_t out) {
    return register_module(name, Linear(in, out, /*has_bias=*/false));
  };
  const int64_t width = heads_ * head_dim_;
  norm_ =
      register_module("norm", LayerNorm(LayerNormOptions({config.hidden}).eps(config.norm_eps)));
  to_q_ = linear("to_q", config.hidden, width);
  to_kv_ = linear("to_kv", config.memory_hidden, 2 * width);
  to_out_ = linear("to_out", width, config.hidden);
}

Tensor FlamingoAttentionImpl::split_heads(const Tensor& x) const {
  return x.reshape({x.size(0), x.size(1), heads_, head_dim_})
      .transpose(1, 2);  // [batch, heads, length, head_dim]
}

decoder::MemoryKeysValues FlamingoAttentionImpl::project(const Tensor& memory) {
  const std::vector<Tensor> halves = to_kv_(memory).chunk(2, -1);  // [batch, memory, width] each
  return {split_heads(halves[0]), split_heads(halves[1])};
}

Tensor FlamingoAttentionImpl::queries(const Tensor& hidden) {
  return split_heads(to_q_(norm_(hidden)));
}

Tensor FlamingoAttentionImpl::forward(const Tensor& queries,
                                      const decoder::MemoryKeysValues& memory, const Tensor& mask) {
  const Tensor attended = attention(queries, memory.keys, memory.values,
                                    mask.unsqueeze(1));  // [batch, heads, seq, head_dim]
  return to_out_(attended.transpose(1, 2).flatten(2));   // [batch, seq, hidden]
}

FlamingoBlockImpl::FlamingoBlockImpl(const FlamingoBlockConfig& config) : config_(config) {
  attn_ = register_module("attn", FlamingoAttention(config));
  attn_gate_ = register_parameter("attn_gate", at::full({1}, config.gate_init));
  ff_ = register_module(
      "ff", torch::nn::Sequential(LayerNorm(LayerNormOptions({config.hidden}).eps(config.norm_eps)),
                                  Linear(config.hidden, config.ffn_hidden, /*has_bias=*/false),
                                  torch::nn::GELU(),
                                  Linear(config.ffn_hidden, config.hidden, /*has_bias=*/false)));
  ff_gate_ = register_parameter("ff_gate", at::full({1}, config.gate_init));
}

decoder::MemoryKeysValues FlamingoBlockImpl::project_memory(const Tensor& memory) {
  expect_shape(memory, {-1, -1, config_.memory_hidden}, "memory");
  return attn_->project(memory);
}

Tensor FlamingoBlockImpl::queries(const Tensor& hidden, const Tensor& blind) {
  const Tensor queries = attn_->queries(hidden);  // [batch, heads, seq, head_dim]
  if (config_.blind_rows != BlindRows::kAttendEvenly) return queries;
  return queries.masked_fill(blind.unsqueeze(1), 0);
}

Tensor FlamingoBlockImpl::forward(const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                                  const Tensor& mask) {
  expect_shape(hidden, {mask.size(0), mask.size(1), config_.hidden}, "hidden");
  expect_shape(mask, {memory.keys.size(0), -1, memory.keys.size(2)}, "mask");
  // A softmax over nothing is NaN: let such rows see everything, then drop what they should not
  // add.
  const Tensor blind = rows_without_memory(mask);  // [batch, seq, 1]
  Tensor attended = attn_(queries(hidden, blind), memory, mask.logical_or(blind));
  if (config_.blind_rows != BlindRows::kAttendEvenly) attended = attended.masked_fill(blind, 0);
  const Tensor y = hidden + attn_gate_.tanh() * attended;

  Tensor fed = ff_->forward(y);
  if (config_.blind_rows == BlindRows::kUntouched) fed = fed.masked_fill(blind, 0);
  return y + ff_gate_.tanh() * fed;
}

Tensor FlamingoBlockImpl::probabilities(const Tensor& hidden,
                                        const decoder::MemoryKeysValues& memory, const Tensor& mask,
                                        int64_t num_heads) {
  const int64_t heads = num_heads > 0 ? num_heads : config_.heads;
  const Tensor blind = rows_without_memory(mask);
  const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
  const Tensor scores = queries(hidden, blind)
                            .narrow(1, 0, heads)
                            .matmul(memory.keys.narrow(1, 0, heads).transpose(2, 3)) *
                        scale;  // [batch, heads, seq, memory]
  const Tensor unseen = mask.logical_or(blind).logical_not().unsqueeze(1);
  const Tensor attended =
      scores.masked_fill(unseen, -std::numeric_limits<double>::infinity()).softmax(-1);
  if (config_.blind_rows == BlindRows::kAttendEvenly) return attended;
  return attended.masked_fill(blind.unsqueeze(1), 0);
}

}  // namespace nvlm::fusion
