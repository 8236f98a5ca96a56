#include "vision/mllama_vision_embeddings.h"

#include "common/parameter_scope.h"
#include "vision/vision_embeddings.h"

namespace nvlm::vision {
namespace {

Embedding aspect_ratio_table(const MllamaVisionConfig& config, int64_t width) {
  Embedding table(1 + config.num_aspect_ratios(), width);
  truncated_normal_(table->weight);
  return table;
}

}  // namespace

MllamaTileEmbeddingImpl::MllamaTileEmbeddingImpl(const MllamaVisionConfig& config)
    : max_tiles_(config.max_tiles) {
  embedding_ =
      register_module("embedding", aspect_ratio_table(config, config.max_tiles * config.hidden));
  gate_ = register_parameter("gate", new_parameter({1}, 0));
}

Tensor MllamaTileEmbeddingImpl::forward(const Tensor& x, int64_t aspect_ratio_id) {
  const Tensor tiles =
      embedding_->weight.select(0, aspect_ratio_id).view({max_tiles_, 1, x.size(2)});
  return x + gate_.tanh() * tiles;
}

MllamaPositionEmbeddingImpl::MllamaPositionEmbeddingImpl(const MllamaVisionConfig& config)
    : max_tiles_(config.max_tiles), patches_(config.patches()) {
  embedding_ = register_parameter("embedding", new_parameter({patches_, config.hidden}));
  truncated_normal_(embedding_);
  tile_embedding_ = register_module(
      "tile_embedding", aspect_ratio_table(config, config.max_tiles * patches_ * config.hidden));
  gate_ = register_parameter("gate", new_parameter({1}, 0));
}

Tensor MllamaPositionEmbeddingImpl::forward(const Tensor& x, int64_t aspect_ratio_id) {
  const Tensor opening = gate_.tanh();
  const Tensor by_tile =
      tile_embedding_->weight.select(0, aspect_ratio_id).view({max_tiles_, patches_, x.size(2)});
  return x + (1 - opening) * embedding_ + opening * by_tile;
}

}  // namespace nvlm::vision
