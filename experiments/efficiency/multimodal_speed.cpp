#include "experiments/efficiency/multimodal_speed.h"

#include <c10/core/InferenceMode.h>

#include <optional>

#include "common/peak_memory.h"
#include "experiments/efficiency/decoder_speed.h"

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
                                   const fusion::MultimodalConfig& config,
                                   const fusion::PromptBatch& prompts, int repeats) {
  for (const fusion::Prompt& prompt : prompts.samples) {
    TORCH_CHECK(!prompt.tiles.empty() && prompt.size() == prompts.samples[0].size(),
                "efficiency: expected prompts of one length, each with a picture");
  }
  const c10::InferenceMode inference;
  decoder::LlamaForCausalLM& decoder = model->language_model;
  const Tensor weight = decoder->model->embed_tokens->weight;
  const at::Device device = weight.device();

  MultimodalSpeed speed;
  for (const Tensor& parameter : model->parameters()) speed.parameters += parameter.numel();
  speed.shape = shape_of(prompts, /*labels=*/false);
  const BatchShape& shape = speed.shape;
  const ModelFlops flops = model_flops(config, shape);
  speed.encode_flops = flops.encoder.forward;
  speed.fuse_flops = flops.projector.forward;
  speed.prefill_flops = flops.all().forward - speed.encode_flops - speed.fuse_flops;

  const int64_t size = config.preprocessor.tiling.tile_size;
  const Tensor pixels = at::randn({shape.encoded, 3, size, size}, weight.options());
  const int64_t capacity = shape.sequence + kMeasuredDecodeSteps + 1;
  vision::TileFeatures features{{}, prompts.tile_refs()};
  decoder::DecoderInputs inputs;
  decoder::KvCache cache = decoder->make_cache(shape.batch, capacity);
  const auto encode = [&] { features.tokens = model->encode_tiles(pixels); };
  const auto fuse = [&] { inputs = model->fuse(prompts, features); };
  const auto prefill = [&] {
    cache = decoder->make_cache(shape.batch, capacity);
    const Tensor hidden = decoder->hidden_states(inputs, &cache);
    decoder->logits(hidden.slice(1, shape.sequence - 1));
  };
  reset_peak_memory();
  speed.encode_seconds = spread(time_repeats(device, repeats, encode));
  speed.fuse_seconds = spread(time_repeats(device, repeats, fuse));
  speed.prefill_seconds = spread(time_repeats(device, repeats, prefill));
  speed.first_token_seconds = spread(time_repeats(device, repeats, [&] {
    encode();
    fuse();
    prefill();
  }));

  std::optional<decoder::CrossAttention> cross_step;
  if (inputs.cross_attention) {
    const decoder::CrossAttention& cross = *inputs.cross_attention;
    cross_step = decoder::CrossAttention{cross.blocks, {}, cross.mask.slice(1, shape.sequence - 1)};
  }
  speed.decode_seconds = spread(time_decode_steps(decoder, shape.batch, cache, cross_step));
  const int64_t positions = mean_decode_length(shape.sequence);
  speed.decode_flops = model_flops(config, decode_shape(shape, positions)).all().forward;
  const auto batch = static_cast<double>(shape.batch);
  const auto cached = [&](int64_t length) {
    CacheBytes bytes = cache_bytes(config, length, shape.memory, weight.element_size());
    bytes.sequence *= batch;
    bytes.memory *= batch;
    return bytes;
  };
  speed.cache = cached(shape.sequence);
  speed.decode_bytes = weights_per_token(model) + cached(positions).sequence + speed.cache.memory;
  speed.peak_bytes = peak_memory_bytes();
  return speed;
}

}  // namespace nvlm::experiments
