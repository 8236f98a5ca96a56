#include "vision/mllama_vision_encoder.h"

#include <algorithm>

#include "common/check.h"
#include "common/parameter_scope.h"

namespace nvlm::vision {
namespace {

constexpr double kOuterNormEps = 1e-5;  // of the norms around the layers, whatever norm_eps says

}  // namespace

MllamaImages stack_images(const std::vector<MllamaImage>& images) {
  TORCH_CHECK(!images.empty(), "stack_images: no pictures, expected at least one");
  MllamaImages all;
  std::vector<Tensor> pixels;
  for (const MllamaImage& image : images) {
    pixels.push_back(image.pixel_values);
    all.aspect_ratio_ids.push_back(image.aspect_ratio_id);
    all.num_tiles.push_back(image.num_tiles);
  }
  all.pixel_values = at::stack(pixels);
  return all;
}

MllamaVisionEncoderImpl::MllamaVisionEncoderImpl(const MllamaVisionConfig& config)
    : config_(config) {
  validate(config);
  const int64_t hidden = config.hidden;
  const auto norm = [&] { return VisionNorm(NormKind::kLayerNorm, hidden, hidden, kOuterNormEps); };
  class_embedding_ = register_parameter("class_embedding", new_parameter({hidden}));
  truncated_normal_(class_embedding_);
  patch_embedding_ = register_module("patch_embedding",
                                     PatchEmbedding(hidden, config.patch_size, /*has_bias=*/false));
  position_ = register_module("gated_positional_embedding", MllamaPositionEmbedding(config));
  pre_tile_ = register_module("pre_tile_positional_embedding", MllamaTileEmbedding(config));
  post_tile_ = register_module("post_tile_positional_embedding", MllamaTileEmbedding(config));
  layernorm_pre_ = register_module("layernorm_pre", norm());
  layernorm_post_ = register_module("layernorm_post", norm());
  transformer_ = register_module("transformer",
                                 MllamaVisionLayers(config, config.layers, /*is_global=*/false));
  global_transformer_ = register_module(
      "global_transformer", MllamaVisionLayers(config, config.global_layers, /*is_global=*/true));
}

Tensor MllamaVisionEncoderImpl::embed_picture(const Tensor& pixel_values, int64_t aspect_ratio_id,
                                              const StageObserver& observe) {
  const Tensor patches = patch_embedding_(pixel_values);  // [max_tiles, patches - 1, hidden]
  observe("patch_embedding", patches);
  Tensor x = pre_tile_(patches, aspect_ratio_id);
  observe("after_pre_tile_embedding", x);
  x = at::cat({class_embedding_.expand({config_.max_tiles, 1, -1}), x}, 1);
  x = position_(x, aspect_ratio_id);  // [max_tiles, patches, hidden]
  observe("after_gated_position", x);
  x = layernorm_pre_(x);
  observe("layernorm_pre", x);
  return x;
}

Tensor MllamaVisionEncoderImpl::encode_picture(const Tensor& pixel_values, int64_t aspect_ratio_id,
                                               int64_t num_tiles, const StageObserver& observe) {
  const int64_t max_tiles = config_.max_tiles, padded = config_.padded_patches();
  const auto observe_layers = [&observe](const char* stack) {
    return [&observe, stack](int64_t layer, const Tensor& state) {
      observe(std::string(stack) + ".layer." + std::to_string(layer) + ".out", state);
    };
  };
  const auto without_padding = [&](const Tensor& x) {  // [max_tiles, patches, hidden]
    return x.view({max_tiles, padded, config_.hidden}).narrow(1, 0, config_.patches());
  };
  const MllamaTokenOrder order = order_tokens(config_, num_tiles, pixel_values.device());
  const Tensor embedded = embed_picture(pixel_values, aspect_ratio_id, observe);
  const Tensor entering = at::constant_pad_nd(embedded, {0, 0, 0, padded - config_.patches()})
                              .view({1, max_tiles * padded, config_.hidden});

  std::vector<Tensor> intermediate;  // inputs of the listed layers
  const auto& listed = config_.intermediate_layers;
  const auto collect = [&](int64_t layer, const Tensor& input) {
    if (std::binary_search(listed.begin(), listed.end(), layer)) {
      intermediate.push_back(without_padding(input));
    }
  };
  collect(0, entering);
  const auto observe_local = observe_layers("transformer");
  Tensor x = transformer_(entering, order, [&](int64_t layer, const Tensor& state) {
    collect(layer + 1, state);
    observe_local(layer, state);
  });
  x = layernorm_post_(x);
  observe("layernorm_post", x);
  x = post_tile_(x.view({max_tiles, padded, config_.hidden}), aspect_ratio_id);
  observe("after_post_tile_embedding", x);
  x = global_transformer_(x.view({1, max_tiles * padded, config_.hidden}), order,
                          observe_layers("global_transformer"));
  x = without_padding(x);
  if (intermediate.empty()) return x;
  const Tensor by_channel =
      at::stack(intermediate, -1).flatten(2);  // channel 0 of all layers first
  return at::cat({x, by_channel}, -1);
}

Tensor MllamaVisionEncoderImpl::forward(const MllamaImages& images, const StageObserver& observe) {
  expect_shape(images.pixel_values,
               {images.size(), config_.max_tiles, 3, config_.image_size, config_.image_size},
               "mllama encoder: pixel_values");
  TORCH_CHECK(images.size() > 0 && images.aspect_ratio_ids.size() == images.num_tiles.size(),
              "mllama encoder: ", images.aspect_ratio_ids.size(), " aspect ratios and ",
              images.size(), " numbers of tiles, expected one of each for every picture");
  const StageObserver observer = observe ? observe : [](const std::string&, const Tensor&) {};
  const Tensor pixel_values =
      images.pixel_values.to(class_embedding_.device(), class_embedding_.scalar_type());
  std::vector<Tensor> encoded;
  for (int64_t image = 0; image < images.size(); ++image) {
    const int64_t id = images.aspect_ratio_ids[static_cast<size_t>(image)];
    TORCH_CHECK(id >= 0 && id <= config_.num_aspect_ratios(), "mllama encoder: aspect ratio id ",
                id, ", expected 0 to ", config_.num_aspect_ratios());
    encoded.push_back(encode_picture(pixel_values[image], id,
                                     images.num_tiles[static_cast<size_t>(image)], observer));
  }
  return at::stack(encoded);
}

}  // namespace nvlm::vision
