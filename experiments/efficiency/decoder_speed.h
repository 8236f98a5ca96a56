// How fast a decoder reads a prompt and writes tokens, and how far that is from the floors.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "decoder/llama.h"

namespace nvlm::experiments {

/// Median seconds and what the work costs at least.
struct DecoderSpeed {
  int64_t parameters = 0;
  int64_t prompt = 0;          // tokens of the prefill
  double prefill_seconds = 0;  // of the whole prompt
  double prefill_flops = 0;    // matrix products only, causal attention
  double decode_seconds = 0;   // of one token after the prompt, batch 1
  double decode_bytes = 0;     // weights and cache that one token has to read
};

/// Decode steps that a measurement takes; a cache needs room for one more, to warm up.
inline constexpr int kMeasuredDecodeSteps = 24;

/// Seconds of single tokens behind what `cache` holds, one for each of `batch` samples; sorted.
/// cross_attention  of the step, its memory projected in the cache already
std::vector<double> time_decode_steps(
    decoder::LlamaForCausalLM& model, int64_t batch, decoder::KvCache& cache,
    const std::optional<decoder::CrossAttention>& cross_attention);

/// Positions that such a token reads on average behind a prompt.
inline int64_t mean_decode_length(int64_t prompt) { return prompt + kMeasuredDecodeSteps / 2; }

/// Times a prefill of `prompt` random tokens and single decode steps behind it, batch 1.
DecoderSpeed measure_decoder(decoder::LlamaForCausalLM& model, int64_t prompt);

/// The configuration of Qwen2.5-0.5B without its biases: a decoder of half a billion parameters.
decoder::LlamaConfig half_billion_llama();

}  // namespace nvlm::experiments
