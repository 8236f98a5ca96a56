// An InternViT checkpoint: every stored intermediate tensor, in the order of the computation.
#include <ATen/core/grad_mode.h>
#include <torch/nn/modules/linear.h>

#include <cmath>
#include <stdexcept>

#include "common/load_weights.h"
#include "common/weight_store.h"
#include "eval/parity/kinds.h"
#include "vision/vision_encoder.h"

namespace nvlm::eval {
namespace {

using vision::VisionAttentionImpl;
using vision::VisionMlpImpl;
using vision::VisionNormImpl;

vision::VisionEncoder load_encoder(const CaseFolder& folder) {
  const auto path = folder.path() / "config.json";
  const WeightStore store = WeightStore::open(folder.path());
  vision::VisionConfig config;
  try {
    config = with_stored_heads(vision::vision_config_from_json(read_json(path)), store);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
  // Before memory is taken for what the configuration claims.
  const std::string last = "encoder.layers." + std::to_string(config.layers - 1) + ".ls1";
  if (!store.contains(last) || store.entry(last).shape != std::vector<int64_t>{config.hidden}) {
    throw std::runtime_error(path.string() + ": hidden_size " + std::to_string(config.hidden) +
                             " and num_hidden_layers " + std::to_string(config.layers) +
                             " do not fit the weights: no '" + last + "' of that size");
  }
  vision::VisionEncoder encoder(config);
  load_weights(*encoder, store);
  encoder->eval();
  return encoder;
}

/// The parts of one block, given what enters it.
void compare_block(vision::VisionEncoderImpl& encoder, int64_t layer, const Tensor& input,
                   const std::string& prefix, TensorComparison& comparison) {
  const std::string key = prefix + "layer." + std::to_string(layer) + ".";
  const std::string block = "encoder.layers." + std::to_string(layer) + ".";
  bool wanted = false;
  for (const char* part : {"norm1", "q_norm", "k_norm", "attn", "norm2", "mlp"}) {
    wanted = wanted || comparison.wants(key + part);
  }
  if (!wanted) return;
  const Tensor norm1 = submodule<VisionNormImpl>(encoder, block + "norm1").forward(input);
  comparison.compare(key + "norm1", norm1);
  if (encoder.config().qk_normalization) {
    const Tensor qkv = submodule<torch::nn::LinearImpl>(encoder, block + "attn.qkv").forward(norm1);
    const std::vector<Tensor> parts = qkv.chunk(3, -1);  // q, k, v
    for (const auto& [name, part] : {std::pair{"q_norm", parts[0]}, {"k_norm", parts[1]}}) {
      comparison.compare(key + name,
                         submodule<VisionNormImpl>(encoder, block + "attn." + name).forward(part));
    }
  }
  const Tensor attended = submodule<VisionAttentionImpl>(encoder, block + "attn").forward(norm1);
  comparison.compare(key + "attn", attended);
  const Tensor middle = input + encoder.named_parameters()[block + "ls1"] * attended;
  const Tensor norm2 = submodule<VisionNormImpl>(encoder, block + "norm2").forward(middle);
  comparison.compare(key + "norm2", norm2);
  comparison.compare(key + "mlp", submodule<VisionMlpImpl>(encoder, block + "mlp").forward(norm2));
}

/// The table resized to the square number of patches that is expected.
void compare_positions(vision::VisionEncoderImpl& encoder, TensorComparison& comparison) {
  const std::string name = "resized_position_embedding";
  if (!comparison.wants(name)) return;
  const Tensor expected = comparison.expected(name);
  const auto side = static_cast<int64_t>(std::lround(std::sqrt(
      static_cast<double>(std::max<int64_t>(expected.numel() / encoder.config().hidden - 1, 1)))));
  comparison.compare(
      name, submodule<vision::VisionEmbeddingsImpl>(encoder, "embeddings").positions(side, side));
}

}  // namespace

void check_internvit(const CaseFolder& folder, ParityReport& report) {
  const at::NoGradGuard no_grad;
  const SafetensorsFile inputs = folder.inputs(), expected = folder.expected();
  TensorComparison comparison(expected, folder.tolerance(), report);
  vision::VisionEncoder encoder = load_encoder(folder);
  const std::string suffix = "pixel_values";
  for (const auto& [input, entry] : inputs.entries()) {
    if (!input.ends_with(suffix)) continue;
    const std::string prefix = input.substr(0, input.size() - suffix.size());
    const std::vector<Tensor> states = encoder->hidden_states(inputs.tensor(input));
    comparison.compare(prefix + "embeddings", states.front());
    for (size_t i = 1; i < states.size(); ++i) {
      const auto layer = static_cast<int64_t>(i) - 1;
      compare_block(*encoder, layer, states[i - 1], prefix, comparison);
      comparison.compare(prefix + "layer." + std::to_string(layer) + ".out", states[i]);
    }
    comparison.compare(prefix + "last_hidden_state", states.back());
    comparison.compare(prefix + "pooler_output", states.back().select(1, 0));
  }
  compare_positions(*encoder, comparison);
  comparison.finish();
}

}  // namespace nvlm::eval
