#include "vision/vision_encoder.h"

#include "vision/pixel_shuffle.h"

namespace nvlm::vision {

VisionEncoderImpl::VisionEncoderImpl(const VisionConfig& config) : config_(config) {
  validate(config);
  embeddings_ = register_module("embeddings", VisionEmbeddings(config));
  encoder_ = register_module("encoder", VisionLayers(config));
}

Tensor VisionEncoderImpl::forward(const Tensor& pixel_values) {
  return encoder_(embeddings_(pixel_values));
}

std::vector<Tensor> VisionEncoderImpl::hidden_states(const Tensor& pixel_values) {
  std::vector<Tensor> states{embeddings_(pixel_values)};
  encoder_(states.front(), [&](const Tensor& hidden) { states.push_back(hidden); });
  return states;
}

Tensor VisionEncoderImpl::tile_tokens(const Tensor& pixel_values) {
  const Tensor hidden = forward(pixel_values);  // [tiles, 1 + patches, hidden]
  const int64_t rows = pixel_values.size(2) / config_.patch_size;
  const int64_t columns = pixel_values.size(3) / config_.patch_size;
  const Tensor patches = hidden.narrow(1, 1, rows * columns)
                             .unflatten(1, {rows, columns});  // [tiles, rows, columns, hidden]
  return pixel_shuffle(patches);
}

}  // namespace nvlm::vision
