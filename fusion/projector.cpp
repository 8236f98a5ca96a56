#include "fusion/projector.h"

#include "common/check.h"

namespace nvlm::fusion {

ProjectorImpl::ProjectorImpl(const ProjectorConfig& config) {
  const bool two_layers = config.hidden > 0;
  const int64_t width = two_layers ? config.hidden : config.output;
  norm_ = register_module("0", vision::VisionNorm(vision::NormKind::kLayerNorm, config.input,
                                                  config.input, /*eps=*/1e-5));
  first_ = register_module("1", Linear(config.input, width, config.bias));
  if (!two_layers) return;
  second_ = register_module("3", Linear(width, config.output, config.bias));
}

Tensor ProjectorImpl::forward(const Tensor& tokens) {
  TORCH_CHECK(tokens.size(-1) == first_->weight.size(1), "fusion.projector: tile tokens are ",
              tokens.size(-1), " wide, expected ", first_->weight.size(1));
  const Tensor projected = first_(norm_(tokens));
  return second_ ? second_(at::gelu(projected)) : projected;
}

}  // namespace nvlm::fusion
