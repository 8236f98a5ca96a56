// Damaged folders of vision-language models: one clear line, and no memory for what a file claims.
#include <functional>
#include <limits>

#include "common/json.h"
#include "common/safetensors.h"
#include "fusion/multimodal_checkpoint.h"
#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"

namespace nvlm::fusion {
namespace {

using test::golden;

/// A copy of the golden NVLM-D, in three shards, that may be spoilt.
struct SpoiltModel {
  SpoiltModel() : folder(dir / "model") {
    std::filesystem::copy(golden("07b_nvlm_d"), folder);
    config = read_json(folder / "config.json");
  }
  void refused(const std::string& expected) const {
    CAPTURE(expected);
    std::string message = "loaded without an error";
    try {
      load_multimodal(folder);
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    CAPTURE(message);
    CHECK(message.find(expected) != std::string::npos);
    CHECK(message.find(folder.string()) != std::string::npos);
  }
  /// With one value changed (null: erased) at a JSON pointer.
  void refused_with(const char* pointer, const Json& value, const std::string& expected) const {
    CAPTURE(pointer);
    Json changed = config;
    const Json::json_pointer place(pointer);
    if (value.is_null()) {
      changed[place.parent_pointer()].erase(place.back());
    } else {
      changed[place] = value;
    }
    write_json(folder / "config.json", changed);
    refused(expected);
    write_json(folder / "config.json", config);
  }
  /// Rewrites one shard.
  void change_shard(const std::string& name,
                    const std::function<void(std::map<std::string, Tensor>&)>& edit) const {
    std::map<std::string, Tensor> tensors;
    {
      const auto file = SafetensorsFile::open(folder / name);
      for (const auto& [key, entry] : file.entries()) tensors[key] = file.tensor(key).clone();
    }
    edit(tensors);
    write_safetensors(folder / name, tensors);
  }

  test::TempDir dir;
  std::filesystem::path folder;
  Json config;
};

TEST_CASE("configurations of vision-language models: missing, of another type, negative, huge") {
  const SpoiltModel model;
  model.refused_with("/vision_config", nullptr, "'vision_config' is missing");
  model.refused_with("/llm_config", nullptr, "'llm_config' is missing");
  model.refused_with("/template", nullptr, "'template' is missing");
  model.refused_with("/template", "vicuna", "'vicuna', expected nvlm_lab, chatml or internvl2_5");
  model.refused_with("/llm_config", "qwen", "decoder.config: \"qwen\" where an object");
  model.refused_with("/vision_config/hidden_size", -36, "hidden_size is -36");
  model.refused_with("/vision_config/num_hidden_layers", "2", "'num_hidden_layers' is \"2\"");
  model.refused_with("/vision_config/image_size", int64_t{1} << 40, "image_size is 1099511627776");
  model.refused_with("/llm_config/hidden_size", 1e30, "'hidden_size'");
  model.refused_with("/llm_config/num_attention_heads", 0, "num_attention_heads is 0");
  model.refused_with("/llm_config/architectures", {"InternLM2ForCausalLM"},
                     "architecture 'InternLM2ForCausalLM' is not supported, expected "
                     "LlamaForCausalLM, Qwen2ForCausalLM or GPT2LMHeadModel");
  model.refused_with("/llm_config/rope_scaling", {{"type", "yarn"}}, "rope type 'yarn'");
  model.refused_with("/architectures", {"LlavaForConditionalGeneration"},
                     "architecture 'LlavaForConditionalGeneration' without a fusion_config, "
                     "expected NVLM_D, InternVLChatModel or InternVLForConditionalGeneration");
  model.refused_with("/force_image_size", -84, "1 to 6 tiles of -84 pixels, expected");
}

TEST_CASE("numbers that a configuration may hold, but the weights do not, take no memory") {
  const SpoiltModel model;
  // A terabyte each.
  model.refused_with("/llm_config/vocab_size", 1 << 24, "the configuration describes");
  model.refused_with("/llm_config/num_hidden_layers", 4096, "the configuration describes");
  model.refused_with("/vision_config/intermediate_size", 1 << 18, "the configuration describes");
  model.refused_with("/vision_config/patch_size", 1 << 10, "patch_size");
}

TEST_CASE("missing, unexpected and mis-shaped tensors of all shards are listed at once") {
  const SpoiltModel model;
  const Json index = read_json(model.folder / "model.safetensors.index.json");
  const auto shard_of = [&](const char* tensor) {
    return index["weight_map"][tensor].get<std::string>();
  };
  model.change_shard(shard_of("mlp1.1.weight"), [](auto& tensors) {
    tensors["mlp1.1.weight"] = at::zeros({3, 4});
  });
  model.change_shard(shard_of("language_model.lm_head.weight"), [](auto& tensors) {
    tensors["language_model.surplus"] = at::zeros({2});
    tensors["language_model.lm_head.weight"].fill_(std::numeric_limits<float>::infinity());
  });
  model.refused("'mlp1.1.weight' is [3, 4], expected [129, 144]");
  model.refused("unexpected 'language_model.surplus' [2]");
  model.refused("NaN or infinite weights in 'language_model.lm_head.weight'");

  Json fewer = index;
  fewer["weight_map"].erase("mlp1.0.bias");
  write_json(model.folder / "model.safetensors.index.json", fewer);
  model.change_shard(shard_of("mlp1.0.bias"), [](auto& tensors) { tensors.erase("mlp1.0.bias"); });
  model.refused("missing 'mlp1.0.bias' [144]");
}

TEST_CASE("shards that are absent, cut short or elsewhere") {
  const SpoiltModel model;
  const Json index = read_json(model.folder / "model.safetensors.index.json");
  for (const char* place : {"../model-00001-of-00003.safetensors", "/etc/passwd"}) {
    Json changed = index;
    changed["weight_map"]["mlp1.0.bias"] = place;
    write_json(model.folder / "model.safetensors.index.json", changed);
    model.refused("expected a file name");
  }
  write_json(model.folder / "model.safetensors.index.json", index);
  const auto last = model.folder / "model-00003-of-00003.safetensors";
  std::filesystem::resize_file(last, std::filesystem::file_size(last) - 1);
  model.refused("model-00003-of-00003.safetensors: ");
  model.refused("is it truncated?");
  std::filesystem::remove(last);
  model.refused("lacks the shard 'model-00003-of-00003.safetensors'");
}

}  // namespace
}  // namespace nvlm::fusion
