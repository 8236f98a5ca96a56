// Llama 3.2 Vision's encoder against plain formulas; its configuration; malformed input.
#include <torch/utils.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "tests/vision/support.h"
#include "vision/mllama_vision_encoder.h"

namespace nvlm::vision {
namespace {

MllamaVisionConfig tiny_mllama() {
  MllamaVisionConfig config;
  config.hidden = 12;
  config.layers = 3;
  config.global_layers = 2;
  config.heads = 3;
  config.ffn_hidden = 20;
  config.image_size = 6;
  config.patch_size = 2;  // 9 patches and the class token: 10 of 16 tokens
  config.intermediate_layers = {0, 2};
  return config;
}

MllamaVisionEncoder random_encoder(const MllamaVisionConfig& config) {
  at::manual_seed(11);
  MllamaVisionEncoder encoder(config);
  const torch::NoGradGuard no_grad;
  for (Tensor& weight : encoder->parameters()) weight.uniform_(-0.6, 0.6);
  encoder->to(at::kDouble);
  return encoder;
}

MllamaImages random_images(const MllamaVisionConfig& config, const std::vector<int64_t>& ids) {
  MllamaImages images;
  images.pixel_values = at::randn(
      {static_cast<int64_t>(ids.size()), config.max_tiles, 3, config.image_size, config.image_size},
      at::kDouble);
  images.aspect_ratio_ids = ids;
  for (const int64_t id : ids) {
    images.num_tiles.push_back(
        id == 0 ? 1 : mllama_grids(config.max_tiles)[static_cast<size_t>(id - 1)].num_tiles());
  }
  return images;
}

TEST_CASE("mllama: real tokens come first, and the order can be undone") {
  MllamaVisionConfig config = tiny_mllama();
  config.max_tiles = 2;
  config.image_size = 2;  // 1 patch and the class token, padded to 8
  const MllamaTokenOrder order = order_tokens(config, 2, at::kCPU);
  CHECK(order.num_real == 4);
  CHECK(at::equal(order.real_first.narrow(0, 0, 6),
                  at::tensor(std::vector<int64_t>{0, 1, 8, 9, 2, 3}, at::kLong)));
  CHECK(
      at::equal(order.real_first.index_select(0, order.as_in_picture), at::arange(16, at::kLong)));
  CHECK(order_tokens(config, 1, at::kCPU).num_real == 2);
  CHECK_THROWS_AS(order_tokens(config, 0, at::kCPU), c10::Error);
  CHECK_THROWS_AS(order_tokens(config, 3, at::kCPU), c10::Error);
}

TEST_CASE("mllama: attention equals the published mask of padding times padding") {
  const torch::NoGradGuard no_grad;
  const MllamaVisionConfig config = tiny_mllama();
  MllamaVisionEncoder encoder = random_encoder(config);
  auto& attention =
      *encoder->named_modules()["transformer.layers.1.self_attn"]->as<MllamaVisionAttention>();
  for (const int64_t num_tiles : {1, 3, 4}) {
    CAPTURE(num_tiles);
    const MllamaTokenOrder order = order_tokens(config, num_tiles, at::kCPU);
    const int64_t tokens = config.max_tiles * config.padded_patches();
    const Tensor x = at::randn({1, tokens, config.hidden}, at::kDouble);

    Tensor padding = at::ones({config.max_tiles, config.padded_patches()}, at::kDouble);
    padding.narrow(0, 0, num_tiles).narrow(1, 0, config.patches()).zero_();
    const Tensor column = padding.view({tokens, 1});
    const Tensor bias = column.matmul(column.t()) * -1e30;
    const auto weights = encoder->named_parameters();
    const auto heads = [&](const char* name) {
      return x
          .matmul(weights["transformer.layers.1.self_attn." + std::string(name) + ".weight"].t())
          .view({1, tokens, config.heads, -1})
          .transpose(1, 2);
    };
    const Tensor scores = heads("q_proj").matmul(heads("k_proj").transpose(2, 3)) / 2.0;  // sqrt 4
    const Tensor mixed = (scores + bias).softmax(-1).matmul(heads("v_proj"));
    const Tensor expected = mixed.transpose(1, 2).flatten(2).matmul(
        weights["transformer.layers.1.self_attn.o_proj.weight"].t());

    const Tensor actual = attention.forward(x.index_select(1, order.real_first), order.num_real)
                              .index_select(1, order.as_in_picture);
    test::check_close(actual, expected, Tolerance{1e-10, 1e-10});
  }
}

TEST_CASE("mllama: pictures of a batch do not see each other") {
  const torch::NoGradGuard no_grad;
  const MllamaVisionConfig config = tiny_mllama();
  MllamaVisionEncoder encoder = random_encoder(config);
  const MllamaImages images = random_images(config, {3, 0, 6, 1});
  const Tensor all = encoder(images);
  CHECK(all.sizes() == at::IntArrayRef({4, 4, 10, 36}));
  for (int64_t i = 0; i < images.size(); ++i) {
    const auto at_image = static_cast<size_t>(i);
    const MllamaImages one{images.pixel_values.narrow(0, i, 1),
                           {images.aspect_ratio_ids[at_image]},
                           {images.num_tiles[at_image]}};
    test::check_close(all.narrow(0, i, 1), encoder(one), Tolerance{1e-12, 1e-12});
  }
}

TEST_CASE("mllama: intermediate features are the inputs of their layers, channel by channel") {
  const torch::NoGradGuard no_grad;
  const MllamaVisionConfig config = tiny_mllama();
  MllamaVisionEncoder encoder = random_encoder(config);
  std::map<std::string, Tensor> stages;
  const Tensor output =
      encoder(random_images(config, {6}),
              [&](const std::string& stage, const Tensor& state) { stages[stage] = state; });
  const auto unpadded = [&](const Tensor& state) {
    return state.view({4, 16, 12}).narrow(1, 0, 10);
  };
  const Tensor entering_2 = unpadded(stages.at("transformer.layer.1.out"));
  CHECK(at::equal(output[0].narrow(-1, 0, 12),
                  unpadded(stages.at("global_transformer.layer.1.out"))));
  CHECK(at::equal(output[0].slice(-1, 12, std::nullopt, 2), stages.at("layernorm_pre")));
  CHECK(at::equal(output[0].slice(-1, 13, std::nullopt, 2), entering_2));
}

TEST_CASE("mllama: with closed gates positions do not depend on the picture's shape") {
  const torch::NoGradGuard no_grad;
  const MllamaVisionConfig config = tiny_mllama();
  MllamaVisionEncoder encoder = random_encoder(config);
  MllamaImages images = random_images(config, {2, 5});  // 1x2 and 2x1
  images.pixel_values[1].copy_(images.pixel_values[0]);
  const Tensor open = encoder(images);
  CHECK((open[0] - open[1]).abs().max().item<double>() > 1e-3);
  for (const auto& weight : encoder->named_parameters()) {
    if (weight.key().ends_with("embedding.gate")) weight.value().zero_();
  }
  const Tensor closed = encoder(images);
  test::check_close(closed[0], closed[1], Tolerance{1e-12, 1e-12});
}

TEST_CASE("mllama: what does not fit the encoder is refused") {
  const MllamaVisionConfig config = tiny_mllama();
  MllamaVisionEncoder encoder(config);
  MllamaImages images = random_images(config, {1, 2});
  images.aspect_ratio_ids[1] = 9;
  CHECK_THROWS_WITH_AS(encoder(images), doctest::Contains("aspect ratio id 9, expected 0 to 8"),
                       c10::Error);
  images.aspect_ratio_ids[1] = 2;
  images.num_tiles[0] = 5;
  CHECK_THROWS_WITH_AS(encoder(images), doctest::Contains("a picture of 5 tiles, expected 1 to 4"),
                       c10::Error);
  images.num_tiles = {1};
  CHECK_THROWS_AS(encoder(images), c10::Error);
  images = random_images(config, {1});
  images.pixel_values = images.pixel_values.narrow(1, 0, 3);
  CHECK_THROWS_AS(encoder(images), c10::Error);
  CHECK_THROWS_AS(stack_images({}), c10::Error);
}

TEST_CASE("mllama: the configuration of the encoder, and how many parameters it describes") {
  const Json published = read_json(test::golden("08_mllama") / "config.json")["vision_config"];
  const MllamaVisionConfig config = mllama_vision_config_from_json(published);
  CHECK(config.patches() == 10);
  CHECK(config.padded_patches() == 16);
  CHECK(config.output_width() == 96);
  CHECK(to_json(mllama_vision_config_from_json(to_json(config))) == to_json(config));
  for (const MllamaVisionConfig& some : {config, tiny_mllama()}) {
    MllamaVisionEncoder encoder(some);
    int64_t counted = 0;
    for (const Tensor& weight : encoder->parameters()) counted += weight.numel();
    CHECK(num_parameters(some) == counted);
  }
  const MllamaVisionConfig real;  // 11B
  CHECK(real.patches() == 1601);
  CHECK(real.padded_patches() == 1608);
  CHECK(real.output_width() == 7680);
  CHECK(real.num_aspect_ratios() == 8);
}

TEST_CASE("mllama: impossible encoder configurations") {
  const Json published = read_json(test::golden("08_mllama") / "config.json")["vision_config"];
  const auto refused = [&](const char* key, const Json& value, const std::string& message) {
    Json json = published;
    if (value.is_null()) {
      json.erase(key);
    } else {
      json[key] = value;
    }
    CAPTURE(key);
    CHECK_THROWS_WITH(mllama_vision_config_from_json(json), doctest::Contains(message.c_str()));
  };
  refused("hidden_size", nullptr, "'hidden_size' is missing");
  refused("hidden_size", "32", "expected a whole number");
  refused("hidden_size", -32, "hidden_size is -32");
  refused("hidden_size", 33, "expected a multiple of attention_heads 4");
  refused("attention_heads", 0, "attention_heads is 0");
  refused("num_hidden_layers", int64_t{1} << 40, "num_hidden_layers is 1099511627776");
  refused("image_size", 43, "expected a multiple of patch_size 14");
  refused("num_channels", 4, "num_channels is 4");
  refused("hidden_act", "gelu_new", "hidden_act is 'gelu_new', expected 'gelu'");
  refused("norm_eps", 0, "norm_eps is");
  refused("vision_output_dim", 64, "vision_output_dim is 64, expected 96");
  refused("intermediate_layers_indices", {0, 4}, "intermediate_layers_indices is 4");
  refused("intermediate_layers_indices", {2, 0}, "intermediate_layers_indices is 0");
  refused("supported_aspect_ratios", Json::array({{2, 1}, {1, 1}}), "supported_aspect_ratios is");
  refused("max_num_tiles", 1 << 20, "max_num_tiles is 1048576, expected 1 to 64");
}

}  // namespace
}  // namespace nvlm::vision
