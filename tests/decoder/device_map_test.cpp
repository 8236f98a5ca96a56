// Layers on several devices: the plan by hand, and the decoder over CPU and meta (or CUDA) devices.
#include "decoder/device_map.h"

#include <ATen/ExpandUtils.h>
#include <torch/library.h>

#include "common/error.h"
#include "decoder/generation.h"
#include "tests/decoder/llama_support.h"
#include "tests/decoder/toy_cross_attention.h"

namespace nvlm::test {
namespace {

using decoder::DeviceMap;
using decoder::KvCache;
using decoder::LlamaConfig;
using decoder::LlamaForCausalLM;
using decoder::PartSizes;
using decoder::plan_device_map;

const at::Device kFirst(at::kCUDA, 0), kSecond(at::kCUDA, 1), kCpu(at::kCPU), kMeta(at::kMeta);

using Devices = std::vector<at::Device>;

const decoder::GenerationConfig kSixTokens{
    .max_new_tokens = 6, .sampling = {}, .eos_token_ids = {}};

/// 10 in front, 4 layers of 20, 5 behind; 3 for activations.
PartSizes four_layers() { return {10, {20, 20, 20, 20}, 5, 3}; }

/// The tiny decoder with layer 0 on the CPU and the rest, the head included, elsewhere.
DeviceMap split_after_layer_0(at::Device elsewhere) {
  return {kCpu, {kCpu, elsewhere, elsewhere}, elsewhere};
}

/// A tiny decoder that lies where the map says; its values are fresh draws where there is memory.
LlamaForCausalLM placed_llama(const DeviceMap& map, LlamaConfig config = tiny_llama_config()) {
  at::manual_seed(3);
  ParameterStyle style = decoder::loading_style(map, at::kFloat);
  style.initialise = true;
  const ParameterScope scope(style);
  return LlamaForCausalLM(config);
}

decoder::DecoderInputs left_padded_inputs(LlamaForCausalLM& model) {
  return padded_inputs(model, {{1, 2, 3, 4}, {5, 6}}, /*left=*/true);
}

// LibTorch has these two for the meta device in Python alone; attention under a mask and a choice
// of rows need them.
Tensor& where_without_values(const Tensor& condition, const Tensor& self, const Tensor& other,
                             Tensor& out) {
  out.resize_(at::infer_size(condition.sizes(), at::infer_size(self.sizes(), other.sizes())));
  return out;
}

Tensor index_select_without_values(const Tensor& self, int64_t dim, const Tensor& index) {
  std::vector<int64_t> sizes = self.sizes().vec();
  sizes[static_cast<size_t>(dim)] = index.numel();
  return at::empty(sizes, self.options());
}

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("where.self_out", where_without_values);
  library.impl("index_select", index_select_without_values);
}

/// Keeps the masks that its blocks were given: a tensor that moved is another one.
class MaskKeeper : public ToyCrossAttention {
 public:
  using ToyCrossAttention::ToyCrossAttention;

  Tensor update(int64_t block, const Tensor& hidden, const decoder::MemoryKeysValues& memory,
                const Tensor& mask, decoder::AttentionProbe* probe) override {
    masks.push_back(mask);
    return ToyCrossAttention::update(block, hidden, memory, mask, probe);
  }

  std::vector<Tensor> masks;  // by block
};

// Before main(), as CUDA can only be loaded before LibTorch looks for it.
const std::vector<DeviceMemory> kDevices = device_memories();

/// A GPU of this machine, or nothing with a message.
std::optional<at::Device> some_gpu() {
  if (kDevices.size() > 1) return kDevices[0].device;
  MESSAGE("skipped: no CUDA device on this machine");
  return std::nullopt;
}

}  // namespace

TEST_CASE("device map: whole layers fill the devices in their order") {
  // Everything fits: 10 + 80 + 5 behind 3 for activations.
  DeviceMap map = plan_device_map(four_layers(), {{kFirst, 98}, {kCpu, 1000}});
  CHECK(map.front == kFirst);
  CHECK((map.layers == Devices(4, kFirst)));
  CHECK(map.tail == kFirst);
  // A byte less, and the head goes on.
  map = plan_device_map(four_layers(), {{kFirst, 97}, {kCpu, 1000}});
  CHECK((map.layers == Devices(4, kFirst)));
  CHECK(map.tail == kCpu);
  // 3 + 10 + 20 on the first; 3 + 20 + 20 on the second, whose last 19 are no layer.
  map = plan_device_map(four_layers(), {{kFirst, 52}, {kSecond, 62}, {kCpu, 28}});
  CHECK(map.front == kFirst);
  CHECK((map.layers == Devices{kFirst, kSecond, kSecond, kCpu}));
  CHECK(map.tail == kCpu);
  // Layers of different sizes: one that does not fit ends a device, even if the next would.
  map = plan_device_map({1, {10, 30, 10}, 1, 0}, {{kFirst, 22}, {kCpu, 100}});
  CHECK((map.layers == Devices{kFirst, kCpu, kCpu}));
  // A device too small even for the front is left out, and so is one between.
  map = plan_device_map(four_layers(), {{kFirst, 12}, {kSecond, 33}, {kCpu, 1000}});
  CHECK(map.front == kSecond);
  CHECK((map.layers == Devices{kSecond, kCpu, kCpu, kCpu}));
  map = plan_device_map(four_layers(), {{kFirst, 33}, {kSecond, 22}, {kCpu, 1000}});
  CHECK((map.layers == Devices{kFirst, kCpu, kCpu, kCpu}));
}

TEST_CASE("device map: what does not fit is said with what is needed and what there is") {
  const int64_t gib = int64_t{1} << 30;
  const PartSizes large{10 * gib, {20 * gib, 30 * gib}, 5 * gib, 2 * gib};
  try {
    plan_device_map(large, {{kFirst, 24 * gib}, {kCpu, 16 * gib}});
    FAIL("expected an error");
  } catch (const std::runtime_error& error) {
    const std::string text = error.what();
    for (const char* part :
         {"needs 65.0 GiB", "10.0 GiB before the layers", "up to 30.0 GiB a layer",
          "5.0 GiB behind them", "2.0 GiB more on each device", "cuda:0 with 24.0 GiB free",
          "cpu with 16.0 GiB free"}) {
      CAPTURE(part);
      CHECK(text.find(part) != std::string::npos);
    }
  }
  CHECK_THROWS_AS(plan_device_map(four_layers(), {{kCpu, 97}}), std::runtime_error);
  CHECK_THROWS_AS(plan_device_map(four_layers(), {}), std::invalid_argument);
}

TEST_CASE("device map: the plan in a line") {
  const int64_t gib = int64_t{1} << 30;
  const PartSizes sizes{gib, {gib, gib, gib, gib}, gib / 2, 0};
  CHECK(decoder::describe({kFirst, {kFirst, kFirst, kSecond, kCpu}, kCpu}, sizes) ==
        "device map: cuda:0 takes the embedding and layers 0 to 1 (3.0 GiB); cuda:1 takes layer 2 "
        "(1.0 GiB); cpu takes layer 3 and the head (1.5 GiB)");
  CHECK(decoder::describe({kCpu, Devices(4, kCpu), kCpu}, sizes) ==
        "device map: cpu takes the embedding, layers 0 to 3 and the head (5.5 GiB)");
  CHECK(decoder::describe({kFirst, Devices(4, kCpu), kSecond}, sizes) ==
        "device map: cuda:0 takes the embedding (1.0 GiB); cpu takes layers 0 to 3 (4.0 GiB); "
        "cuda:1 takes the head (0.5 GiB)");
  CHECK(decoder::uses_cpu({kFirst, {kFirst, kCpu}, kFirst}));
  CHECK_FALSE(decoder::uses_cpu({kFirst, {kFirst, kSecond}, kSecond}));
}

TEST_CASE("device map: sizes of the parts, by hand") {
  LlamaConfig config = tiny_llama_config();
  config.max_position_embeddings = 100;
  const ParameterScope shapes_only({.device = at::kMeta});
  PartSizes sizes = part_sizes(*LlamaForCausalLM(config));
  // q and o are 24 x 48, k and v 24 x 16, three matrices of 24 x 20, two norms of 24; keys and
  // values of 100 tokens in 2 heads of 8.
  CHECK(sizes.layers == std::vector<int64_t>(3, 2 * 1152 + 2 * 384 + 3 * 480 + 48 + 2 * 1600));
  CHECK(sizes.front == 37 * 24);
  CHECK(sizes.tail == 24 + 37 * 24);
  CHECK(sizes.total() == num_parameters(config) + 3 * 2 * 1600);
  const PartSizes bytes = in_bytes(sizes, at::kBFloat16);
  CHECK(bytes.total() == 2 * sizes.total());
  CHECK(bytes.activations == 2 * sizes.activations);
  CHECK(sizes.activations > 100 * 24);

  config.tie_word_embeddings = true;
  sizes = part_sizes(*LlamaForCausalLM(config));
  CHECK(sizes.front == 37 * 24);
  CHECK(sizes.tail == 24);
  config.positions = decoder::PositionKind::kLearned;
  CHECK(part_sizes(*LlamaForCausalLM(config)).front == (37 + 100) * 24);
  config.max_position_embeddings = 1 << 20;
  CHECK(planned_context(config) == decoder::kPlannedContext);
}

TEST_CASE("device map: parameters are made where their part lies") {
  LlamaForCausalLM model = placed_llama(split_after_layer_0(kMeta));
  for (const auto& parameter : model->named_parameters()) {
    CAPTURE(parameter.key());
    const bool front = parameter.key().rfind("model.embed_tokens.", 0) == 0 ||
                       parameter.key().rfind("model.layers.0.", 0) == 0;
    CHECK(parameter.value().is_cpu() == front);
    CHECK(parameter.value().is_meta() != front);
  }
  // A map of two layers does not place a third.
  CHECK_THROWS_AS(placed_llama({kCpu, {kCpu, kCpu}, kCpu}), c10::Error);
}

TEST_CASE("device map: hidden states, cache and logits lie with their layers") {
  for (const bool with_memory : {false, true}) {
    CAPTURE(with_memory);
    const at::NoGradGuard no_grad;
    LlamaForCausalLM model = placed_llama(split_after_layer_0(kMeta));
    decoder::DecoderInputs inputs = left_padded_inputs(model);
    if (with_memory) {
      inputs.cross_attention = decoder::CrossAttention{
          std::make_shared<ToyCrossAttention>(std::vector<int64_t>{0, 2, 3}), at::rand({2, 5, 24}),
          at::ones({2, 4, 5}, at::kBool)};
    }
    const std::vector<Tensor> outputs = model->model->layer_outputs(inputs);
    CHECK(outputs[0].is_cpu());
    CHECK(outputs[1].is_meta());
    CHECK(outputs[2].is_meta());

    KvCache cache = model->make_cache(2, 5);
    const Tensor logits = model(inputs, &cache);
    CHECK(logits.is_meta());
    CHECK(logits.sizes() == at::IntArrayRef({2, 4, 37}));
    CHECK(cache.keys_values(0).first.is_cpu());
    CHECK(cache.keys_values(1).first.is_meta());
    CHECK(cache.keys_values(2).second.is_meta());
    if (with_memory) {
      CHECK(cache.memory[0]->keys.is_cpu());
      CHECK(cache.memory[1]->keys.is_meta());
      CHECK(cache.memory[2]->keys.is_meta());
    }
    cache.select_rows(at::tensor({int64_t{1}}));
    CHECK(cache.keys_values(0).first.sizes() == at::IntArrayRef({1, 2, 4, 8}));
    CHECK(cache.keys_values(2).first.sizes() == at::IntArrayRef({1, 2, 4, 8}));
    CHECK(cache.keys_values(2).first.is_meta());

    decoder::DecoderInputs next = chunk(inputs, 0, 1);
    next.embeddings = next.embeddings.narrow(0, 0, 1);
    next.position_ids = next.position_ids.narrow(0, 0, 1);
    next.attention_mask = Tensor();
    if (with_memory) {
      next.cross_attention->memory = Tensor();
      next.cross_attention->mask = next.cross_attention->mask.narrow(0, 0, 1);
    }
    CHECK(model(next, &cache).sizes() == at::IntArrayRef({1, 1, 37}));
  }
}

TEST_CASE("device map: what layers share moves once at a border, and nowhere else") {
  const at::NoGradGuard no_grad;
  const auto masks_seen = [](const DeviceMap& map, const Tensor& mask) {
    LlamaForCausalLM model = placed_llama(map);
    decoder::DecoderInputs inputs = left_padded_inputs(model);
    const auto keeper = std::make_shared<MaskKeeper>(std::vector<int64_t>{0, 1, 2, 3});
    inputs.cross_attention = decoder::CrossAttention{keeper, at::rand({2, 5, 24}), mask};
    model(inputs);
    return keeper->masks;
  };
  const Tensor mask = at::ones({2, 4, 5}, at::kBool);
  for (const Tensor& seen : masks_seen({kCpu, Devices(3, kCpu), kCpu}, mask)) {
    CHECK(seen.is_same(mask));
  }
  const std::vector<Tensor> split = masks_seen(split_after_layer_0(kMeta), mask);
  CHECK(split[0].is_same(mask));
  CHECK(split[1].is_meta());
  CHECK(split[2].is_same(split[1]));
  CHECK(split[3].is_same(split[1]));
  const std::vector<Tensor> tail = masks_seen({kCpu, Devices(3, kCpu), kMeta}, mask);
  CHECK(tail[2].is_same(mask));
  CHECK(tail[3].is_meta());
}

TEST_CASE("device map: all tensors of a context move together") {
  const at::NoGradGuard no_grad;
  const Tensor angle = at::ones({1, 2, 4});
  const decoder::AttentionContext context{
      .angles = decoder::RotaryAngles{angle, angle},
      .mask = {.causal = false, .bias = at::zeros({1, 1, 2, 2})},
      .cache = nullptr,
      .probe = nullptr};
  const decoder::AttentionContext moved = context.on(kMeta);
  CHECK(moved.angles->cos.is_meta());
  CHECK(moved.angles->sin.is_meta());
  CHECK(moved.mask.bias.is_meta());
  CHECK(context.on(kCpu).mask.bias.is_same(context.mask.bias));
  const decoder::AttentionContext plain{
      .angles = {}, .mask = {.causal = true, .bias = {}}, .cache = nullptr, .probe = nullptr};
  CHECK(plain.on(kMeta).mask.causal);
  CHECK_FALSE(plain.on(kMeta).mask.bias.defined());
}

TEST_CASE("device map: one device for all parts changes nothing") {
  const at::NoGradGuard no_grad;
  at::manual_seed(3);
  LlamaForCausalLM plain(tiny_llama_config());
  LlamaForCausalLM placed = placed_llama({kCpu, Devices(3, kCpu), kCpu});
  const decoder::DecoderInputs inputs = left_padded_inputs(plain);
  CHECK(at::equal(placed(left_padded_inputs(placed)), plain(inputs)));
  CHECK(decoder::generate(*placed, left_padded_inputs(placed), kSixTokens).tokens ==
        decoder::generate(*plain, inputs, kSixTokens).tokens);
}

TEST_CASE("device map: CPU and GPU together compute what the CPU computes alone") {
  const std::optional<at::Device> gpu = some_gpu();
  if (!gpu) return;
  const at::NoGradGuard no_grad;
  for (const bool tied : {false, true}) {
    CAPTURE(tied);
    LlamaConfig config = tiny_llama_config();
    config.tie_word_embeddings = tied;
    LlamaForCausalLM alone = placed_llama({kCpu, Devices(3, kCpu), kCpu}, config);
    for (const DeviceMap& map :
         {DeviceMap{*gpu, {*gpu, *gpu, kCpu}, kCpu}, split_after_layer_0(*gpu)}) {
      LlamaForCausalLM spread = placed_llama(map, config);
      auto from = alone->named_parameters();
      for (auto& parameter : spread->named_parameters()) {
        parameter.value().copy_(from[parameter.key()]);
      }
      decoder::DecoderInputs inputs = left_padded_inputs(alone);
      const Tensor expected = alone(inputs);
      const decoder::Generation answer = decoder::generate(*alone, inputs, kSixTokens);
      inputs.embeddings = inputs.embeddings.to(map.front);
      inputs.position_ids = inputs.position_ids.to(map.front);
      inputs.attention_mask = inputs.attention_mask.to(map.front);
      const Tensor real = inputs.attention_mask.unsqueeze(-1).cpu();
      check_close(spread(inputs).cpu() * real, expected * real, {1e-4, 1e-4});
      CHECK(decoder::generate(*spread, inputs, kSixTokens).tokens == answer.tokens);
    }
  }
}

TEST_CASE("device map: names of the option") {
  CHECK(decoder::parse_device_map("none") == decoder::DeviceMapMode::kNone);
  CHECK(decoder::parse_device_map("auto") == decoder::DeviceMapMode::kAuto);
  CHECK_THROWS_WITH_AS(decoder::parse_device_map("atuo"),
                       "'atuo' is no device map, expected none or auto; did you mean 'auto'?",
                       UsageError);
}

}  // namespace nvlm::test
