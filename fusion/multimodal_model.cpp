#include "fusion/multimodal_model.h"

#include <stdexcept>
#include <string>

namespace nvlm::fusion {

MultimodalModelImpl::MultimodalModelImpl(const MultimodalConfig& config) : config_(config) {
  validate(config);
  vision_model = register_module("vision_model", vision::VisionEncoder(config.vision));
  fusion_ = make_fusion(config.fusion);
  for (const auto& part : fusion_->named_children()) register_module(part.key(), part.value());
  language_model = register_module("language_model", decoder::LlamaForCausalLM(config.decoder));
}

void MultimodalModelImpl::retile(const vision::TilingConfig& tiling) {
  if (tiling.tile_size != config_.preprocessor.tiling.tile_size) {
    throw std::invalid_argument("multimodal model: tiles of " + std::to_string(tiling.tile_size) +
                                " pixels, expected the encoder's " +
                                std::to_string(config_.preprocessor.tiling.tile_size));
  }
  config_.preprocessor.tiling = tiling;
}

Tensor MultimodalModelImpl::encode_tiles(const Tensor& pixel_values) {
  return vision_model->tile_tokens(pixel_values);
}

decoder::DecoderInputs MultimodalModelImpl::fuse(const PromptBatch& prompts,
                                                 const vision::TileFeatures& features) {
  return fusion_->forward(prompts, features,
                          [this](const Tensor& ids) { return language_model->embed(ids); });
}

Tensor MultimodalModelImpl::hidden_states(const PromptBatch& prompts,
                                          const vision::TileFeatures& features,
                                          decoder::AttentionProbe* probe) {
  return language_model->hidden_states(fuse(prompts, features), /*cache=*/nullptr, probe);
}

decoder::Generation MultimodalModelImpl::generate(const PromptBatch& prompts,
                                                  const vision::TileFeatures& features,
                                                  const decoder::GenerationConfig& config,
                                                  const decoder::TokenCallback& on_token,
                                                  const decoder::LogitsHook& hook) {
  return decoder::generate(language_model, fuse(prompts, features), config, on_token, hook);
}

}  // namespace nvlm::fusion
