// What happens inside an InternViT encoder, compared block by block; private to this folder.
#pragma once

#include <string>

#include "common/tensor.h"
#include "eval/parity/case_folder.h"
#include "vision/vision_encoder.h"

namespace nvlm::eval {

/// Compares what is wanted under <prefix>: "embeddings", "layer.N.{norm1, q_norm, k_norm, attn,
/// norm2, mlp, out}", "last_hidden_state" and "pooler_output" (the class token).
/// pixel_values  [tiles, 3, height, width], normalised
void compare_encoder_states(vision::VisionEncoderImpl& encoder, const Tensor& pixel_values,
                            const std::string& prefix, TensorComparison& comparison);

}  // namespace nvlm::eval
