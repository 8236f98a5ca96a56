#include "experiments/efficiency/matmul_flops.h"

namespace nvlm::experiments {
namespace {

/// A product of [rows, inner] and [inner, columns].
double product(int64_t rows, int64_t inner, int64_t columns) {
  return 2.0 * static_cast<double>(rows) * static_cast<double>(inner) *
         static_cast<double>(columns);
}

}  // namespace

double prefill_flops(const decoder::LlamaConfig& c, int64_t tokens) {
  const int64_t width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const double projections =
      2 * product(tokens, c.hidden, width) + 2 * product(tokens, c.hidden, kv_width);
  const double feed_forward = 3 * product(tokens, c.hidden, c.ffn_hidden);
  const double attention = product(tokens, width, tokens);  // scores and values, half of each
  return static_cast<double>(c.layers) * (projections + feed_forward + attention) +
         product(1, c.hidden, c.vocab);
}

double encode_flops(const vision::VisionConfig& c, int64_t tiles) {
  const int64_t tokens = 1 + c.patches(), width = c.attention_width();
  const double patches = product(c.patches(), 3 * c.patch_size * c.patch_size, c.hidden);
  const double layer = 4 * product(tokens, c.hidden, width) + 2 * product(tokens, width, tokens) +
                       2 * product(tokens, c.hidden, c.ffn_hidden);
  return static_cast<double>(tiles) * (patches + static_cast<double>(c.layers) * layer);
}

double projector_flops(const fusion::ProjectorConfig& c, int64_t tile_tokens) {
  if (c.hidden == 0) return product(tile_tokens, c.input, c.output);
  return product(tile_tokens, c.input, c.hidden) + product(tile_tokens, c.hidden, c.output);
}

double cross_attention_flops(const fusion::FusionConfig& config, int64_t tokens, int64_t memory) {
  const fusion::MemoryAttentionConfig& a = config.cross_attention.attention;
  const int64_t width = a.heads * a.head_dim, kv_width = a.kv_heads * a.head_dim;
  const int64_t ffn_matrices = config.block == fusion::BlockKind::kFlamingo ? 2 : 3;  // SwiGLU: 3
  return 2 * product(tokens, a.hidden, width) + 2 * product(memory, a.hidden, kv_width) +
         2 * product(tokens, width, memory) +
         ffn_matrices * product(tokens, a.hidden, config.cross_attention.ffn_hidden);
}

}  // namespace nvlm::experiments
