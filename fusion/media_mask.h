// Which text may attend to which picture, from the places of the picture tokens: Flamingo's rules.
#pragma once

#include "common/tensor.h"

namespace nvlm::fusion {

/// What a token of text sees.
enum class MediaRule {
  kLastBefore,  // the last picture up to its own position ("immediate" in OpenFlamingo)
  kAllBefore,   // all pictures up to its own position
  kLastOfAll,  // the sample's last picture, wherever the token stands: text that goes on behind the
               // prompt, whose picture tokens are not in its own sequence ("cached")
};

/// locations         [batch, seq], bool, true where a picture's token stands
/// num_images        pictures in the memory of each sample; those that a sample has no token for
///                   are padding, and nothing sees them
/// tokens_per_image  memory tokens of a picture
/// returns           [batch, seq, num_images * tokens_per_image], bool, true = may attend
/// throws            c10::Error if a sample has more picture tokens than pictures
/// source            Flamingo (arXiv 2204.14198) §2.3; OpenFlamingo's MaskedCrossAttention
Tensor media_mask(const Tensor& locations, int64_t num_images, int64_t tokens_per_image,
                  MediaRule rule);

}  // namespace nvlm::fusion
