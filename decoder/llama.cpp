#include "decoder/llama.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "common/check.h"
#include "common/parameter_scope.h"
#include "common/recompute.h"

namespace nvlm::decoder {
namespace {

// What runs through the layers, and what they all read.
struct ResidualStream {
  Tensor hidden;  // [batch, seq, hidden]
  AttentionContext context;
  std::optional<CrossAttention> cross_attention;

  // To the device of the layer that comes next.
  void enter(at::Device device) {
    if (hidden.device() == device) return;
    hidden = hidden.to(device);
    context = context.on(device);
    if (!cross_attention) return;
    Tensor& memory = cross_attention->memory;
    if (memory.defined()) memory = memory.to(device);
    cross_attention->mask = cross_attention->mask.to(device);
  }
};

// One block, without a cache; each sample reads its own memory.
Tensor read_block(const CrossAttention& cross, int64_t block, const Tensor& hidden,
                  const Tensor& memory, const AttentionContext& context) {
  const MemoryKeysValues projected = cross.blocks->project_memory(block, memory);
  if (!context.rows) {
    return cross.blocks->update(block, hidden, projected, cross.mask, context.probe);
  }
  return context.rows->pack(cross.blocks->update(block, context.rows->unpack(hidden), projected,
                                                 cross.mask, context.probe));
}

// The same with keys and values of the memory kept in the context's cache.
Tensor read_cached_block(const CrossAttention& cross, int64_t block, const Tensor& hidden,
                         const AttentionContext& context) {
  std::optional<MemoryKeysValues>& projected = context.cache->memory.at(static_cast<size_t>(block));
  if (!projected) {
    TORCH_CHECK(cross.memory.defined(), "decoder: no memory for cross-attention block ", block,
                ", expected one in the inputs or in the cache");
    projected = cross.blocks->project_memory(block, cross.memory);
  }
  return cross.blocks->update(block, hidden, *projected, cross.mask, context.probe);
}

// What a recomputed block may hold on to. It is not probed, and the caller's probe may be gone by
// the backward pass.
AttentionContext without_probe(AttentionContext context) {
  context.probe = nullptr;
  return context;
}

// The same: the memory comes as the block's input.
CrossAttention without_memory(const CrossAttention& cross) {
  return {cross.blocks, {}, cross.mask};
}

// Runs the cross-attention block that stands before layer `depth`, if there is one.
Tensor read_memory(int64_t depth, const ResidualStream& stream, bool recomputes) {
  if (!stream.cross_attention) return stream.hidden;
  const CrossAttention& cross = *stream.cross_attention;
  const std::optional<int64_t> block = cross.blocks->block_at(depth);
  if (!block) return stream.hidden;
  const AttentionContext& context = stream.context;
  if (context.cache != nullptr) return read_cached_block(cross, *block, stream.hidden, context);
  const bool is_probed = context.probe != nullptr && context.probe->cross_blocks.count(*block) > 0;
  if (!recomputes || is_probed) {
    return read_block(cross, *block, stream.hidden, cross.memory, context);
  }
  return recomputed(
      [cross = without_memory(cross), block = *block, context = without_probe(context)](
          const Tensor& hidden, const Tensor& memory) {
        return read_block(cross, block, hidden, memory, context);
      },
      stream.hidden, cross.memory);
}

// Whether a backward pass goes through the layer at all.
bool has_gradient(const LlamaLayerImpl& layer, const Tensor& hidden) {
  const std::vector<Tensor> parameters = layer.parameters();
  return hidden.requires_grad() ||
         std::any_of(parameters.begin(), parameters.end(),
                     [](const Tensor& parameter) { return parameter.requires_grad(); });
}

Tensor run_layer(LlamaLayerImpl& layer, int64_t depth, const ResidualStream& stream,
                 bool recomputes) {
  const AttentionContext& context = stream.context;
  const bool is_probed = context.probe != nullptr && context.probe->self_layers.count(depth) > 0;
  if (!recomputes || is_probed || context.cache != nullptr || !has_gradient(layer, stream.hidden)) {
    return layer.forward(stream.hidden, context);
  }
  return recomputed(
      [&layer, context = without_probe(context)](const Tensor& hidden, const Tensor&) {
        return layer.forward(hidden, context);
      },
      stream.hidden);
}

void initialize(torch::nn::Module& module, double deviation) {
  const at::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) {
    Tensor& parameter = item.value();
    if (parameter.dim() == 2) {
      parameter.normal_(0, deviation);
    } else if (item.key().ends_with("bias")) {
      parameter.zero_();
    }  // norms are 1 already
  }
}

const LlamaConfig& validated(const LlamaConfig& config) {
  validate(config);
  return config;
}

}  // namespace

LlamaModelImpl::LlamaModelImpl(const LlamaConfig& config) : config_(validated(config)) {
  embed_tokens = register_module("embed_tokens",
                                 Embedding(config.vocab + config.extra_embeddings, config.hidden));
  if (config.positions == PositionKind::kRotary) {
    frequencies_ = rotary_frequencies(config);
  } else {
    embed_positions = register_module("embed_positions",
                                      Embedding(config.max_position_embeddings, config.hidden));
  }
  layers = register_module("layers", torch::nn::ModuleList());
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    const ParameterScope scope(style_at_depth(layer));
    layers->push_back(LlamaLayer(config, layer));
  }
  const ParameterScope scope(style_at_depth(config.layers));
  norm = register_module("norm", DecoderNorm(config));
}

void LlamaModelImpl::check_inputs(const DecoderInputs& inputs, const KvCache* cache) const {
  expect_shape(inputs.embeddings, {-1, -1, config_.hidden}, "decoder: embeddings");
  int64_t batch = inputs.embeddings.size(0), seq = inputs.embeddings.size(1);
  TORCH_CHECK(batch > 0 && seq > 0, "decoder: embeddings are ", inputs.embeddings.sizes(),
              ", expected at least one sample and one position");
  expect_shape(inputs.position_ids, {batch, seq}, "decoder: position_ids");
  expect_dtype(inputs.position_ids, at::kLong, "decoder: position_ids");
  if (inputs.rows) {
    TORCH_CHECK(cache == nullptr, "decoder: packed rows with a cache, expected one of them");
    expect_shape(inputs.embeddings, {1, inputs.rows->tokens(), -1}, "decoder: packed embeddings");
    batch = inputs.attention_mask.size(0), seq = inputs.attention_mask.size(1);
  }
  if (inputs.attention_mask.defined()) {
    expect_shape(inputs.attention_mask, {batch, seq}, "decoder: attention_mask");
    expect_dtype(inputs.attention_mask, at::kBool, "decoder: attention_mask");
  }
  const int64_t positions = seq + (cache == nullptr ? 0 : cache->length());
  const bool limited =
      config_.rope_dynamic_factor != 0 || config_.positions == PositionKind::kLearned;
  TORCH_CHECK(!limited || positions <= config_.max_position_embeddings, "decoder: ", positions,
              " positions, expected at most ", config_.max_position_embeddings,
              config_.positions == PositionKind::kLearned
                  ? ": the learned ones"
                  : ": dynamic rope scaling beyond is not implemented");
  if (!inputs.cross_attention) return;
  const CrossAttention& cross = *inputs.cross_attention;
  TORCH_CHECK(cross.blocks != nullptr, "decoder: cross_attention has no blocks");
  expect_shape(cross.mask, {batch, seq, -1}, "decoder: cross_attention.mask");
  expect_dtype(cross.mask, at::kBool, "decoder: cross_attention.mask");
  if (cross.memory.defined()) {
    expect_shape(cross.memory, {batch, cross.mask.size(2), config_.hidden},
                 "decoder: cross_attention.memory");
  } else {
    TORCH_CHECK(cache != nullptr,
                "decoder: cross_attention.memory is undefined, expected only with a cache");
  }
}

Tensor LlamaModelImpl::first_layer_input(const DecoderInputs& inputs) {
  if (embed_positions.is_empty()) return inputs.embeddings;
  return inputs.embeddings + embed_positions(inputs.position_ids);
}

Tensor LlamaModelImpl::run(const DecoderInputs& inputs, KvCache* cache, AttentionProbe* probe,
                           std::vector<Tensor>* outputs) {
  check_inputs(inputs, cache);
  const Tensor hidden = first_layer_input(inputs);
  const int64_t seq = inputs.rows ? inputs.attention_mask.size(1) : hidden.size(1);
  std::optional<RotaryAngles> angles;
  if (frequencies_.defined()) {
    if (frequencies_.device() != hidden.device()) frequencies_ = frequencies_.to(hidden.device());
    angles = rotary_angles(frequencies_, inputs.position_ids);
  }
  if (cache != nullptr && inputs.cross_attention) {
    cache->memory.resize(static_cast<size_t>(inputs.cross_attention->blocks->num_blocks()));
  }
  const at::TensorOptions activations(hidden.options().requires_grad(std::nullopt));
  ResidualStream stream{
      .hidden = hidden,
      .context = {.angles = angles,
                  .mask = causal_mask(inputs.attention_mask, seq, cache, activations),
                  .cache = cache,
                  .probe = probe,
                  .rows = inputs.rows},
      .cross_attention = inputs.cross_attention};
  for (int64_t depth = 0; depth < config_.layers; ++depth) {
    auto& layer = layers->at<LlamaLayerImpl>(static_cast<size_t>(depth));
    stream.enter(layer.device());
    stream.hidden = read_memory(depth, stream, recomputes_);
    stream.hidden = run_layer(layer, depth, stream, recomputes_);
    if (outputs != nullptr) outputs->push_back(stream.hidden);
  }
  stream.enter(norm->weight.device());
  stream.hidden = read_memory(config_.layers, stream, recomputes_);
  if (cache != nullptr) cache->advance(seq);
  return stream.hidden;
}

Tensor LlamaModelImpl::forward(const DecoderInputs& inputs, KvCache* cache, AttentionProbe* probe) {
  return norm(run(inputs, cache, probe, nullptr));
}

std::vector<Tensor> LlamaModelImpl::layer_outputs(const DecoderInputs& inputs) {
  std::vector<Tensor> outputs;
  run(inputs, nullptr, nullptr, &outputs);
  return outputs;
}

Tensor position_ids_of(const Tensor& attention_mask) {
  expect_dtype(attention_mask, at::kBool, "decoder: attention_mask");
  return (attention_mask.cumsum(1) - 1).clamp_min_(0);
}

LlamaForCausalLMImpl::LlamaForCausalLMImpl(const LlamaConfig& config) : config_(config) {
  model = register_module("model", LlamaModel(config));
  if (!config.tie_word_embeddings) {
    const ParameterScope scope(style_at_depth(config.layers));
    lm_head_ = register_module("lm_head", Linear(config.hidden, config.vocab, /*has_bias=*/false));
  }
  if (initialises_parameters()) initialize(*this, config.initializer_range);
}

Tensor LlamaForCausalLMImpl::embed(const Tensor& input_ids) {
  return model->embed_tokens(input_ids);
}

Tensor LlamaForCausalLMImpl::hidden_states(const DecoderInputs& inputs, KvCache* cache,
                                           AttentionProbe* probe) {
  return model(inputs, cache, probe);
}

Tensor LlamaForCausalLMImpl::logits(const Tensor& hidden) {
  if (config_.tie_word_embeddings) {
    return linear_map(hidden.to(device()), model->embed_tokens->weight);
  }
  return lm_head_(hidden.to(lm_head_->weight.device()));
}

Tensor LlamaForCausalLMImpl::forward(const DecoderInputs& inputs, KvCache* cache) {
  return logits(hidden_states(inputs, cache));
}

DecoderInputs LlamaForCausalLMImpl::text_inputs(const Tensor& input_ids,
                                                const Tensor& attention_mask) {
  expect_shape(attention_mask, input_ids.sizes(), "decoder: attention_mask");
  return {.embeddings = embed(input_ids),
          .position_ids = position_ids_of(attention_mask),
          .attention_mask = attention_mask,
          .cross_attention = std::nullopt,
          .rows = nullptr};
}

KvCache LlamaForCausalLMImpl::make_cache(int64_t batch, int64_t capacity) {
  const Tensor& weight = model->embed_tokens->weight;
  const at::DeviceType kind = device().type();
  const at::ScalarType dtype = at::autocast::is_autocast_enabled(kind)
                                   ? at::autocast::get_autocast_dtype(kind)
                                   : weight.scalar_type();
  std::vector<at::Device> layers;
  for (const auto& layer : *model->layers) layers.push_back(layer->as<LlamaLayerImpl>()->device());
  return KvCache(layers, batch, config_.kv_heads, config_.head_dim, capacity,
                 at::TensorOptions(dtype).device(device()));
}

}  // namespace nvlm::decoder
