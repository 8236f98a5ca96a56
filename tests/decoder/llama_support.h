// Small helpers of the decoder's tests.
#pragma once

#include <ATen/core/grad_mode.h>

#include <vector>

#include "common/random.h"
#include "decoder/llama.h"
#include "tests/support/golden.h"
#include "tests/support/tensors.h"

namespace nvlm::test {

/// Few channels, grouped queries, three layers.
inline decoder::LlamaConfig tiny_llama_config() {
  decoder::LlamaConfig config;
  config.hidden = 24;
  config.layers = 3;
  config.heads = 6;
  config.kv_heads = 2;
  config.head_dim = 8;  // not hidden / heads
  config.ffn_hidden = 20;
  config.vocab = 37;
  config.initializer_range = 0.3;  // large enough for every part to matter
  return config;
}

/// The same weights for the same seed.
inline decoder::LlamaForCausalLM tiny_llama(uint64_t seed, at::ScalarType dtype = at::kDouble,
                                            decoder::LlamaConfig config = tiny_llama_config()) {
  at::manual_seed(seed);
  decoder::LlamaForCausalLM model(config);
  const at::NoGradGuard no_grad;
  for (Tensor& parameter : model->parameters()) {
    if (parameter.dim() == 1) parameter.uniform_(0.5, 1.5);  // norms and biases must matter too
  }
  model->to(dtype);
  return model;
}

/// Token ids [batch, seq].
inline Tensor random_ids(Random& random, int64_t batch, int64_t seq, int64_t vocab = 37) {
  Tensor ids = at::empty({batch, seq}, at::kLong);
  for (int64_t i = 0; i < ids.numel(); ++i) {
    ids.mutable_data_ptr<int64_t>()[i] = random.integer(0, vocab - 1);
  }
  return ids;
}

inline Tensor all_real(const Tensor& ids) { return at::ones_like(ids, at::kBool); }

/// Rows [start, start + count) of each sample of text inputs.
inline decoder::DecoderInputs chunk(const decoder::DecoderInputs& inputs, int64_t start,
                                    int64_t count) {
  decoder::DecoderInputs part;
  part.embeddings = inputs.embeddings.narrow(1, start, count);
  part.position_ids = inputs.position_ids.narrow(1, start, count);
  if (inputs.attention_mask.defined()) {
    part.attention_mask = inputs.attention_mask.narrow(1, start, count);
  }
  if (inputs.cross_attention) {
    part.cross_attention = *inputs.cross_attention;
    part.cross_attention->mask = inputs.cross_attention->mask.narrow(1, start, count);
  }
  return part;
}

/// Text inputs of ragged prompts, each padded with token 0 to the longest, on the left or right.
inline decoder::DecoderInputs padded_inputs(decoder::LlamaForCausalLM& model,
                                            const std::vector<std::vector<int64_t>>& prompts,
                                            bool left, int64_t extra = 0) {
  size_t longest = 0;
  for (const auto& prompt : prompts) longest = std::max(longest, prompt.size());
  const auto batch = static_cast<int64_t>(prompts.size());
  const int64_t seq = static_cast<int64_t>(longest) + extra;
  Tensor ids = at::zeros({batch, seq}, at::kLong);
  Tensor mask = at::zeros({batch, seq}, at::kBool);
  for (int64_t i = 0; i < batch; ++i) {
    const auto& prompt = prompts[static_cast<size_t>(i)];
    const auto count = static_cast<int64_t>(prompt.size());
    const int64_t start = left ? seq - count : 0;
    ids[i].narrow(0, start, count).copy_(at::tensor(prompt, at::kLong));
    mask[i].narrow(0, start, count).fill_(true);
  }
  return model->text_inputs(ids, mask);
}

}  // namespace nvlm::test
