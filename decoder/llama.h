// Llama, with the module names of the Hugging Face checkpoints, so weights load without renaming.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include <vector>

#include "common/linear.h"
#include "decoder/decoder_inputs.h"
#include "decoder/decoder_norm.h"
#include "decoder/kv_cache.h"
#include "decoder/llama_config.h"
#include "decoder/llama_layer.h"

namespace nvlm::decoder {

/// Decoder stack without the head; registered as "model".
class LlamaModelImpl : public torch::nn::Module {
 public:
  explicit LlamaModelImpl(const LlamaConfig& config);

  /// Runs the stack over new positions; `cache` may be null (no generation), `probe` may be null.
  /// inputs.attention_mask may be undefined: all tokens are real. Layers may lie on several devices
  /// (decoder/device_map.h); what they share then moves along, once at each border.
  /// inputs   on the device of embed_tokens
  /// returns  [batch, seq, hidden] after the final norm, on the norm's device; padded positions
  /// hold
  ///          finite numbers
  /// throws   c10::Error if shapes disagree or the cache is full
  Tensor forward(const DecoderInputs& inputs, KvCache* cache = nullptr,
                 AttentionProbe* probe = nullptr);

  /// What enters the first layer: the embeddings, with learned positions added where the model has
  /// them. [batch, seq, hidden]
  Tensor first_layer_input(const DecoderInputs& inputs);

  /// The residual stream after each layer, before the final norm; for parity tests and probes.
  /// returns  one [batch, seq, hidden] per layer, on its device
  std::vector<Tensor> layer_outputs(const DecoderInputs& inputs);

  /// Whether training keeps only the input of each layer and cross-attention block and makes what
  /// is inside again in the backward pass: less memory for a third more work. Layers that a probe
  /// looks into keep everything. Off at first.
  void recompute_activations(bool enabled) { recomputes_ = enabled; }

  Embedding embed_tokens{nullptr};
  Embedding embed_positions{nullptr};  // null with rotary positions
  torch::nn::ModuleList layers{nullptr};
  DecoderNorm norm{nullptr};

 private:
  Tensor run(const DecoderInputs& inputs, KvCache* cache, AttentionProbe* probe,
             std::vector<Tensor>* outputs);
  void check_inputs(const DecoderInputs& inputs, const KvCache* cache) const;

  LlamaConfig config_;
  bool recomputes_ = false;
  /// [head_dim / 2]; undefined without rotary positions. No buffer, as it is not stored and stays
  /// float32 whatever the weights become.
  Tensor frequencies_;
};
TORCH_MODULE(LlamaModel);

/// Positions counted over real tokens, 0 before the first one; padding behind a real token has that
/// token's position.
/// attention_mask [batch, seq] bool -> [batch, seq] int64
Tensor position_ids_of(const Tensor& attention_mask);

/// Decoder with its language-model head ("model.*", "lm_head.weight" unless tied). Fresh weights
/// are normal with the configured deviation, biases 0.
/// throws  std::invalid_argument for an impossible configuration
class LlamaForCausalLMImpl : public torch::nn::Module {
 public:
  explicit LlamaForCausalLMImpl(const LlamaConfig& config);

  /// Where prompts are expected: the device of embed_tokens.
  at::Device device() const { return model->embed_tokens->weight.device(); }

  /// input_ids [batch, seq] int64 -> [batch, seq, hidden]
  Tensor embed(const Tensor& input_ids);

  /// returns  [batch, seq, hidden] after the final norm, on its device
  Tensor hidden_states(const DecoderInputs& inputs, KvCache* cache = nullptr,
                       AttentionProbe* probe = nullptr);

  /// hidden [..., hidden] after the final norm -> logits [..., vocab] in the compute dtype, on the
  /// device of the head: a tied one lies where embed_tokens does
  Tensor logits(const Tensor& hidden);

  /// hidden_states then logits: [batch, seq, vocab]
  Tensor forward(const DecoderInputs& inputs, KvCache* cache = nullptr);

  /// Plain text, with position_ids_of the mask.
  /// input_ids [batch, seq] int64, attention_mask [batch, seq] bool
  DecoderInputs text_inputs(const Tensor& input_ids, const Tensor& attention_mask);

  /// An empty cache on the devices of the layers, in the dtype of the keys they give: their own, or
  /// autocast's where that is on.
  KvCache make_cache(int64_t batch, int64_t capacity);

  const LlamaConfig& config() const { return config_; }

  LlamaModel model{nullptr};

 private:
  LlamaConfig config_;
  Linear lm_head_{nullptr};  // null when tied
};
TORCH_MODULE(LlamaForCausalLM);

}  // namespace nvlm::decoder
