// Continuing prompts token by token, many at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "common/tensor.h"
#include "decoder/decoder_inputs.h"
#include "decoder/llama.h"
#include "decoder/sampling.h"

namespace nvlm::decoder {

struct GenerationConfig {
  int64_t max_new_tokens = 128;
  SamplingConfig sampling;
  std::vector<int64_t> eos_token_ids;  // any of these ends a sample; mostly the LlamaConfig's
};

enum class FinishReason { kStopToken, kMaxTokens };

/// One entry per sample of the prompt, none of them padded.
struct Generation {
  /// New tokens; where a stop token ended the sample, it is the last one.
  std::vector<std::vector<int64_t>> tokens;
  /// Natural logarithm of each token's probability, temperature 1, after the hook.
  std::vector<std::vector<float>> log_probabilities;
  std::vector<FinishReason> finish_reasons;
};

/// Called with each new token (stop tokens too) as soon as it is known.
using TokenCallback = std::function<void(int64_t sample, int64_t token)>;

/// May change the logits before a token is chosen, for instance to -infinity for tokens that a
/// grammar forbids. At least one finite logit per row must stay.
/// step     tokens that these samples have so far
/// samples  which sample each row is; finished ones have no row
/// logits   [samples, vocab], float32
using LogitsHook =
    std::function<void(int64_t step, const std::vector<int64_t>& samples, Tensor& logits)>;

/// Continues each prompt until a stop token or `max_new_tokens`. One pass over the prompt, then one
/// per token with a cache; finished samples leave the batch. Prompts may be padded on either side:
/// positions go on from each sample's last real token, and new tokens read the memory as that token
/// did. A sample's result does not depend on the others.
/// prompt  see DecoderInputs; every sample needs a real token
/// throws  std::invalid_argument for an impossible configuration; c10::Error if shapes disagree, a
///         prompt is empty, or the logits of a sample are not numbers
/// chosen  a prompt that together with max_new_tokens goes beyond the model's
///         max_position_embeddings is refused (std::invalid_argument) before any work, whatever the
///         kind of positions: learned ones end there, "dynamic" scaling beyond is not implemented,
///         and plain rotary ones go on without an error, but to positions that training never saw
Generation generate(LlamaForCausalLMImpl& model, const DecoderInputs& prompt,
                    const GenerationConfig& config, const TokenCallback& on_token = {},
                    const LogitsHook& hook = {});

inline Generation generate(LlamaForCausalLM& model, const DecoderInputs& prompt,
                           const GenerationConfig& config, const TokenCallback& on_token = {},
                           const LogitsHook& hook = {}) {
  return generate(*model, prompt, config, on_token, hook);
}

}  // namespace nvlm::decoder
