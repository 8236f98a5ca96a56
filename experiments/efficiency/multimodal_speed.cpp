#include "experiments/efficiency/multimodal_speed.h"

#include <c10/core/InferenceMode.h>

#include <optional>

#include "experiments/efficiency/decoder_speed.h"
#include "experiments/efficiency/matmul_flops.h"
#include "experiments/efficiency/timing.h"

namespace nvlm::experiments {
namespace {

/// Bytes of the weights that writing one token reads: the decoder's, without the embedding table
/// but for a tied head, and the blocks' without what projects the memory.
double weights_per_token(fusion::MultimodalModel& model) {
  const bool tied = model->config().decoder.tie_word_embeddings;
  double bytes = 0;
  for (const auto& item : model->named_parameters()) {
    const std::string& name = item.key();
    const bool is_decoder = name.starts_with("language_model.");
    const bool is_block = name.starts_with("cross_attention.");
    if (!is_decoder && !is_block) continue;
    if (is_decoder && !tied && name.find("embed_tokens") != std::string::npos) continue;
    const bool projects_memory =
        name.find("k_proj") != std::string::npos || name.find("v_proj") != std::string::npos;
    if (is_block && projects_memory) continue;
    bytes += static_cast<double>(item.value().numel() * item.value().element_size());
  }
  return bytes;
}

}  // namespace

MultimodalSpeed measure_multimodal(fusion::MultimodalModel& model,
                                   const fusion::PromptBatch& prompts) {
  TORCH_CHECK(prompts.size() == 1 && !prompts.samples[0].tiles.empty(),
              "efficiency: expected one prompt with a picture");
  const c10::InferenceMode inference;
  constexpr int kRepeats = 5;
  const fusion::MultimodalConfig& config = model->config();
  decoder::LlamaForCausalLM& decoder = model->language_model;
  const Tensor weight = decoder->model->embed_tokens->weight;
  const at::Device device = weight.device();
  const fusion::Prompt& prompt = prompts.samples[0];

  MultimodalSpeed speed;
  for (const Tensor& parameter : model->parameters()) speed.parameters += parameter.numel();
  speed.tiles = static_cast<int64_t>(prompt.tiles.size());
  speed.sequence = prompt.size();
  speed.memory = prompt.memory_size();

  const int64_t size = config.vision.image_size;
  const Tensor pixels = at::randn({speed.tiles, 3, size, size}, weight.options());
  vision::TileFeatures features{{}, prompts.tile_refs()};
  speed.encode_flops = encode_flops(config.vision, speed.tiles);
  speed.encode_seconds = median(
      time_repeats(device, kRepeats, [&] { features.tokens = model->encode_tiles(pixels); }));

  const int64_t capacity = speed.sequence + kMeasuredDecodeSteps + 1;
  decoder::KvCache cache = decoder->make_cache(1, capacity);
  decoder::DecoderInputs inputs;
  speed.prefill_flops = projector_flops(config.fusion.projector, speed.tiles * prompt.tile_tokens) +
                        prefill_flops(config.decoder, speed.sequence);
  speed.prefill_seconds = median(time_repeats(device, kRepeats, [&] {
    cache = decoder->make_cache(1, capacity);
    inputs = model->fuse(prompts, features);
    const Tensor hidden = decoder->hidden_states(inputs, &cache);
    decoder->logits(hidden.slice(1, speed.sequence - 1));
  }));

  std::optional<decoder::CrossAttention> cross_step;
  if (inputs.cross_attention) {
    const decoder::CrossAttention& cross = *inputs.cross_attention;
    cross_step = decoder::CrossAttention{cross.blocks, {}, cross.mask.slice(1, speed.sequence - 1)};
    const auto blocks = static_cast<double>(cross.blocks->num_blocks());
    speed.prefill_flops +=
        blocks * cross_attention_flops(config.fusion, speed.sequence, speed.memory);
    const fusion::MemoryAttentionConfig& attention = config.fusion.cross_attention.attention;
    speed.decode_bytes += blocks * static_cast<double>(2 * speed.memory * attention.kv_heads *
                                                       attention.head_dim * weight.element_size());
  }
  speed.decode_seconds = time_decode_step(decoder, cache, cross_step);
  speed.decode_bytes +=
      weights_per_token(model) + cache_bytes(config.decoder, speed.sequence, weight);
  return speed;
}

}  // namespace nvlm::experiments
