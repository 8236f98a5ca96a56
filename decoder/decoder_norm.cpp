#include "decoder/decoder_norm.h"

#include "common/parameter_scope.h"
#include "decoder/rms_norm.h"

namespace nvlm::decoder {

DecoderNormImpl::DecoderNormImpl(const LlamaConfig& config) : epsilon_(config.norm_eps) {
  weight = register_parameter("weight", new_parameter({config.hidden}, 1));
  if (config.norm == NormKind::kLayer) {
    bias = register_parameter("bias", new_parameter({config.hidden}, 0));
  }
}

Tensor DecoderNormImpl::forward(const Tensor& input) {
  if (!bias.defined()) return rms_norm(input, weight, epsilon_);
  return at::layer_norm(input, weight.sizes(), weight, bias, epsilon_);
}

}  // namespace nvlm::decoder
