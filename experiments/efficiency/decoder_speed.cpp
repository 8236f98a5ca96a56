#include "experiments/efficiency/decoder_speed.h"

#include <c10/core/InferenceMode.h>

#include "experiments/efficiency/matmul_flops.h"
#include "experiments/efficiency/timing.h"

namespace nvlm::experiments {

DecoderSpeed measure_decoder(decoder::LlamaForCausalLM& model, int64_t prompt) {
  const c10::InferenceMode inference;
  constexpr int kDecodeSteps = 24, kPrefills = 5;
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

  speed.prefill_flops = prefill_flops(config, prompt);
  speed.prefill_seconds = median(time_repeats(device, kPrefills, [&] {
    auto cache = model->make_cache(1, prompt);
    const Tensor hidden = model->hidden_states(model->text_inputs(ids, mask), &cache);
    model->logits(hidden.slice(1, prompt - 1));
  }));

  auto cache = model->make_cache(1, prompt + kDecodeSteps + 1);
  model->hidden_states(model->text_inputs(ids, mask), &cache);
  const Tensor one = mask.slice(1, 0, 1);
  int64_t position = prompt;
  speed.decode_seconds = median(time_repeats(device, kDecodeSteps, [&] {
    decoder::DecoderInputs step = model->text_inputs(ids.slice(1, 0, 1), one);
    step.position_ids = at::full({1, 1}, position++, long_options);
    model->logits(model->hidden_states(step, &cache));
  }));
  const int64_t cache_bytes = 2 * config.layers * config.kv_heads * config.head_dim *
                              (prompt + kDecodeSteps / 2) * weight.element_size();
  speed.decode_bytes = static_cast<double>(weight_bytes + cache_bytes);
  return speed;
}

decoder::LlamaConfig half_billion_llama() {
  decoder::LlamaConfig config;
  config.hidden = 896;
  config.layers = 24;
  config.heads = 14;
  config.kv_heads = 2;
  config.head_dim = 64;
  config.ffn_hidden = 4864;
  config.vocab = 151936;
  config.rope_theta = 1e6;
  config.rms_norm_eps = 1e-6;
  config.tie_word_embeddings = true;
  return config;
}

}  // namespace nvlm::experiments
