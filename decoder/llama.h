// Llama, with the module names of the Hugging Face checkpoints, so weights load without renaming.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include "decoder/decoder_inputs.h"
#include "decoder/kv_cache.h"
#include "decoder/llama_config.h"
#include "decoder/llama_layer.h"
#include "decoder/rms_norm.h"

namespace nvlm::decoder {

/// Decoder stack without the head; registered as "model".
class LlamaModelImpl : public torch::nn::Module {
 public:
  explicit LlamaModelImpl(const LlamaConfig& config);

  /// Runs the stack over new positions; `cache` may be null (no generation), `probe` may be null.
  /// returns  [batch, seq, hidden] after the final norm
  Tensor forward(const DecoderInputs& inputs, KvCache* cache = nullptr,
                 AttentionProbe* probe = nullptr);

  torch::nn::Embedding embed_tokens{nullptr};
  torch::nn::ModuleList layers{nullptr};
  RmsNorm norm{nullptr};

 private:
  LlamaConfig config_;
};
TORCH_MODULE(LlamaModel);

/// Decoder with its language-model head ("model.*", "lm_head.weight" unless tied).
class LlamaForCausalLMImpl : public torch::nn::Module {
 public:
  explicit LlamaForCausalLMImpl(const LlamaConfig& config);

  /// input_ids [batch, seq] int64 -> [batch, seq, hidden]
  Tensor embed(const Tensor& input_ids);

  /// returns  [batch, seq, hidden] after the final norm
  Tensor hidden_states(const DecoderInputs& inputs, KvCache* cache = nullptr,
                       AttentionProbe* probe = nullptr);

  /// hidden [..., hidden] -> logits [..., vocab] in the compute dtype
  Tensor logits(const Tensor& hidden);

  /// hidden_states then logits: [batch, seq, vocab]
  Tensor forward(const DecoderInputs& inputs, KvCache* cache = nullptr);

  /// Plain text: position ids counted over real tokens.
  /// input_ids [batch, seq] int64, attention_mask [batch, seq] bool
  DecoderInputs text_inputs(const Tensor& input_ids, const Tensor& attention_mask);

  const LlamaConfig& config() const { return config_; }

  LlamaModel model{nullptr};

 private:
  LlamaConfig config_;
  torch::nn::Linear lm_head_{nullptr};  // null when tied
};
TORCH_MODULE(LlamaForCausalLM);

}  // namespace nvlm::decoder
