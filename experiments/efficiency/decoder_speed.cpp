#include "experiments/efficiency/decoder_speed.h"

#include <c10/core/InferenceMode.h>

#include "decoder/presets.h"
#include "experiments/efficiency/ledger.h"
#include "experiments/efficiency/timing.h"

namespace nvlm::experiments {

std::vector<double> time_decode_steps(
    decoder::LlamaForCausalLM& model, int64_t batch, decoder::KvCache& cache,
    const std::optional<decoder::CrossAttention>& cross_attention) {
  const auto long_options =
      at::TensorOptions().dtype(at::kLong).device(model->model->embed_tokens->weight.device());
  const Tensor token = at::zeros({batch, 1}, long_options);
  decoder::DecoderInputs step;
  step.cross_attention = cross_attention;
  return time_repeats(long_options.device(), kMeasuredDecodeSteps, [&] {
    step.embeddings = model->embed(token);
    step.position_ids = at::full({batch, 1}, cache.length(), long_options);
    model->logits(model->hidden_states(step, &cache));
  });
}

DecoderSpeed measure_decoder(decoder::LlamaForCausalLM& model, int64_t prompt) {
  const c10::InferenceMode inference;
  constexpr int kPrefills = 5;
  const decoder::LlamaConfig& config = model->config();
  const Tensor weight = model->model->embed_tokens->weight;
  const at::Device device = weight.device();
  const auto long_options = at::TensorOptions().dtype(at::kLong).device(device);
  const Tensor ids = at::randint(config.vocab, {1, prompt}, long_options);
  const Tensor mask = at::ones({1, prompt}, long_options.dtype(at::kBool));

  DecoderSpeed speed;
  speed.prompt = prompt;
  int64_t weight_bytes = 0;
  for (const Tensor& parameter : model->parameters()) {
    speed.parameters += parameter.numel();
    weight_bytes += parameter.numel() * parameter.element_size();
  }
  // A token reads one row of the embedding table, unless the head shares it.
  if (!config.tie_word_embeddings) weight_bytes -= weight.numel() * weight.element_size();

  speed.prefill_flops = model_flops(config, {.sequence = prompt, .logits = 1}).all().forward;
  speed.prefill_seconds = median(time_repeats(device, kPrefills, [&] {
    auto cache = model->make_cache(1, prompt);
    const Tensor hidden = model->hidden_states(model->text_inputs(ids, mask), &cache);
    model->logits(hidden.slice(1, prompt - 1));
  }));

  auto cache = model->make_cache(1, prompt + kMeasuredDecodeSteps + 1);
  model->hidden_states(model->text_inputs(ids, mask), &cache);
  speed.decode_seconds = median(time_decode_steps(model, /*batch=*/1, cache, std::nullopt));
  speed.decode_bytes = static_cast<double>(weight_bytes) +
                       cache_bytes(config, mean_decode_length(prompt), weight.element_size());
  return speed;
}

decoder::LlamaConfig half_billion_llama() {
  decoder::LlamaConfig config = decoder::preset("qwen2.5-0.5b").value();
  config.biases = decoder::BiasKind::kNone;
  return config;
}

}  // namespace nvlm::experiments
