// A gated cross-attention block with a tile mask: activations, output and gradients.
#include <stdexcept>

#include "common/load_weights.h"
#include "common/weight_store.h"
#include "eval/parity/kinds.h"
#include "fusion/gated_cross_attention.h"

namespace nvlm::eval {
namespace {

using fusion::GatedCrossAttention;
using fusion::GatedCrossAttentionConfig;

constexpr Tolerance kGradientTolerance{2e-4, 1e-4};

int64_t rows_of(const WeightStore& store, const std::string& name) {
  const std::vector<int64_t> shape = store.entry(name).shape;
  if (shape.empty() || shape[0] < 1) {
    throw std::runtime_error(store.path().string() + ": '" + name + "' has no rows");
  }
  return shape[0];
}

/// Everything follows from the weights but the number of heads, which case.json says.
GatedCrossAttentionConfig block_config(const CaseFolder& folder, const WeightStore& store) {
  const Json dims = json_get<Json>(folder.about(), "dims", folder.about_path());
  const std::string where = folder.about_path() + ": dims";
  GatedCrossAttentionConfig config;
  config.attention.hidden = rows_of(store, "input_layernorm.weight");
  config.attention.heads = json_get<int64_t>(dims, "heads", where);
  config.attention.kv_heads = json_get_or<int64_t>(dims, "kv", config.attention.heads, where);
  config.ffn_hidden = rows_of(store, "mlp.gate_proj.weight");
  config.norm_eps = json_get_or<double>(dims, "norm_eps", config.norm_eps, where);
  const int64_t width = rows_of(store, "cross_attn.q_proj.weight");
  if (config.attention.heads < 1 || width % config.attention.heads != 0 ||
      config.attention.kv_heads < 1 || config.attention.heads % config.attention.kv_heads != 0) {
    throw std::runtime_error(where + ": heads " + std::to_string(config.attention.heads) +
                             " and kv " + std::to_string(config.attention.kv_heads) +
                             " do not divide the " + std::to_string(width) +
                             " rows of cross_attn.q_proj.weight");
  }
  config.attention.head_dim = width / config.attention.heads;
  return config;
}

GatedCrossAttention load_block(const WeightStore& store, GatedCrossAttentionConfig config,
                               bool feed_forward_without_memory) {
  config.feed_forward_without_memory = feed_forward_without_memory;
  GatedCrossAttention block(config);
  load_weights(*block, store);
  return block;
}

/// What happens inside, in order; attention is zero on rows that see nothing.
void compare_inside(GatedCrossAttention& block, const GatedCrossAttentionConfig& config,
                    const Tensor& x, const Tensor& memory, const Tensor& mask,
                    TensorComparison& comparison) {
  auto& attention = submodule<fusion::MemoryAttentionImpl>(*block, "cross_attn");
  const auto gate = [&](const char* name) { return block->named_parameters()[name].tanh(); };
  const Tensor normed = submodule<decoder::RmsNormImpl>(*block, "input_layernorm").forward(x);
  const Tensor queries =
      submodule<LinearImpl>(*block, "cross_attn.q_proj")
          .forward(normed)
          .view({x.size(0), x.size(1), config.attention.heads, config.attention.head_dim})
          .transpose(1, 2);  // [batch, heads, seq, head_dim]
  comparison.compare("q", queries);
  const decoder::MemoryKeysValues projected = block->project_memory(memory);
  comparison.compare("attn_probs", block->probabilities(x, projected, mask));
  const Tensor blind = mask.any(-1, /*keepdim=*/true).logical_not();  // [batch, seq, 1]
  const Tensor attended =
      attention.forward(normed, projected, mask.logical_or(blind)).masked_fill(blind, 0);
  comparison.compare("attn_out", attended);
  const Tensor after = x + gate("cross_attn_attn_gate") * attended;
  comparison.compare("after_attn", after);
  comparison.compare(
      "mlp_out",
      submodule<decoder::LlamaMlpImpl>(*block, "mlp")
          .forward(
              submodule<decoder::RmsNormImpl>(*block, "post_attention_layernorm").forward(after)));
}

}  // namespace

void check_gated_cross_attention(const CaseFolder& folder, ParityReport& report) {
  const SafetensorsFile inputs = folder.inputs(), expected = folder.expected();
  TensorComparison comparison(expected, folder.tolerance(), report);
  const WeightStore store = WeightStore::open(folder.path());
  const GatedCrossAttentionConfig config = block_config(folder, store);
  const Tensor x = inputs.tensor("x").clone().requires_grad_();
  const Tensor vision = inputs.tensor("vision").clone().requires_grad_();
  const Tensor tile_mask = inputs.tensor("tile_mask").to(at::kBool);
  if (vision.dim() != 4 || tile_mask.dim() != 3 || tile_mask.size(2) != vision.size(1)) {
    throw std::runtime_error(inputs.path().string() +
                             ": expected vision [batch, tiles, tokens, width] and tile_mask "
                             "[batch, seq, tiles]");
  }
  const Tensor memory = vision.flatten(1, 2);  // [batch, memory, hidden]
  const Tensor mask =
      tile_mask.repeat_interleave(vision.size(2), /*dim=*/2);  // [batch, seq, memory]

  GatedCrossAttention block = load_block(store, config, /*feed_forward_without_memory=*/true);
  compare_inside(block, config, x, memory, mask, comparison);
  const Tensor out = block->forward(x, block->project_memory(memory), mask);
  comparison.compare("out", out);
  if (comparison.wants("out_mlp_skipped_on_rows_without_tile")) {
    GatedCrossAttention ours = load_block(store, config, /*feed_forward_without_memory=*/false);
    comparison.compare("out_mlp_skipped_on_rows_without_tile",
                       ours->forward(x, ours->project_memory(memory), mask));
  }
  if (inputs.contains("upstream_gradient")) {
    const Tolerance bound = folder.tolerance_or("gradients", kGradientTolerance);
    (out * inputs.tensor("upstream_gradient")).sum().backward();
    comparison.compare_within("grad.x", x.grad(), bound);
    comparison.compare_within("grad.vision", vision.grad(), bound);
    for (const auto& weight : block->named_parameters()) {
      comparison.compare_within("grad." + weight.key(), weight.value().grad(), bound);
    }
  }
  comparison.finish();
}

}  // namespace nvlm::eval
