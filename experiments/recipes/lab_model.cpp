#include "experiments/recipes/lab_model.h"

#include "common/config_schema.h"

namespace nvlm::experiments {

LabModelConfig::LabModelConfig() {
  vision.hidden = 192;
  vision.layers = 6;
  vision.heads = 4;
  vision.ffn_hidden = 768;
  tiling.tile_size = vision.image_size;
  tiling.max_tiles = 3;
  decoder.initializer_range = 0.05;
}

void register_options(ConfigSchema& schema, LabModelConfig& config) {
  const auto size = whole_number_from(1, 1 << 20);
  schema.add("vision.hidden", &config.vision.hidden, "width of the encoder", size);
  schema.add("vision.layers", &config.vision.layers, "blocks of the encoder", size);
  schema.add("vision.heads", &config.vision.heads, "attention heads of the encoder", size);
  schema.add("vision.ffn_hidden", &config.vision.ffn_hidden, "feed-forward of the encoder", size);
  schema.add("vision.stem_channels", &config.vision.stem_channels,
             "channels of a convolutional stem in its first stage; 0 = linear patch embedding",
             whole_number_from(0, 1 << 10));
  schema.add("vision.image_size", &config.vision.image_size, "side of a tile, pixels", size);
  schema.add("vision.patch_size", &config.vision.patch_size, "side of a patch, pixels", size);
  schema.add("tiling.min_tiles", &config.tiling.min_tiles,
             "regular tiles per picture, at least; more of them enlarge small pictures",
             whole_number_from(1, 64));
  schema.add("tiling.max_tiles", &config.tiling.max_tiles, "regular tiles per picture, at most",
             whole_number_from(1, 64));
  schema.add("decoder.hidden", &config.decoder.hidden, "width of the decoder", size);
  schema.add("decoder.layers", &config.decoder.layers, "layers of the decoder", size);
  schema.add("decoder.heads", &config.decoder.heads, "query heads", size);
  schema.add("decoder.kv_heads", &config.decoder.kv_heads, "key and value heads", size);
  schema.add("decoder.head_dim", &config.decoder.head_dim, "width of a head", size);
  schema.add("decoder.ffn_hidden", &config.decoder.ffn_hidden, "feed-forward of the decoder", size);
  using fusion::BlockKind;
  using fusion::TileTagKind;
  using fusion::Variant;
  schema.add_enum<Variant>("fusion.variant", &config.variant, "d, x, h or reversed",
                           {{"d", Variant::kDecoder},
                            {"x", Variant::kCrossAttention},
                            {"h", Variant::kHybrid},
                            {"reversed", Variant::kReversed}});
  schema.add_enum<TileTagKind>("fusion.tile_tags", &config.tile_tags, "tags in front of tiles",
                               {{"none", TileTagKind::kNone},
                                {"1d", TileTagKind::k1d},
                                {"2d-grid", TileTagKind::k2dGrid},
                                {"2d-box", TileTagKind::k2dBox}});
  schema.add("fusion.first_block_depth", &config.first_block_depth,
             "decoder layer before which the first cross-attention block stands",
             whole_number_from(0, 1000));
  schema.add("fusion.num_blocks", &config.num_blocks, "cross-attention blocks, from there on",
             whole_number_from(1, 1000));
  schema.add("fusion.block_spacing", &config.block_spacing,
             "decoder layers from one cross-attention block to the next",
             whole_number_from(1, 1000));
  schema.add("fusion.resampler_latents", &config.resampler.latents,
             "tokens that a perceiver resampler makes of a tile of X; 0 = no resampler",
             whole_number_from(0, 1 << 12));
  schema.add("fusion.resampler_layers", &config.resampler.layers, "layers of the resampler",
             whole_number_from(1, 1 << 8));
  schema.add("fusion.projector_hidden", &config.projector_hidden,
             "inner width of the projector; 0 = the decoder's feed-forward",
             whole_number_from(0, 1 << 19));
  schema.add("fusion.block_ffn_hidden", &config.block_ffn_hidden,
             "feed-forward of cross-attention blocks; 0 = the decoder's",
             whole_number_from(0, 1 << 19));
  schema.add("fusion.num_tile_positions", &config.num_tile_positions,
             "learned positions of tiles in the memory; 0 = none", whole_number_from(0, 1000));
  schema.add_enum<BlockKind>("fusion.block", &config.block, "inside of cross-attention blocks",
                             {{"llama", BlockKind::kLlama}, {"flamingo", BlockKind::kFlamingo}});
  schema.add("fusion.gate_init", &config.gate_init, "what gates start from, before tanh",
             number_from(-10, 10));
}

fusion::MultimodalConfig multimodal_config(const LabModelConfig& config) {
  fusion::MultimodalConfig model =
      fusion::lab_model(config.variant, config.vision, config.decoder, /*every=*/1);
  model.preprocessor.tiling = config.tiling;
  model.preprocessor.tiling.tile_size = config.vision.image_size;
  model.fusion.tile_tags = config.tile_tags;
  model.fusion.cross_attention.gate_init = config.gate_init;
  model.fusion.block = config.block;
  if (config.block == fusion::BlockKind::kFlamingo) {  // it shares no keys between heads
    model.fusion.cross_attention.attention.kv_heads = config.decoder.heads;
  }
  model.fusion.num_tile_positions = config.num_tile_positions;
  model.fusion.resampler = config.resampler;
  if (config.projector_hidden > 0) model.fusion.projector.hidden = config.projector_hidden;
  if (config.block_ffn_hidden > 0)
    model.fusion.cross_attention.ffn_hidden = config.block_ffn_hidden;
  model.fusion.depths.clear();
  for (int64_t i = 0; i < config.num_blocks; ++i) {
    model.fusion.depths.push_back(config.first_block_depth + i * config.block_spacing);
  }
  return model;
}

}  // namespace nvlm::experiments
