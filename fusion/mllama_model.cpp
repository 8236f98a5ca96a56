#include "fusion/mllama_model.h"

namespace nvlm::fusion {

MllamaModelImpl::MllamaModelImpl(const MllamaConfig& config) : config_(config) {
  validate(config);
  vision_model = register_module("vision_model", vision::MllamaVisionEncoder(config.vision));
  multi_modal_projector = register_module(
      "multi_modal_projector", Linear(config.vision.output_width(), config.decoder.hidden));
  cross_attention = register_module(
      "cross_attention", GatedCrossAttentionStack(config.cross_attention(), config.depths()));
  language_model = register_module("language_model", decoder::LlamaForCausalLM(config.decoder));
}

MllamaImageFeatures MllamaModelImpl::encode_images(const vision::MllamaImages& images) {
  return {multi_modal_projector(vision_model(images)), images.num_tiles};
}

decoder::DecoderInputs MllamaModelImpl::decoder_inputs(const Tensor& ids,
                                                       const Tensor& attention_mask,
                                                       const std::optional<Memory>& memory) {
  decoder::DecoderInputs inputs = language_model->text_inputs(ids, attention_mask);
  if (memory) {
    inputs.cross_attention =
        decoder::CrossAttention{cross_attention.ptr(), memory->tokens, memory->mask};
  }
  return inputs;
}

decoder::DecoderInputs MllamaModelImpl::fuse(const MllamaPromptBatch& prompts,
                                             const MllamaImageFeatures& images) {
  // Where blind text attends to everything, unused tiles count.
  const bool keep_unused_tiles = config_.attend_without_memory;
  return decoder_inputs(prompts.ids, prompts.attention_mask,
                        remember_mllama(prompts, images, keep_unused_tiles));
}

Tensor MllamaModelImpl::hidden_states(const MllamaPromptBatch& prompts,
                                      const MllamaImageFeatures& images,
                                      decoder::AttentionProbe* probe) {
  return language_model->hidden_states(fuse(prompts, images), /*cache=*/nullptr, probe);
}

decoder::Generation MllamaModelImpl::generate(const MllamaPromptBatch& prompts,
                                              const MllamaImageFeatures& images,
                                              const decoder::GenerationConfig& config,
                                              const decoder::TokenCallback& on_token,
                                              const decoder::LogitsHook& hook) {
  return decoder::generate(language_model, fuse(prompts, images), config, on_token, hook);
}

}  // namespace nvlm::fusion
