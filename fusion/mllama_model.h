// Llama 3.2 Vision: an NVLM-X whose insides are published. Same decoder, same seam.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "common/linear.h"
#include "decoder/generation.h"
#include "decoder/llama.h"
#include "fusion/gated_cross_attention_stack.h"
#include "fusion/mllama_config.h"
#include "fusion/mllama_memory.h"
#include "fusion/mllama_prompt.h"
#include "vision/mllama_vision_encoder.h"

namespace nvlm::fusion {

/// Encoder, projector, cross-attention blocks and decoder: "vision_model.*",
/// "multi_modal_projector.*", "cross_attention.N.*" and "language_model.*" with the self-attention
/// layers alone. mllama_stored_name() gives the names of Hugging Face's files.
class MllamaModelImpl : public torch::nn::Module {
 public:
  /// throws  std::invalid_argument as validate()
  explicit MllamaModelImpl(const MllamaConfig& config);

  /// Encoder and projector.
  MllamaImageFeatures encode_images(const vision::MllamaImages& images);

  /// images  encode_images() of all pictures of the batch, in order; no pictures: a default value
  /// throws  c10::Error if they differ in number from those of the prompts
  decoder::DecoderInputs fuse(const MllamaPromptBatch& prompts, const MllamaImageFeatures& images);

  /// The same from a memory that is laid out already; without one the blocks are skipped.
  /// ids [batch, seq] int64, attention_mask [batch, seq] bool
  decoder::DecoderInputs decoder_inputs(const Tensor& ids, const Tensor& attention_mask,
                                        const std::optional<Memory>& memory);

  /// fuse(), then the decoder; `probe` may be null.
  /// returns  [batch, seq, hidden] after the final norm
  Tensor hidden_states(const MllamaPromptBatch& prompts, const MllamaImageFeatures& images,
                       decoder::AttentionProbe* probe = nullptr);

  /// hidden [..., hidden] -> logits [..., vocab]
  Tensor logits(const Tensor& hidden) { return language_model->logits(hidden); }

  /// Continues the prompts; see decoder::generate.
  decoder::Generation generate(const MllamaPromptBatch& prompts, const MllamaImageFeatures& images,
                               const decoder::GenerationConfig& config,
                               const decoder::TokenCallback& on_token = {},
                               const decoder::LogitsHook& hook = {});

  const MllamaConfig& config() const { return config_; }

  vision::MllamaVisionEncoder vision_model{nullptr};
  Linear multi_modal_projector{nullptr};
  GatedCrossAttentionStack cross_attention{nullptr};
  decoder::LlamaForCausalLM language_model{nullptr};

 private:
  MllamaConfig config_;
};
TORCH_MODULE(MllamaModel);

}  // namespace nvlm::fusion
