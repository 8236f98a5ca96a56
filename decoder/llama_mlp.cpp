#include "decoder/llama_mlp.h"

namespace nvlm::decoder {

LlamaMlpImpl::LlamaMlpImpl(int64_t hidden, int64_t ffn_hidden) {
  using torch::nn::Linear;
  using torch::nn::LinearOptions;
  gate_proj = register_module("gate_proj", Linear(LinearOptions(hidden, ffn_hidden).bias(false)));
  up_proj = register_module("up_proj", Linear(LinearOptions(hidden, ffn_hidden).bias(false)));
  down_proj = register_module("down_proj", Linear(LinearOptions(ffn_hidden, hidden).bias(false)));
}

Tensor LlamaMlpImpl::forward(const Tensor& input) {
  return down_proj(at::silu(gate_proj(input)) * up_proj(input));
}

}  // namespace nvlm::decoder
