#include "decoder/decoder_norm.h"

#include "decoder/rms_norm.h"

namespace nvlm::decoder {

DecoderNormImpl::DecoderNormImpl(const LlamaConfig& config) : epsilon_(config.norm_eps) {
  weight = register_parameter("weight", at::ones({config.hidden}));
  if (config.norm == NormKind::kLayer) {
    bias = register_parameter("bias", at::zeros({config.hidden}));
  }
}

Tensor DecoderNormImpl::forward(const Tensor& input) {
  if (!bias.defined()) return rms_norm(input, weight, epsilon_);
  return at::layer_norm(input, weight.sizes(), weight, bias, epsilon_);
}

}  // namespace nvlm::decoder
