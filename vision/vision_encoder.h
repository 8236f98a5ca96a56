// InternViT-style encoder, with the module names of the InternVL checkpoints.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <vector>

#include "common/tensor.h"
#include "vision/vision_config.h"
#include "vision/vision_embeddings.h"
#include "vision/vision_layer.h"

namespace nvlm::vision {

/// Patches, class token and positions, then the blocks; no final norm.
class VisionEncoderImpl : public torch::nn::Module {
 public:
  explicit VisionEncoderImpl(const VisionConfig& config);

  /// pixel_values  [tiles, 3, height, width], normalised
  /// returns       [tiles, 1 + patches, hidden]; row 0 is the class token
  /// A resolution other than the configured one (multiples of the patch) resizes the positions.
  Tensor forward(const Tensor& pixel_values);

  /// The embeddings, then what each block returns: layers + 1 tensors like forward's, whose result
  /// is the last. For parity tests, probes and encoders that use an earlier block.
  std::vector<Tensor> hidden_states(const Tensor& pixel_values);

  /// The tile features of NVLM: class token dropped, pixel shuffle 2x2 (v2 order).
  /// returns       [tiles, patches / 4, 4 * hidden]
  /// throws        c10::Error for an odd number of patches in a direction
  Tensor tile_tokens(const Tensor& pixel_values);

  const VisionConfig& config() const { return config_; }

 private:
  VisionConfig config_;
  VisionEmbeddings embeddings_{nullptr};
  VisionLayers encoder_{nullptr};
};
TORCH_MODULE(VisionEncoder);

}  // namespace nvlm::vision
