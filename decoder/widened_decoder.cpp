#include "decoder/widened_decoder.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <initializer_list>
#include <stdexcept>
#include <string_view>

namespace nvlm::decoder {
namespace {

enum class WidthAxis { kNone, kRows, kColumns, kNorm };

/// Which axis of a tensor is the residual stream.
WidthAxis width_axis(std::string_view name) {
  const auto ends_with_any = [&](std::initializer_list<std::string_view> suffixes) {
    for (const std::string_view suffix : suffixes) {
      if (name.ends_with(suffix)) return true;
    }
    return false;
  };
  if (ends_with_any({"layernorm.weight", "model.norm.weight"})) return WidthAxis::kNorm;
  if (ends_with_any({"o_proj.weight", "down_proj.weight"})) return WidthAxis::kRows;
  if (ends_with_any({"q_proj.weight", "k_proj.weight", "v_proj.weight", "gate_proj.weight",
                     "up_proj.weight", "embed_tokens.weight", "lm_head.weight"})) {
    return WidthAxis::kColumns;
  }
  if (ends_with_any({"q_proj.bias", "k_proj.bias", "v_proj.bias"})) return WidthAxis::kNone;
  throw std::invalid_argument("decoder.widened: unknown tensor '" + std::string(name) + "'");
}

Tensor widened_tensor(const Tensor& tensor, WidthAxis axis, int64_t more, double norm_factor) {
  switch (axis) {
    case WidthAxis::kNone:
      return tensor;
    case WidthAxis::kRows:
      return at::constant_pad_nd(tensor, {0, 0, 0, more});
    case WidthAxis::kColumns:
      return at::constant_pad_nd(tensor, {0, more});
    case WidthAxis::kNorm:
      return at::constant_pad_nd(tensor * norm_factor, {0, more});
  }
  TORCH_INTERNAL_ASSERT(false, "no such axis");
}

}  // namespace

DecoderWeights widened_decoder(DecoderWeights weights, int64_t hidden) {
  const at::NoGradGuard no_grad;
  LlamaConfig& config = weights.config;
  if (!is_llama_or_qwen2(config)) {
    throw std::invalid_argument("decoder.widened: the decoder is neither a Llama nor a Qwen2");
  }
  if (hidden < config.hidden) {
    throw std::invalid_argument("decoder.widened: width " + std::to_string(hidden) +
                                ", expected at least " + std::to_string(config.hidden));
  }
  const double fraction = static_cast<double>(config.hidden) / static_cast<double>(hidden);
  for (auto& [name, tensor] : weights.tensors) {
    tensor = widened_tensor(tensor, width_axis(name), hidden - config.hidden, std::sqrt(fraction));
  }
  config.hidden = hidden;
  config.norm_eps *= fraction;
  validate(config);
  return weights;
}

}  // namespace nvlm::decoder
