// Where the lab's encoder starts: attention that looks at neighbours, as a convolution does.
#pragma once

#include "vision/vision_encoder.h"

namespace nvlm::experiments {

/// Sets the weights of a fresh encoder so that each attention head looks at one of the eight
/// patches around its own (the sinusoidal positions of two patches tell their distance), a linear
/// embedding takes a white patch to zero, and the branches of the blocks start small. A
/// convolutional stem is left as it is. Everything stays trainable.
///
/// chosen: a transformer otherwise spends most of a small budget on finding out that characters
/// cross the borders of patches. source  the idea: d'Ascoli et al., ConViT (arXiv 2103.10697),
/// gated positional self-attention throws  c10::Error if a head is narrower than 4
void start_local(vision::VisionEncoderImpl& encoder);

}  // namespace nvlm::experiments
