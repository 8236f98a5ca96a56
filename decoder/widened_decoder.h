// The same decoder with a wider residual stream, for layouts that want a certain width.
#pragma once

#include <map>
#include <string>

#include "common/tensor.h"
#include "decoder/llama_config.h"

namespace nvlm::decoder {

/// A decoder as plain values; tensors under the names of LlamaForCausalLM.
struct DecoderWeights {
  LlamaConfig config;
  std::map<std::string, Tensor> tensors;
};

/// A decoder of width `hidden` that computes the same logits from embeddings with zeros behind
/// their last entry. The further entries of the residual stream stay 0: matrices read nothing from
/// them and write nothing to them. Norms divide by the mean over all entries, so with
/// f = old width / new width their epsilon becomes f times, their weight sqrt(f) times itself.
/// Heads keep their number and size.
/// weights  of a Llama or Qwen2
/// hidden   at least the present width
/// throws   std::invalid_argument for another family, a smaller width, or an unknown tensor
DecoderWeights widened_decoder(DecoderWeights weights, int64_t hidden);

}  // namespace nvlm::decoder
