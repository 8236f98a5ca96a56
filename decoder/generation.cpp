#include "decoder/generation.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace nvlm::decoder {
namespace {

void validate_generation(const GenerationConfig& config) {
  validate(config.sampling);
  if (config.max_new_tokens < 0) {
    throw std::invalid_argument("decoder.generation: max_new_tokens is " +
                                std::to_string(config.max_new_tokens) +
                                ", expected a number from 0 on");
  }
}

// Before any work: running into the end half-way would throw away what was generated.
void check_context(const LlamaConfig& model, const DecoderInputs& prompt, int64_t new_tokens) {
  if (prompt.position_ids.numel() == 0) return;
  const int64_t prompt_tokens = prompt.position_ids.max().item<int64_t>() + 1;
  const int64_t most = model.max_position_embeddings;
  // The last new token is not read any more.
  if (prompt_tokens <= most && new_tokens - 1 <= most - prompt_tokens) return;
  const int64_t room = most - prompt_tokens + 1;
  throw std::invalid_argument(
      "decoder.generation: the prompt has " + std::to_string(prompt_tokens) +
      " positions and up to " + std::to_string(new_tokens) +
      " new tokens are asked for, but the model has " + std::to_string(most) +
      " positions (max_position_embeddings), expected " +
      (prompt_tokens <= most ? "at most " + std::to_string(room) + " new tokens"
                             : std::string("a shorter prompt")));
}

// [batch], int64: where the last real token of each sample stands
Tensor last_real_positions(const DecoderInputs& prompt) {
  const int64_t batch = prompt.embeddings.size(0), seq = prompt.embeddings.size(1);
  const at::TensorOptions options = prompt.position_ids.options();
  if (!prompt.attention_mask.defined()) return at::full({batch}, seq - 1, options);
  TORCH_CHECK(prompt.attention_mask.any(1).all().item<bool>(),
              "generate: a prompt has no real token, expected at least one");
  return (prompt.attention_mask * at::arange(1, seq + 1, options)).argmax(1);
}

/// The samples that still grow: row i of every tensor, and of the cache, is sample `samples[i]`.
struct GrowingSamples {
  std::vector<int64_t> samples;
  std::vector<Random> streams;
  Tensor positions;   // [rows, 1], int64: position of the token to come
  Tensor cross_mask;  // [rows, 1, memory]; undefined without cross-attention
  Tensor tokens;      // [rows], int64: the newest token
  KvCache cache;

  void keep(const std::vector<int64_t>& rows) {
    std::vector<int64_t> kept_samples;
    std::vector<Random> kept_streams;
    for (const int64_t row : rows) {
      kept_samples.push_back(samples[static_cast<size_t>(row)]);
      kept_streams.push_back(streams[static_cast<size_t>(row)]);
    }
    samples = std::move(kept_samples);
    streams = std::move(kept_streams);
    const Tensor index = at::tensor(rows, at::kLong).to(positions.device());
    positions = positions.index_select(0, index);
    if (cross_mask.defined()) cross_mask = cross_mask.index_select(0, index);
    tokens = tokens.index_select(0, index);
    cache.select_rows(index);
  }
};

// Runs the prompt and returns the hidden state of each sample's last real token: [batch, hidden]
Tensor prefill(LlamaForCausalLMImpl& model, const DecoderInputs& prompt, GrowingSamples& growing) {
  const Tensor hidden = model.hidden_states(prompt, &growing.cache);  // [batch, seq, hidden]
  const Tensor last = last_real_positions(prompt);                    // [batch]
  growing.positions = prompt.position_ids.gather(1, last.unsqueeze(1)) + 1;
  const Tensor rows = last.view({-1, 1, 1});
  if (prompt.cross_attention) {
    const Tensor& mask = prompt.cross_attention->mask;
    growing.cross_mask = mask.gather(1, rows.expand({-1, 1, mask.size(2)}));
  }
  return hidden.gather(1, rows.to(hidden.device()).expand({-1, 1, hidden.size(2)})).squeeze(1);
}

// Runs the newest tokens: [rows, hidden]
Tensor decode_step(LlamaForCausalLMImpl& model, const DecoderInputs& prompt,
                   GrowingSamples& growing) {
  DecoderInputs inputs;
  inputs.embeddings = model.embed(growing.tokens.unsqueeze(1));  // [rows, 1, hidden]
  inputs.position_ids = growing.positions;
  if (prompt.cross_attention) {
    inputs.cross_attention = CrossAttention{prompt.cross_attention->blocks, {}, growing.cross_mask};
  }
  const Tensor hidden = model.hidden_states(inputs, &growing.cache);
  growing.positions.add_(1);
  return hidden.squeeze(1);
}

}  // namespace

Generation generate(LlamaForCausalLMImpl& model, const DecoderInputs& prompt,
                    const GenerationConfig& config, const TokenCallback& on_token,
                    const LogitsHook& hook) {
  validate_generation(config);
  const at::NoGradGuard no_grad;
  const int64_t batch = prompt.embeddings.size(0);
  const auto count = static_cast<size_t>(batch);
  Generation result{.tokens = std::vector<std::vector<int64_t>>(count),
                    .log_probabilities = std::vector<std::vector<float>>(count),
                    .finish_reasons = std::vector<FinishReason>(count, FinishReason::kMaxTokens)};
  if (batch == 0 || config.max_new_tokens == 0) return result;
  check_context(model.config(), prompt, config.max_new_tokens);

  const int64_t capacity = prompt.embeddings.size(1) + config.max_new_tokens - 1;
  GrowingSamples growing{.samples = std::vector<int64_t>(count),
                         .streams = sampling_streams(config.sampling, batch),
                         .positions = {},
                         .cross_mask = {},
                         .tokens = {},
                         .cache = model.make_cache(batch, capacity)};
  std::iota(growing.samples.begin(), growing.samples.end(), 0);
  Tensor hidden = prefill(model, prompt, growing);  // [rows, hidden]
  for (int64_t step = 0;; ++step) {
    Tensor logits = model.logits(hidden).to(at::kFloat);  // [rows, vocab]
    if (hook) hook(step, growing.samples, logits);
    const Tensor drawn = sample(logits, config.sampling, growing.streams);
    growing.tokens = drawn.to(growing.positions.device());
    const Tensor log_probabilities =
        logits.gather(1, drawn.unsqueeze(1)).squeeze(1) - logits.logsumexp(1);
    const Tensor tokens_here = growing.tokens.cpu();
    const Tensor log_probabilities_here = log_probabilities.cpu();
    const int64_t* tokens = tokens_here.const_data_ptr<int64_t>();
    const float* log_probability = log_probabilities_here.const_data_ptr<float>();

    std::vector<int64_t> unfinished;  // rows
    for (size_t row = 0; row < growing.samples.size(); ++row) {
      const int64_t sample_index = growing.samples[row];
      const auto at_sample = static_cast<size_t>(sample_index);
      TORCH_CHECK(std::isfinite(log_probability[row]), "generate: sample ", sample_index,
                  ", token ", step, ": the logits hold NaN or no finite number");
      result.tokens[at_sample].push_back(tokens[row]);
      result.log_probabilities[at_sample].push_back(log_probability[row]);
      const auto& stops = config.eos_token_ids;
      if (std::find(stops.begin(), stops.end(), tokens[row]) != stops.end()) {
        result.finish_reasons[at_sample] = FinishReason::kStopToken;
      } else {
        unfinished.push_back(static_cast<int64_t>(row));
      }
      if (on_token) on_token(sample_index, tokens[row]);
    }
    if (unfinished.empty() || step + 1 == config.max_new_tokens) return result;
    if (unfinished.size() < growing.samples.size()) growing.keep(unfinished);
    hidden = decode_step(model, prompt, growing);
  }
}

}  // namespace nvlm::decoder
