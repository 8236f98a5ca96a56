// How fusion gets at the decoder's embeddings without knowing the decoder.
#pragma once

#include <functional>

#include "common/tensor.h"

namespace nvlm::fusion {

/// Token ids [batch, seq] int64 -> embeddings [batch, seq, hidden].
using TokenEmbedder = std::function<Tensor(const Tensor& ids)>;

}  // namespace nvlm::fusion
