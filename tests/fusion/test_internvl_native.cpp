// Hugging Face's native layout of InternVL: names, configuration, both spellings, refusals.
#include <algorithm>
#include <map>

#include "common/json.h"
#include "common/safetensors.h"
#include "common/weight_store.h"
#include "fusion/internvl_native.h"
#include "fusion/multimodal_checkpoint.h"
#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tensors.h"

namespace nvlm::fusion {
namespace {

using namespace nvlm::test;

constexpr const char* kNativeCase = "07c_internvl_native";

std::vector<std::string> module_names(const std::string& name) {
  return internvl_native_names(name, NativeNaming::kModules);
}
std::vector<std::string> file_names(const std::string& name) {
  return internvl_native_names(name, NativeNaming::kFiles);
}

std::map<std::string, Tensor> stored_tensors(const std::filesystem::path& folder) {
  const WeightStore store = WeightStore::open(folder);
  std::map<std::string, Tensor> tensors;
  for (const std::string& name : store.names()) tensors[name] = store.tensor(name);
  return tensors;
}

/// The golden checkpoint, to be altered.
struct NativeCopy {
  NativeCopy()
      : tensors(stored_tensors(golden(kNativeCase))),
        config(read_json(golden(kNativeCase) / "config.json")) {
    std::filesystem::copy_file(golden(kNativeCase) / "preprocessor_config.json",
                               folder / "preprocessor_config.json");
  }
  MultimodalModel load() const {
    write_json(folder / "config.json", config);
    write_safetensors(folder / "model.safetensors", tensors, {});
    return load_multimodal(folder.path());
  }
  void refused(const std::string& message) const {
    CAPTURE(message);
    CHECK_THROWS_WITH(load(), doctest::Contains(message.c_str()));
  }

  TempDir folder;
  std::map<std::string, Tensor> tensors;
  Json config;
};

void check_same_weights(const MultimodalModel& a, const MultimodalModel& b) {
  const auto expected = b->named_parameters();
  const auto weights = a->named_parameters();
  CHECK(weights.size() == expected.size());
  for (const auto& weight : weights) {
    CAPTURE(weight.key());
    CHECK(at::equal(weight.value(), expected[weight.key()]));
  }
}

TEST_CASE("native names, in both spellings") {
  using Names = std::vector<std::string>;
  CHECK(module_names("vision_model.embeddings.class_embedding") ==
        Names{"model.vision_tower.embeddings.cls_token"});
  CHECK(file_names("vision_model.embeddings.patch_embedding.bias") ==
        Names{"vision_tower.embeddings.patch_embeddings.projection.bias"});
  CHECK(file_names("vision_model.encoder.layers.3.attn.qkv.weight") ==
        Names{"vision_tower.encoder.layer.3.attention.q_proj.weight",
              "vision_tower.encoder.layer.3.attention.k_proj.weight",
              "vision_tower.encoder.layer.3.attention.v_proj.weight"});
  CHECK(module_names("vision_model.encoder.layers.3.attn.q_norm.weight") ==
        Names{"model.vision_tower.encoder.layer.3.attention.q_norm.weight"});
  CHECK(file_names("vision_model.encoder.layers.0.attn.proj.bias") ==
        Names{"vision_tower.encoder.layer.0.attention.projection_layer.bias"});
  CHECK(file_names("vision_model.encoder.layers.0.ls2") ==
        Names{"vision_tower.encoder.layer.0.lambda_2"});
  CHECK(file_names("mlp1.3.weight") == Names{"multi_modal_projector.linear_2.weight"});
  CHECK(module_names("mlp1.0.bias") == Names{"model.multi_modal_projector.layer_norm.bias"});
  CHECK(file_names("language_model.model.layers.1.mlp.up_proj.weight") ==
        Names{"language_model.model.layers.1.mlp.up_proj.weight"});
  CHECK(module_names("language_model.model.layers.1.mlp.up_proj.weight") ==
        Names{"model.language_model.layers.1.mlp.up_proj.weight"});
  CHECK(module_names("language_model.lm_head.weight") == Names{"lm_head.weight"});
  CHECK(file_names("language_model.lm_head.weight") == Names{"language_model.lm_head.weight"});
}

TEST_CASE("the native checkpoint has the weights and the configuration of the original one") {
  const MultimodalModel native = load_multimodal(golden(kNativeCase));
  const MultimodalModel original = load_multimodal(golden("07a_internvl_chat"));
  check_same_weights(native, original);
  Json ours = to_json(native->config()), theirs = to_json(original->config());
  for (const char* told_otherwise : {"initializer_range", "bos_token_id", "eos_token_id"}) {
    ours["llm_config"].erase(told_otherwise);
    theirs["llm_config"].erase(told_otherwise);
  }
  CHECK(ours == theirs);
}

TEST_CASE("names of the port's modules are read as well as those of its files") {
  NativeCopy copy;
  std::map<std::string, Tensor> renamed;
  for (const auto& [name, tensor] : copy.tensors) {
    const std::string decoder = "language_model.model.", head = "language_model.lm_head.";
    if (name.starts_with(decoder)) {
      renamed["model.language_model." + name.substr(decoder.size())] = tensor;
    } else if (name.starts_with(head)) {
      renamed["lm_head." + name.substr(head.size())] = tensor;
    } else {
      renamed["model." + name] = tensor;
    }
  }
  copy.tensors = renamed;
  check_same_weights(copy.load(), load_multimodal(golden(kNativeCase)));
}

TEST_CASE("without a stored head the embeddings are it, whatever the configuration says") {
  NativeCopy copy;
  copy.tensors.erase("language_model.lm_head.weight");
  MultimodalModel tied = copy.load();
  CHECK(tied->config().decoder.tie_word_embeddings);
  CHECK(at::equal(tied->language_model->logits(at::eye(56)),
                  copy.tensors["language_model.model.embed_tokens.weight"].t()));
  NativeCopy untied;
  untied.config["tie_word_embeddings"] = untied.config["text_config"]["tie_word_embeddings"] = true;
  CHECK_FALSE(untied.load()->config().decoder.tie_word_embeddings);
}

TEST_CASE("the preprocessor's numbers, in a file of its own or within the processor's") {
  const Json fields = read_json(golden(kNativeCase) / "preprocessor_config.json");
  for (const Json& json : {fields, Json{{"image_processor", fields}, {"image_seq_length", 9}}}) {
    const vision::TilingConfig tiling = internvl_native_preprocessor(json).tiling;
    CHECK(tiling.tile_size == 84);
    CHECK(tiling.min_tiles == 1);
    CHECK(tiling.max_tiles == 6);
    CHECK(tiling.use_thumbnail);
  }
  Json silent = fields;
  silent.erase("max_patches");
  CHECK(internvl_native_preprocessor(silent).tiling.max_tiles == 12);
}

TEST_CASE("a native checkpoint that does not fit is refused by its own names") {
  NativeCopy missing;
  missing.tensors.erase("vision_tower.encoder.layer.1.attention.k_proj.bias");
  missing.refused("missing 'vision_tower.encoder.layer.1.attention.k_proj.bias' [120]");
  NativeCopy shape;
  shape.tensors["vision_tower.encoder.layer.0.attention.v_proj.weight"] = at::zeros({40, 41});
  shape.refused(
      "'vision_tower.encoder.layer.0.attention.q_proj.weight + "
      "vision_tower.encoder.layer.0.attention.k_proj.weight + "
      "vision_tower.encoder.layer.0.attention.v_proj.weight' is [40, 41], expected [120, 40]");
  NativeCopy extra;
  extra.tensors["vision_tower.layernorm.weight"] = at::zeros(40);
  extra.refused("unexpected 'vision_tower.layernorm.weight' [40]");
}

TEST_CASE("features that are not implemented are refused with the field") {
  const auto refused = [](const char* part, const char* field, const Json& value,
                          const char* message) {
    NativeCopy copy;
    Json& json = *part == 0 ? copy.config : copy.config[part];
    json[field] = value;
    copy.refused(message);
  };
  refused("", "downsample_ratio", 0.25, "downsample_ratio is 0.25, expected 0.5");
  refused("", "projector_hidden_act", "relu", "projector_hidden_act is \"relu\"");
  refused("", "vision_feature_layer", -2, "vision_feature_layer is -2, expected -1");
  refused("", "vision_feature_select_strategy", "full", "vision_feature_select_strategy");
  refused("vision_config", "image_size", {84, 56}, "image_size is [84,56]");
  refused("vision_config", "use_mean_pooling", false, "use_mean_pooling is false");
  refused("vision_config", "use_absolute_position_embeddings", false, "expected true");
  refused("vision_config", "hidden_act", "relu", "hidden_act is 'relu'");
  refused("text_config", "model_type", "qwen3", "model_type is 'qwen3', expected llama or qwen2");
  NativeCopy norm;
  norm.config["vision_config"]["use_qk_norm"] = true;
  norm.config["vision_config"]["layer_norm_eps"] = 1e-5;
  norm.refused("layer_norm_eps");
}

TEST_CASE("the vision configuration survives being written in the native spelling") {
  vision::VisionConfig config;
  config.norm = vision::NormKind::kRmsNorm;
  config.qkv_bias = false;
  config.qk_normalization = true;
  CHECK(vision::to_json(vision::vision_config_from_native_json(vision::to_native_json(config))) ==
        vision::to_json(config));
  config.dummy_heads = 2;
  CHECK_THROWS_WITH(vision::to_native_json(config), doctest::Contains("num_dummy_heads"));
}

}  // namespace
}  // namespace nvlm::fusion
