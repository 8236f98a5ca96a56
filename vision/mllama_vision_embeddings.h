// Positions in Llama 3.2 Vision's encoder: of a patch within its tile, and of a tile in the
// picture.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "common/linear.h"
#include "common/tensor.h"
#include "vision/mllama_vision_config.h"

namespace nvlm::vision {

/// Adds tanh(gate) times a vector to all tokens of a tile; it depends on the tile and on the
/// picture's aspect ratio.
/// source  transformers, MllamaPrecomputedAspectRatioEmbedding
class MllamaTileEmbeddingImpl : public torch::nn::Module {
 public:
  explicit MllamaTileEmbeddingImpl(const MllamaVisionConfig& config);

  /// x [max_tiles, tokens, hidden] of one picture -> the same shape
  Tensor forward(const Tensor& x, int64_t aspect_ratio_id);

 private:
  int64_t max_tiles_;
  Embedding embedding_{nullptr};  // [1 + aspect ratios, max_tiles * hidden]
  Tensor gate_;                   // [1]
};
TORCH_MODULE(MllamaTileEmbedding);

/// Adds (1 - tanh(gate)) times a position that all tiles share, and tanh(gate) times one that
/// depends on the tile and on the picture's aspect ratio.
/// source  transformers, MllamaPrecomputedPositionEmbedding
class MllamaPositionEmbeddingImpl : public torch::nn::Module {
 public:
  explicit MllamaPositionEmbeddingImpl(const MllamaVisionConfig& config);

  /// x [max_tiles, patches, hidden] of one picture, class token first -> the same shape
  Tensor forward(const Tensor& x, int64_t aspect_ratio_id);

 private:
  int64_t max_tiles_, patches_;
  Tensor embedding_;                   // [patches, hidden]
  Embedding tile_embedding_{nullptr};  // [1 + ratios, max_tiles * patches * hidden]
  Tensor gate_;                        // [1]
};
TORCH_MODULE(MllamaPositionEmbedding);

}  // namespace nvlm::vision
