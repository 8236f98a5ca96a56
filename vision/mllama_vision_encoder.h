// Llama 3.2 Vision's encoder, with the module names of its checkpoints.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <functional>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "vision/mllama_vision_config.h"
#include "vision/mllama_vision_embeddings.h"
#include "vision/mllama_vision_layer.h"
#include "vision/vision_embeddings.h"

namespace nvlm::vision {

/// Pictures of a batch, in order.
struct MllamaImages {
  Tensor pixel_values;  // [images, max_tiles, 3, image_size, image_size]
  std::vector<int64_t> aspect_ratio_ids;
  std::vector<int64_t> num_tiles;  // used ones, first

  int64_t size() const { return static_cast<int64_t>(num_tiles.size()); }
};

/// One batch of them all; not empty.
MllamaImages stack_images(const std::vector<MllamaImage>& images);

/// Local layers over all tiles of a picture, then gated global ones; the output is the last state
/// and, channel by channel, the inputs of some local layers.
/// source  transformers 4.46, MllamaVisionModel; Meta's code agrees that `intermediate_layers`
/// names
///         layers by their input (transformers 5.23 takes their output)
class MllamaVisionEncoderImpl : public torch::nn::Module {
 public:
  /// throws  std::invalid_argument as validate()
  explicit MllamaVisionEncoderImpl(const MllamaVisionConfig& config);

  /// Told of every intermediate state, under the names of the golden case, such as
  /// "transformer.layer.3.out".
  using StageObserver = std::function<void(const std::string& stage, const Tensor& state)>;

  /// returns  [images, max_tiles, patches, output_width], class token first
  /// throws   c10::Error if shapes disagree, or an id or number of tiles is out of range
  Tensor forward(const MllamaImages& images, const StageObserver& observe = {});

  const MllamaVisionConfig& config() const { return config_; }

 private:
  /// pixel_values [max_tiles, 3, size, size] -> [max_tiles, patches, output_width]
  Tensor encode_picture(const Tensor& pixel_values, int64_t aspect_ratio_id, int64_t num_tiles,
                        const StageObserver& observe);
  /// The tokens that enter the first layer: [max_tiles, patches, hidden]
  Tensor embed_picture(const Tensor& pixel_values, int64_t aspect_ratio_id,
                       const StageObserver& observe);

  MllamaVisionConfig config_;
  Tensor class_embedding_;  // [hidden]
  PatchEmbedding patch_embedding_{nullptr};
  MllamaTileEmbedding pre_tile_{nullptr}, post_tile_{nullptr};
  MllamaPositionEmbedding position_{nullptr};
  VisionNorm layernorm_pre_{nullptr}, layernorm_post_{nullptr};
  MllamaVisionLayers transformer_{nullptr}, global_transformer_{nullptr};
};
TORCH_MODULE(MllamaVisionEncoder);

}  // namespace nvlm::vision
