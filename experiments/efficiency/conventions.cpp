#include "experiments/efficiency/conventions.h"

namespace nvlm::experiments {
namespace {

double number(int64_t value) { return static_cast<double>(value); }

}  // namespace

double matmul_parameters(const decoder::LlamaConfig& c) {
  const double hidden = number(c.hidden);
  const double width = number(c.heads * c.head_dim), kv_width = number(c.kv_heads * c.head_dim);
  const double matrices = c.feed_forward == decoder::FeedForwardKind::kSwiglu ? 3 : 2;
  return number(c.layers) *
         (2 * hidden * width + 2 * hidden * kv_width + matrices * hidden * number(c.ffn_hidden));
}

double six_n(double parameters) { return 6 * parameters; }

double palm_flops_per_token(double parameters, int64_t layers, int64_t heads, int64_t head_dim,
                            int64_t sequence) {
  return six_n(parameters) +
         12 * number(layers) * number(heads) * number(head_dim) * number(sequence);
}

double megatron_step_flops(int64_t batch, int64_t sequence, int64_t layers, int64_t hidden,
                           int64_t vocab, bool recomputes_layers) {
  const double passes = recomputes_layers ? 4 : 3;  // forward passes' worth of the layers
  const double s = number(sequence), h = number(hidden), l = number(layers);
  const double attention = s / (6 * h);
  const double head = number(vocab) / (4 * passes * l * h);
  return 24 * passes * number(batch) * s * l * h * h * (1 + attention + head);
}

double megatron_causal_flops_per_token(const decoder::LlamaConfig& c, int64_t sequence) {
  const double attention =
      2 * number(c.layers) * number(c.heads * c.head_dim) * number(sequence);  // halved
  const double head = 2 * number(c.hidden) * number(c.vocab);
  return 3 * (2 * matmul_parameters(c) + attention + head);
}

double model_flops_utilisation(double tokens_per_second, double flops_per_token,
                               double peak_flops_per_second) {
  return tokens_per_second * flops_per_token / peak_flops_per_second;
}

}  // namespace nvlm::experiments
