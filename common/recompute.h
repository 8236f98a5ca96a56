// Activation recomputation: a part of the forward pass that keeps only its inputs.
#pragma once

#include <functional>

#include "common/tensor.h"

namespace nvlm {

/// work(first, second), of which nothing but these inputs is kept; the backward pass runs `work`
/// again, under the autocast of the first time. Trainable tensors that `work` reads by itself
/// (parameters) get their gradients as usual. Without gradients being recorded it is a plain call.
/// work    must give the same every time: no random numbers, nothing written. It is kept until the
///         backward pass, so what it refers to must live until then
/// source  Chen et al. 2016 (arXiv 1604.06174); Korthikanti et al. 2022 (arXiv 2205.05198), "full
///         recomputation"
Tensor recomputed(std::function<Tensor(const Tensor& first, const Tensor& second)> work,
                  const Tensor& first, const Tensor& second = {});

}  // namespace nvlm
