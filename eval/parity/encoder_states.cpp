#include "eval/parity/encoder_states.h"

#include "common/linear.h"
#include "eval/parity/kinds.h"

namespace nvlm::eval {
namespace {

using vision::VisionAttentionImpl;
using vision::VisionMlpImpl;
using vision::VisionNormImpl;

/// The parts of one block, given what enters it.
void compare_encoder_block(vision::VisionEncoderImpl& encoder, int64_t layer, const Tensor& input,
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
    const Tensor qkv = submodule<LinearImpl>(encoder, block + "attn.qkv").forward(norm1);
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

}  // namespace

void compare_encoder_states(vision::VisionEncoderImpl& encoder, const Tensor& pixel_values,
                            const std::string& prefix, TensorComparison& comparison) {
  const std::vector<Tensor> states = encoder.hidden_states(pixel_values);
  comparison.compare(prefix + "embeddings", states.front());
  for (size_t i = 1; i < states.size(); ++i) {
    const auto layer = static_cast<int64_t>(i) - 1;
    compare_encoder_block(encoder, layer, states[i - 1], prefix, comparison);
    comparison.compare(prefix + "layer." + std::to_string(layer) + ".out", states[i]);
  }
  comparison.compare(prefix + "last_hidden_state", states.back());
  comparison.compare(prefix + "pooler_output", states.back().select(1, 0));
}

}  // namespace nvlm::eval
