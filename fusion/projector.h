// From the vision encoder's width to the decoder's: "mlp1" in the checkpoints.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "common/linear.h"
#include "common/tensor.h"
#include "vision/vision_layer.h"

namespace nvlm::fusion {

struct ProjectorConfig {
  int64_t input = 0;   // width of a tile token: 4 x vision hidden
  int64_t hidden = 0;  // width between the two layers; 0 = one layer only, as in NVLM-X
  int64_t output = 0;  // width of the decoder
  bool bias = true;    // InternVL has biases, NVLM-D has none
};

/// LayerNorm, Linear, GELU, Linear (registered as "0", "1", "3"); one layer: LayerNorm, Linear.
/// tokens   [..., input]
/// returns  [..., output]
/// source   NVLM §4.2; the norm (eps 1e-5) and the names are NVLM-D-72B's
/// chosen:  the lab compares D, X and H with the same two layers, where the paper gives X one, so
///          that they differ in the routing alone; the norm stands in front of one layer as well
class ProjectorImpl : public torch::nn::Module {
 public:
  explicit ProjectorImpl(const ProjectorConfig& config);
  Tensor forward(const Tensor& tokens);

 private:
  vision::VisionNorm norm_{nullptr};
  Linear first_{nullptr}, second_{nullptr};  // second_ is null with one layer
};
TORCH_MODULE(Projector);

}  // namespace nvlm::fusion
