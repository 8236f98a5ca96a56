// What a device map is told about models that see, and where their blocks then lie.
#include "common/parameter_scope.h"
#include "fusion/mllama_checkpoint.h"
#include "fusion/model_sizes.h"
#include "fusion/multimodal_checkpoint.h"
#include "tests/support/golden.h"
#include "tests/support/tensors.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;

/// Keys and values of one layer over the planned context.
int64_t cache_of(const decoder::LlamaConfig& config) {
  return 2 * decoder::planned_context(config) * config.kv_heads * config.head_dim;
}

}  // namespace

TEST_CASE("model sizes: a block counts with the layer it stands before") {
  const ParameterScope shapes_only({.device = at::kMeta});
  const MllamaConfig config = read_mllama_config(golden("08_mllama"));
  const MllamaModel model(config);
  const decoder::LlamaForCausalLM language = model->language_model;
  const decoder::PartSizes text = decoder::part_sizes(*language);
  const decoder::PartSizes whole = model_sizes(*model, *language, config.depths());
  const auto blocks = model->cross_attention->children();
  const std::vector<int64_t> depths = config.depths();
  REQUIRE(!blocks.empty());
  std::vector<int64_t> expected = text.layers;
  for (size_t i = 0; i < blocks.size(); ++i) {
    REQUIRE(depths[i] < language->config().layers);
    expected[static_cast<size_t>(depths[i])] +=
        decoder::num_elements(*blocks[i]) + cache_of(language->config());
  }
  CHECK(whole.layers == expected);
  CHECK(whole.tail == text.tail);
  CHECK(whole.front == text.front + decoder::num_elements(*model->vision_model) +
                           decoder::num_elements(*model->multi_modal_projector));
  const auto caches = language->config().layers + static_cast<int64_t>(blocks.size());
  CHECK(whole.total() == num_parameters(config) + caches * cache_of(language->config()));
  // A block behind the last layer counts with the tail.
  const decoder::PartSizes behind = model_sizes(
      *model, *language, std::vector<int64_t>(blocks.size(), language->config().layers));
  CHECK(behind.layers == text.layers);
  CHECK(behind.total() == whole.total());
  CHECK_THROWS_AS(model_sizes(*model, *language, {}), c10::Error);
}

TEST_CASE("model sizes: without cross-attention all that is no decoder stands in front") {
  const MultimodalModel model = load_multimodal(golden("07b_nvlm_d"));
  const decoder::PartSizes text = decoder::part_sizes(*model->language_model);
  const decoder::PartSizes whole = model_sizes(*model, *model->language_model, {});
  CHECK(whole.layers == text.layers);
  CHECK(whole.tail == text.tail);
  CHECK(whole.total() - text.total() ==
        decoder::num_elements(*model) - decoder::num_elements(*model->language_model));
}

TEST_CASE("device map: blocks lie with the layer they stand before, encoder and projector first") {
  const MllamaConfig config = read_mllama_config(golden("08_mllama"));
  const auto layers = static_cast<size_t>(config.decoder.layers);
  const auto border = static_cast<size_t>(config.depths().back());
  decoder::DeviceMap map{at::kCPU, std::vector<at::Device>(layers, at::kCPU), at::kMeta};
  std::fill(map.layers.begin() + static_cast<int64_t>(border), map.layers.end(), at::kMeta);
  const ParameterScope scope(decoder::loading_style(map, at::kFloat));
  const MllamaModel model(config);
  const auto blocks = model->cross_attention->children();
  for (size_t i = 0; i < blocks.size(); ++i) {
    CAPTURE(i);
    for (const Tensor& parameter : blocks[i]->parameters()) {
      CHECK(parameter.is_meta() == (i + 1 == blocks.size()));
    }
  }
  for (const Tensor& parameter : model->vision_model->parameters()) CHECK(parameter.is_cpu());
  for (const Tensor& parameter : model->multi_modal_projector->parameters()) {
    CHECK(parameter.is_cpu());
  }
}

}  // namespace nvlm::fusion
