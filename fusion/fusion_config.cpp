#include "fusion/fusion_config.h"

#include <stdexcept>
#include <string>

namespace nvlm::fusion {
namespace {

constexpr const char* kFusionWhere = "fusion_config";
constexpr const char* kProjectorWhere = "fusion_config.projector";
constexpr const char* kResamplerWhere = "fusion_config.resampler";
constexpr const char* kBlocksWhere = "fusion_config.cross_attention";

/// Upper bounds far above any model keep a damaged file from asking for terabytes.
void check_size(int64_t value, int64_t low, int64_t high, const char* field) {
  if (value >= low && value <= high) return;
  throw std::invalid_argument(std::string(kFusionWhere) + ": " + field + " is " +
                              std::to_string(value) + ", expected " + std::to_string(low) + " to " +
                              std::to_string(high));
}

void check_cross_attention(const FusionConfig& config) {
  const auto& [hidden, heads, kv_heads, head_dim, norm_eps] = config.cross_attention.attention;
  check_size(hidden, 1, 1 << 17, "cross_attention.hidden_size");
  check_size(heads, 1, 1 << 10, "cross_attention.num_attention_heads");
  check_size(kv_heads, 1, heads, "cross_attention.num_key_value_heads");
  check_size(head_dim, 1, 1 << 12, "cross_attention.head_dim");
  check_size(config.cross_attention.ffn_hidden, 1, 1 << 19, "cross_attention.intermediate_size");
  if (heads % kv_heads != 0) {
    throw std::invalid_argument(std::string(kFusionWhere) + ": cross_attention has " +
                                std::to_string(heads) + " heads, expected a multiple of its " +
                                std::to_string(kv_heads) + " key-value heads");
  }
  if (config.block == BlockKind::kFlamingo && kv_heads != heads) {
    throw std::invalid_argument(std::string(kFusionWhere) + ": cross_attention has " +
                                std::to_string(kv_heads) +
                                " key-value heads, expected as many as "
                                "heads, " +
                                std::to_string(heads) + ", in a flamingo block");
  }
  if (hidden != config.projector.output) {
    throw std::invalid_argument(std::string(kFusionWhere) + ": cross_attention.hidden_size is " +
                                std::to_string(hidden) + ", expected the projector's output, " +
                                std::to_string(config.projector.output));
  }
  if (config.depths.empty()) {
    throw std::invalid_argument(std::string(kFusionWhere) + ": cross_attention.depths is empty, " +
                                "expected a depth for each block");
  }
  for (const int64_t depth : config.depths) {
    check_size(depth, 0, 1 << 12, "an entry of cross_attention.depths");
  }
}

void check_resampler(const FusionConfig& config) {
  check_size(config.resampler.latents, 0, 1 << 12, "resampler.latents");
  if (config.resampler.latents == 0) return;
  check_size(config.resampler.layers, 1, 1 << 8, "resampler.layers");
  const Routing routes = routing(config.variant);
  if (routes.thumbnail != Route::kMemory || routes.regular != Route::kMemory) {
    throw std::invalid_argument(std::string(kFusionWhere) + ": variant " + name(config.variant) +
                                " with a resampler, expected one whose tiles all go to the memory, "
                                "x");
  }
}

std::string block_name(BlockKind kind) {
  return kind == BlockKind::kFlamingo ? "flamingo" : "llama";
}

BlockKind parse_block_kind(const std::string& text) {
  for (const BlockKind kind : {BlockKind::kLlama, BlockKind::kFlamingo}) {
    if (block_name(kind) == text) return kind;
  }
  throw std::invalid_argument(std::string(kBlocksWhere) + ": block is '" + text +
                              "', expected llama or flamingo");
}

}  // namespace

PerceiverResamplerSizes resampler_sizes(const FusionConfig& config) {
  const GatedCrossAttentionConfig& block = config.cross_attention;
  return {block.attention.hidden, block.attention.heads, block.attention.head_dim, block.ffn_hidden,
          block.norm_eps};
}

FlamingoBlockConfig flamingo_block(const GatedCrossAttentionConfig& config) {
  FlamingoBlockConfig block;
  block.hidden = config.attention.hidden;
  block.memory_hidden = config.attention.hidden;
  block.heads = config.attention.heads;
  block.head_dim = config.attention.head_dim;
  block.ffn_hidden = config.ffn_hidden;
  block.norm_eps = config.norm_eps;
  block.gate_init = config.gate_init;
  if (config.feed_forward_without_memory) block.blind_rows = BlindRows::kFeedForwardOnly;
  return block;
}

void validate(const FusionConfig& config) {
  check_size(config.projector.input, 1, 1 << 18, "projector.input_size");
  check_size(config.projector.hidden, 0, 1 << 19, "projector.hidden_size");
  check_size(config.projector.output, 1, 1 << 17, "projector.output_size");
  check_size(config.num_tile_positions, 0, 1 << 12, "num_tile_positions");
  if (routing(config.variant).uses_memory()) check_cross_attention(config);
  check_resampler(config);
}

FusionConfig fusion_config_from_json(const Json& json) {
  FusionConfig config;
  config.variant = parse_variant(json_get<std::string>(json, "variant", kFusionWhere));
  config.tile_tags = parse_tile_tag_kind(json_get<std::string>(json, "tile_tags", kFusionWhere));

  const Json projector = json_get<Json>(json, "projector", kFusionWhere);
  config.projector.input = json_get<int64_t>(projector, "input_size", kProjectorWhere);
  config.projector.hidden = json_get<int64_t>(projector, "hidden_size", kProjectorWhere);
  config.projector.output = json_get<int64_t>(projector, "output_size", kProjectorWhere);
  config.projector.bias = json_get<bool>(projector, "bias", kProjectorWhere);
  config.num_tile_positions = json_get_or<int64_t>(json, "num_tile_positions", 0, kFusionWhere);
  config.bind_memory_tags = json_get_or(json, "bind_memory_tags", true, kFusionWhere);

  if (json.contains("resampler")) {
    const Json resampler = json_get<Json>(json, "resampler", kFusionWhere);
    config.resampler.latents = json_get<int64_t>(resampler, "latents", kResamplerWhere);
    config.resampler.layers = json_get<int64_t>(resampler, "layers", kResamplerWhere);
  }
  if (routing(config.variant).uses_memory()) {
    const Json blocks = json_get<Json>(json, "cross_attention", kFusionWhere);
    config.block = parse_block_kind(json_get_or(blocks, "block", "llama", kBlocksWhere));
    GatedCrossAttentionConfig& block = config.cross_attention;
    block.attention.hidden = json_get<int64_t>(blocks, "hidden_size", kBlocksWhere);
    block.attention.heads = json_get<int64_t>(blocks, "num_attention_heads", kBlocksWhere);
    block.attention.kv_heads = json_get<int64_t>(blocks, "num_key_value_heads", kBlocksWhere);
    block.attention.head_dim = json_get<int64_t>(blocks, "head_dim", kBlocksWhere);
    block.ffn_hidden = json_get<int64_t>(blocks, "intermediate_size", kBlocksWhere);
    block.norm_eps = json_get<double>(blocks, "rms_norm_eps", kBlocksWhere);
    block.gate_init = json_get<double>(blocks, "gate_init", kBlocksWhere);
    block.feed_forward_without_memory =
        json_get_or(blocks, "feed_forward_without_memory", false, kBlocksWhere);
    config.depths = json_get<std::vector<int64_t>>(blocks, "depths", kBlocksWhere);
  }
  validate(config);
  return config;
}

Json to_json(const FusionConfig& config) {
  Json json = {{"variant", name(config.variant)},
               {"tile_tags", name(config.tile_tags)},
               {"bind_memory_tags", config.bind_memory_tags},
               {"num_tile_positions", config.num_tile_positions},
               {"projector",
                {{"input_size", config.projector.input},
                 {"hidden_size", config.projector.hidden},
                 {"output_size", config.projector.output},
                 {"bias", config.projector.bias}}}};
  if (config.resampler.latents > 0) {
    json["resampler"] = {{"latents", config.resampler.latents},
                         {"layers", config.resampler.layers}};
  }
  if (routing(config.variant).uses_memory()) {
    const GatedCrossAttentionConfig& block = config.cross_attention;
    json["cross_attention"] = {{"block", block_name(config.block)},
                               {"hidden_size", block.attention.hidden},
                               {"num_attention_heads", block.attention.heads},
                               {"num_key_value_heads", block.attention.kv_heads},
                               {"head_dim", block.attention.head_dim},
                               {"intermediate_size", block.ffn_hidden},
                               {"rms_norm_eps", block.norm_eps},
                               {"gate_init", block.gate_init},
                               {"feed_forward_without_memory", block.feed_forward_without_memory},
                               {"depths", config.depths}};
  }
  return json;
}

}  // namespace nvlm::fusion
