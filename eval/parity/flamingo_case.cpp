// Flamingo's gated cross-attention block under its three rules for what text sees.
#include <stdexcept>

#include "common/load_weights.h"
#include "common/weight_store.h"
#include "eval/parity/kinds.h"
#include "fusion/flamingo_block.h"
#include "fusion/media_mask.h"

namespace nvlm::eval {
namespace {

using fusion::BlindRows;
using fusion::FlamingoBlock;
using fusion::FlamingoBlockConfig;
using fusion::MediaRule;

constexpr Tolerance kFlamingoGradients{2e-4, 1e-4};

/// How OpenFlamingo treats what text sees, and text that sees nothing.
struct Convention {
  const char* name;
  MediaRule rule;
  BlindRows blind_rows;
};

constexpr Convention kConventions[] = {
    {"immediate", MediaRule::kLastBefore, BlindRows::kFeedForwardOnly},
    {"all_previous", MediaRule::kAllBefore, BlindRows::kAttendEvenly},
    {"cached", MediaRule::kLastOfAll, BlindRows::kFeedForwardOnly},
};

/// [rows, columns] of a weight; sizes come from the file, so nothing is taken on trust.
std::array<int64_t, 2> matrix_shape(const WeightStore& store, const std::string& name) {
  const std::vector<int64_t> shape = store.entry(name).shape;
  if (shape.size() == 2 && shape[0] > 0 && shape[1] > 0) return {shape[0], shape[1]};
  throw std::runtime_error(store.path().string() + ": '" + name + "' is no matrix");
}

/// Everything follows from the weights but the number of heads, which case.json says.
FlamingoBlockConfig flamingo_config(const CaseFolder& folder, const WeightStore& store) {
  const std::string where = folder.about_path() + ": dims";
  const Json dims = json_get<Json>(folder.about(), "dims", folder.about_path());
  const auto [width, hidden] = matrix_shape(store, "attn.to_q.weight");
  FlamingoBlockConfig config;
  config.hidden = hidden;
  config.memory_hidden = matrix_shape(store, "attn.to_kv.weight")[1];
  config.ffn_hidden = matrix_shape(store, "ff.1.weight")[0];
  config.heads = json_get<int64_t>(dims, "heads", where);
  config.norm_eps = json_get_or<double>(dims, "norm_eps", config.norm_eps, where);
  if (config.heads < 1 || width % config.heads != 0) {
    throw std::runtime_error(where + ": heads " + std::to_string(config.heads) +
                             " do not divide the " + std::to_string(width) +
                             " rows of attn.to_q.weight");
  }
  config.head_dim = width / config.heads;
  return config;
}

struct FlamingoInputs {
  Tensor x;          // [batch, seq, hidden]
  Tensor media;      // [batch, pictures, tokens, memory_hidden]
  Tensor locations;  // [batch, seq], bool
};

FlamingoInputs read_flamingo_inputs(const SafetensorsFile& file) {
  const FlamingoInputs inputs{file.tensor("x").clone(), file.tensor("media").clone(),
                              file.tensor("media_locations").to(at::kBool)};
  if (inputs.x.dim() == 3 && inputs.media.dim() == 4 && inputs.media.size(0) == inputs.x.size(0) &&
      inputs.locations.sizes() == inputs.x.sizes().slice(0, 2)) {
    return inputs;
  }
  throw std::runtime_error(file.path().string() +
                           ": expected x [batch, seq, width], media [batch, pictures, tokens, "
                           "width] and media_locations [batch, seq]");
}

/// What happens inside, in order.
void compare_flamingo_inside(FlamingoBlock& block, const Tensor& x,
                             const decoder::MemoryKeysValues& memory, const Tensor& mask,
                             const std::string& prefix, TensorComparison& comparison) {
  const auto gate = [&](const char* name) { return block->named_parameters()[name].tanh(); };
  const Tensor probabilities = block->probabilities(x, memory, mask);
  comparison.compare(prefix + "attn_probs", probabilities);
  const Tensor read = probabilities.matmul(memory.values);  // [batch, heads, seq, head_dim]
  const Tensor attended =
      submodule<LinearImpl>(*block, "attn.to_out").forward(read.transpose(1, 2).flatten(2));
  comparison.compare(prefix + "attn_out", attended);
  const Tensor after = x + gate("attn_gate") * attended;
  comparison.compare(prefix + "after_attn", after);
  comparison.compare(prefix + "ff_out",
                     submodule<torch::nn::SequentialImpl>(*block, "ff").forward(after));
}

/// One convention; gradients where there are any.
void compare_convention(const Convention& convention, const WeightStore& store,
                        FlamingoBlockConfig config, FlamingoInputs inputs, const Tensor& upstream,
                        Tolerance gradients, TensorComparison& comparison) {
  const std::string prefix = std::string(convention.name) + ".";
  if (!comparison.wants_any(prefix)) return;
  config.blind_rows = convention.blind_rows;
  FlamingoBlock block(config);
  load_weights(*block, store);
  inputs.x.requires_grad_();
  inputs.media.requires_grad_();
  const Tensor mask = fusion::media_mask(inputs.locations, inputs.media.size(1),
                                         inputs.media.size(2), convention.rule);
  const decoder::MemoryKeysValues memory = block->project_memory(inputs.media.flatten(1, 2));
  compare_flamingo_inside(block, inputs.x, memory, mask, prefix, comparison);
  const Tensor out = block->forward(inputs.x, memory, mask);
  comparison.compare(prefix + "out", out);
  if (!upstream.defined() || !comparison.wants_any(prefix + "grad.")) return;
  (out * upstream).sum().backward();
  comparison.compare_within(prefix + "grad.x", inputs.x.grad(), gradients);
  comparison.compare_within(prefix + "grad.media", inputs.media.grad(), gradients);
  for (const auto& weight : block->named_parameters()) {
    comparison.compare_within(prefix + "grad." + weight.key(), weight.value().grad(), gradients);
  }
}

}  // namespace

void check_flamingo(const CaseFolder& folder, ParityReport& report) {
  const SafetensorsFile inputs = folder.inputs(), expected = folder.expected();
  TensorComparison comparison(expected, folder.tolerance(), report);
  const WeightStore store = WeightStore::open(folder.path());
  const FlamingoBlockConfig config = flamingo_config(folder, store);
  const Tensor upstream =
      inputs.contains("upstream_gradient") ? inputs.tensor("upstream_gradient") : Tensor();
  for (const Convention& convention : kConventions) {
    compare_convention(convention, store, config, read_flamingo_inputs(inputs), upstream,
                       folder.tolerance_or("gradients", kFlamingoGradients), comparison);
  }
  comparison.finish();
}

}  // namespace nvlm::eval
