// How far the gates of cross-attention blocks are open.
#pragma once

#include <torch/nn/module.h>

#include <map>
#include <string>

#include "common/tensor.h"

namespace nvlm::experiments {

/// "<block>.attention" and "<block>.ffn" -> tanh of the block's gate, [] float, detached; nothing
/// for a model without blocks.
/// model  with the blocks' parameters under "cross_attention.<block>."
std::map<std::string, Tensor> gate_values(const torch::nn::Module& model);

}  // namespace nvlm::experiments
