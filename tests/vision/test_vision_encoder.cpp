#include <ATen/autocast_mode.h>
#include <torch/utils.h>

#include <functional>
#include <stdexcept>

#include "common/load_weights.h"
#include "common/weight_store.h"
#include "tests/vision/support.h"
#include "vision/convolutional_stem.h"
#include "vision/pixel_shuffle.h"
#include "vision/vision_encoder.h"

namespace nvlm::vision {
namespace {

constexpr Tolerance kParity{1e-4, 5e-5};

VisionEncoder load_encoder(const std::filesystem::path& folder, const Json& json,
                           const std::string& prefix) {
  const WeightStore store = WeightStore::open(folder);
  VisionEncoder encoder(with_stored_heads(vision_config_from_json(json), store, prefix));
  LoadOptions options;
  options.prefix = prefix;
  load_weights(*encoder, store, options);
  return encoder;
}

template <class Holder>
typename Holder::ContainedType& part(VisionEncoder encoder, const std::string& name) {
  auto* module = encoder->named_modules()[name]->as<Holder>();
  REQUIRE(module != nullptr);
  return *module;
}

/// Compares every stored intermediate result in the order in which it is computed.
void check_intermediates(VisionEncoder encoder, const Tensor& pixel_values,
                         const SafetensorsFile& expected, const std::string& key) {
  const std::vector<Tensor> states = encoder->hidden_states(pixel_values);
  const auto check = [&](const std::string& name, const Tensor& actual) {
    CAPTURE(name);
    test::check_close(actual, expected.tensor(key + name), kParity);
  };
  check("embeddings", states[0]);
  const std::string block = "encoder.layers.0.";
  const Tensor norm1 = part<VisionNorm>(encoder, block + "norm1").forward(states[0]);
  check("layer.0.norm1", norm1);
  if (expected.contains(key + "layer.0.q_norm")) {
    const Tensor qkv = part<Linear>(encoder, block + "attn.qkv").forward(norm1);
    const std::vector<Tensor> parts = qkv.chunk(3, -1);
    check("layer.0.q_norm", part<VisionNorm>(encoder, block + "attn.q_norm").forward(parts[0]));
    check("layer.0.k_norm", part<VisionNorm>(encoder, block + "attn.k_norm").forward(parts[1]));
  }
  const Tensor attended = part<VisionAttention>(encoder, block + "attn").forward(norm1);
  check("layer.0.attn", attended);
  const Tensor middle = states[0] + encoder->named_parameters()[block + "ls1"] * attended;
  const Tensor norm2 = part<VisionNorm>(encoder, block + "norm2").forward(middle);
  check("layer.0.norm2", norm2);
  check("layer.0.mlp", part<VisionMlp>(encoder, block + "mlp").forward(norm2));
  for (size_t i = 1; i < states.size(); ++i) {
    check("layer." + std::to_string(i - 1) + ".out", states[i]);
  }
  const Tensor last = encoder->forward(pixel_values);
  check("last_hidden_state", last);
  if (expected.contains(key + "pooler_output")) check("pooler_output", last.select(1, 0));
}

TEST_CASE("InternViT of both kinds equals the reference, tensor by tensor") {
  for (const std::string name : {"06a_internvit_300m", "06b_internvit_6b"}) {
    CAPTURE(name);
    const torch::NoGradGuard no_grad;
    const auto folder = test::golden(name);
    VisionEncoder encoder = load_encoder(folder, read_json(folder / "config.json"), "");
    const auto inputs = test::open_golden(name, "inputs.safetensors");
    const auto expected = test::open_golden(name, "expected.safetensors");
    check_intermediates(encoder, inputs.tensor("pixel_values"), expected, "");
    test::check_close(part<VisionEmbeddings>(encoder, "embeddings").positions(8, 8),
                      expected.tensor("resized_position_embedding"), kParity);
    for (const std::string key : {"interp_square.", "interp_rect."}) {
      CAPTURE(key);
      const std::vector<Tensor> states =
          encoder->hidden_states(inputs.tensor(key + "pixel_values"));
      test::check_close(states.front(), expected.tensor(key + "embeddings"), kParity);
      test::check_close(states.back(), expected.tensor(key + "last_hidden_state"), kParity);
    }
  }
}

TEST_CASE("NVLM-D's encoder with dummy heads equals the reference, up to the shuffled tokens") {
  const torch::NoGradGuard no_grad;
  const auto folder = test::golden("07b_nvlm_d");
  VisionEncoder encoder =
      load_encoder(folder, read_json(folder / "config.json").at("vision_config"), "vision_model.");
  CHECK(encoder->config().dummy_heads == 7);
  const Tensor pixel_values =
      test::open_golden("07b_nvlm_d", "inputs.safetensors").tensor("pixel_values");
  const auto expected = test::open_golden("07b_nvlm_d", "expected.safetensors");
  check_intermediates(encoder, pixel_values, expected, "vision.");
  test::check_close(encoder->tile_tokens(pixel_values), expected.tensor("pixel_shuffle"), kParity);
}

VisionConfig tiny_config() {
  VisionConfig config;
  config.hidden = 6;
  config.layers = 2;
  config.heads = 2;
  config.ffn_hidden = 7;
  config.image_size = 8;
  config.patch_size = 2;
  return config;
}

VisionConfig tiny_rms_config() {
  VisionConfig config = tiny_config();
  config.norm = NormKind::kRmsNorm;
  config.qkv_bias = false;
  config.qk_normalization = true;
  config.dummy_heads = 1;
  return config;
}

/// Central differences against backward, for every entry of `parameter`.
void check_gradient(const std::function<Tensor()>& loss, const Tensor& parameter,
                    const std::string& name) {
  CAPTURE(name);
  const Tensor actual = parameter.grad();
  REQUIRE(actual.defined());
  const torch::NoGradGuard no_grad;
  Tensor expected = at::zeros_like(parameter);
  const Tensor flat = parameter.view(-1);
  for (int64_t i = 0; i < flat.size(0); ++i) {
    constexpr double step = 1e-5;
    const double saved = flat[i].item<double>();
    flat[i].fill_(saved + step);
    const double above = loss().item<double>();
    flat[i].fill_(saved - step);
    const double below = loss().item<double>();
    flat[i].fill_(saved);
    expected.view(-1)[i].fill_((above - below) / (2 * step));
  }
  test::check_close(actual, expected, {1e-7, 1e-5});
}

TEST_CASE("gradients of a block equal central differences") {
  at::manual_seed(5);
  for (const VisionConfig& config : {tiny_config(), tiny_rms_config()}) {
    VisionLayer layer(config);
    layer->to(at::kDouble);
    {
      const torch::NoGradGuard no_grad;
      for (Tensor& parameter : layer->parameters()) parameter.normal_(0.3, 0.5);
    }
    const Tensor x = at::randn({2, 3, config.hidden}, at::kDouble).requires_grad_(true);
    const Tensor weights = at::randn({2, 3, config.hidden}, at::kDouble);
    const auto loss = [&] { return (layer->forward(x) * weights).sum(); };
    loss().backward();
    check_gradient(loss, x, "x");
    for (const auto& item : layer->named_parameters()) {
      check_gradient(loss, item.value(), item.key());
    }
  }
}

TEST_CASE("patches are those of a strided convolution") {
  at::manual_seed(6);
  VisionConfig config = tiny_config();
  PatchEmbedding patches(config.hidden, config.patch_size, /*has_bias=*/true);
  const auto parameters = patches->named_parameters();
  const Tensor pixel_values = at::randn({2, 3, 6, 10});
  const Tensor expected =
      at::conv2d(pixel_values, parameters["weight"], parameters["bias"], config.patch_size);
  test::check_close(patches->forward(pixel_values), expected.flatten(2).transpose(1, 2));
}

VisionConfig tiny_stem_config() {
  VisionConfig config = tiny_config();
  config.image_size = 64;
  config.patch_size = 8;
  config.stem_channels = 4;
  return config;
}

TEST_CASE("a convolutional stem sees the same wherever it stands") {
  at::manual_seed(9);
  ConvolutionalStem stem(tiny_stem_config());
  const torch::NoGradGuard no_grad;
  const Tensor picture = at::randn({1, 3, 128, 128});
  const Tensor whole = stem->forward(picture).unflatten(1, {16, 16});
  CHECK(whole.sizes() == at::IntArrayRef({1, 16, 16, 6}));
  const Tensor part =
      stem->forward(picture.slice(2, 16, 112).slice(3, 24, 120)).unflatten(1, {12, 12});
  // Four patches off the border nothing of the padding is seen.
  test::check_close(part.slice(1, 4, 8).slice(2, 4, 8), whole.slice(1, 6, 10).slice(2, 7, 11));
}

TEST_CASE("a stem's gradients equal central differences") {
  at::manual_seed(10);
  VisionConfig config = tiny_stem_config();
  config.stem_channels = 2;
  ConvolutionalStem stem(config);
  stem->to(at::kDouble);
  const Tensor pixel_values = at::randn({1, 3, 16, 16}, at::kDouble);
  const Tensor weights = at::randn({1, 4, config.hidden}, at::kDouble);
  const auto loss = [&] { return (stem->forward(pixel_values) * weights).sum(); };
  loss().backward();
  for (const auto& item : stem->named_parameters()) {
    check_gradient(loss, item.value(), item.key());
  }
}

TEST_CASE("an encoder with a stem says so in its configuration, and needs patches it can halve") {
  const VisionConfig config = tiny_stem_config();
  const VisionConfig read = vision_config_from_json(to_json(config));
  CHECK(read.stem_channels == 4);
  CHECK_FALSE(to_json(tiny_config()).contains("stem_channels"));
  VisionEncoder encoder(read);
  CHECK(encoder->tile_tokens(at::randn({2, 3, 64, 64})).sizes() == at::IntArrayRef({2, 16, 24}));
  CHECK_FALSE(encoder->named_parameters().contains("embeddings.patch_embedding.weight"));
  VisionConfig uneven = config;
  uneven.image_size = 56;
  uneven.patch_size = 14;
  CHECK_THROWS_WITH_AS(VisionEncoder{uneven},
                       doctest::Contains("patch_size is 14, expected a power of two"),
                       std::invalid_argument);
}

TEST_CASE("tiles do not notice each other") {
  at::manual_seed(7);
  VisionEncoder encoder(tiny_config());
  const Tensor pixel_values = at::randn({3, 3, 8, 8});
  const Tensor together = encoder->tile_tokens(pixel_values);
  CHECK(together.sizes() == at::IntArrayRef({3, 4, 24}));
  test::check_close(encoder->tile_tokens(pixel_values.narrow(0, 1, 1)), together.narrow(0, 1, 1));
}

TEST_CASE("training under bfloat16 autocast stays near float32") {
  at::manual_seed(8);
  VisionConfig config = tiny_config();
  config.hidden = 32;
  config.ffn_hidden = 64;
  VisionEncoder encoder(config);
  const Tensor pixel_values = at::randn({2, 3, 8, 8});
  const Tensor exact = encoder->tile_tokens(pixel_values);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const Tensor rough = encoder->tile_tokens(pixel_values);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  test::check_close(rough, exact, {2e-2, 2e-2});
  rough.to(at::kFloat).square().mean().backward();
  for (const auto& item : encoder->named_parameters()) {
    CAPTURE(item.key());
    const Tensor& gradient = item.value().grad();
    REQUIRE(gradient.defined());
    CHECK((gradient.scalar_type() == at::kFloat));
    CHECK(gradient.isfinite().all().item<bool>());
  }
}

TEST_CASE("a bfloat16 encoder runs at another resolution") {
  VisionEncoder encoder(tiny_rms_config());
  encoder->to(at::kBFloat16);
  const Tensor hidden = encoder(at::randn({1, 3, 4, 12}).to(at::kBFloat16));
  CHECK(hidden.sizes() == at::IntArrayRef({1, 13, 6}));
  CHECK((hidden.scalar_type() == at::kBFloat16));
}

TEST_CASE(
    "a fresh encoder: weights scaled by their inputs, zero biases, layer scale as configured") {
  at::manual_seed(9);
  VisionConfig config = tiny_config();
  config.hidden = 64;
  config.ffn_hidden = 256;
  config.initializer_factor = 0.25;
  VisionEncoder encoder(config);
  const auto parameters = encoder->named_parameters();
  const Tensor& weight = parameters["encoder.layers.1.mlp.fc1.weight"];
  CHECK(weight.std().item<double>() == doctest::Approx(0.125 * 0.8796).epsilon(0.05));
  CHECK(weight.abs().max().item<double>() <= 0.2501);
  CHECK(parameters["encoder.layers.0.attn.qkv.bias"].abs().max().item<double>() == 0);
  CHECK(parameters["encoder.layers.0.ls2"].eq(0.25).all().item<bool>());
}

TEST_CASE("pictures that do not fit the patches are refused") {
  VisionEncoder encoder(tiny_config());
  CHECK_THROWS_AS(encoder(at::randn({1, 3, 7, 8})), c10::Error);
  CHECK_THROWS_AS(encoder(at::randn({1, 1, 8, 8})), c10::Error);
  CHECK_THROWS_AS(encoder(at::randn({3, 8, 8})), c10::Error);
  CHECK_THROWS_AS(encoder->tile_tokens(at::randn({1, 3, 6, 8})), c10::Error);
}

TEST_CASE("configuration: round trip and bad fields") {
  VisionConfig config = tiny_rms_config();
  config.initializer_factor = 0.1;
  const VisionConfig again = vision_config_from_json(to_json(config));
  CHECK(to_json(again) == to_json(config));
  CHECK(again.dummy_heads == 1);
  const Json published = read_json(test::golden("06b_internvit_6b") / "config.json");
  CHECK(vision_config_from_json(published).norm == NormKind::kRmsNorm);
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, Json>>{{"hidden_size", 61},
                                                 {"hidden_size", 1LL << 40},
                                                 {"hidden_size", "60"},
                                                 {"num_hidden_layers", 0},
                                                 {"num_attention_heads", -1},
                                                 {"norm_type", "batch_norm"},
                                                 {"hidden_act", "relu"},
                                                 {"image_size", 85},
                                                 {"patch_size", 0},
                                                 {"num_channels", 4},
                                                 {"layer_norm_eps", -1.0},
                                                 {"qkv_bias", 3}}) {
    Json bad = published;
    bad[key] = value;
    CAPTURE(key);
    CHECK_THROWS_AS(vision_config_from_json(bad), std::exception);
  }
  Json missing = published;
  missing.erase("hidden_size");
  CHECK_THROWS_WITH(vision_config_from_json(missing),
                    "vision configuration: 'hidden_size' is missing");
}

TEST_CASE("pixel shuffle gathers squares of patches and can be undone") {
  at::manual_seed(10);
  const Tensor patches = at::arange(4 * 6, at::kFloat).view({1, 4, 6, 1});
  const Tensor tokens = pixel_shuffle(patches);
  CHECK(tokens.sizes() == at::IntArrayRef({1, 6, 4}));
  test::check_close(tokens[0][0], at::tensor({0.F, 1.F, 6.F, 7.F}));
  test::check_close(tokens[0][1], at::tensor({2.F, 3.F, 8.F, 9.F}));
  test::check_close(tokens[0][3], at::tensor({12.F, 13.F, 18.F, 19.F}));
  for (const int64_t factor : {1, 2, 3}) {
    const Tensor random = at::randn({2, 2 * factor, 3 * factor, 5});
    CHECK(pixel_unshuffle(vision::pixel_shuffle(random, factor), 2 * factor, 3 * factor, factor)
              .equal(random));
  }
  CHECK_THROWS_AS(pixel_shuffle(at::zeros({1, 3, 4, 1})), c10::Error);
  CHECK_THROWS_AS(vision::pixel_shuffle(at::zeros({1, 4, 4, 1}), 0), c10::Error);
  CHECK_THROWS_AS(pixel_unshuffle(tokens, 4, 4), c10::Error);
}

}  // namespace
}  // namespace nvlm::vision
