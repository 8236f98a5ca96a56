#include "fusion/routing.h"

#include <c10/util/Exception.h>

#include <stdexcept>

namespace nvlm::fusion {

Routing routing(Variant variant) {
  using enum Route;
  switch (variant) {
    //                                     thumbnail  regular  tags in the memory
    case Variant::kDecoder:
      return {kInline, kInline, kInline};
    case Variant::kCrossAttention:
      return {kMemory, kMemory, kInline};
    case Variant::kHybrid:
      return {kInline, kMemory, kMemory};
    case Variant::kReversed:
      return {kMemory, kInline, kMemory};
  }
  TORCH_INTERNAL_ASSERT(false, "no such variant");
}

std::string name(Variant variant) {
  switch (variant) {
    case Variant::kDecoder:
      return "d";
    case Variant::kCrossAttention:
      return "x";
    case Variant::kHybrid:
      return "h";
    case Variant::kReversed:
      return "reversed";
  }
  TORCH_INTERNAL_ASSERT(false, "no such variant");
}

Variant parse_variant(std::string_view text) {
  for (const Variant variant :
       {Variant::kDecoder, Variant::kCrossAttention, Variant::kHybrid, Variant::kReversed}) {
    if (name(variant) == text) return variant;
  }
  throw std::invalid_argument("fusion.variant: '" + std::string(text) +
                              "', expected d, x, h or reversed");
}

}  // namespace nvlm::fusion
