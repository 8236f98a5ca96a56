#include <c10/util/Exception.h>

#include "fusion/fusion_module.h"
#include "fusion/routed_fusion.h"

namespace nvlm::fusion {

std::shared_ptr<FusionModule> make_fusion(const FusionConfig& config) {
  validate(config);
  switch (config.variant) {
    case Variant::kDecoder:         // NVLM-D
    case Variant::kCrossAttention:  // NVLM-X
    case Variant::kHybrid:          // NVLM-H
    case Variant::kReversed:
      return std::make_shared<RoutedFusion>(config);
  }
  TORCH_INTERNAL_ASSERT(false, "no such variant");
}

}  // namespace nvlm::fusion
