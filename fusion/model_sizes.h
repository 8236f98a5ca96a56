// How large the parts of a whole model are, for a device map.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <vector>

#include "decoder/device_map.h"

namespace nvlm::fusion {

/// decoder::part_sizes of a model that sees: cross-attention blocks belong to the layer that they
/// stand before, with the keys and values of a memory as long as the planned context; encoder,
/// projector and all else belong to the front.
/// model     may be on the meta device; its child "cross_attention", if there is one, holds the
///           blocks
/// language  the decoder in it
/// depths    of the blocks, in order
decoder::PartSizes model_sizes(const torch::nn::Module& model,
                               const decoder::LlamaForCausalLMImpl& language,
                               const std::vector<int64_t>& depths);

}  // namespace nvlm::fusion
