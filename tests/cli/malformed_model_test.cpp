// Damaged checkpoints, as a user meets them: exit code 1, one line on stderr, nothing on stdout.
#include <algorithm>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/safetensors.h"
#include "tests/cli/program.h"
#include "tests/support/golden.h"

namespace nvlm::test {
namespace {

namespace fs = std::filesystem;

/// A copy of the golden NVLM-D that may be spoilt.
struct SpoiltFolder {
  SpoiltFolder() : folder(dir / "model") { fs::copy(golden("07b_nvlm_d"), folder); }

  void refused(const std::string& expected, const std::string& options = "") const {
    CAPTURE(expected);
    const ProgramResult result =
        nvlm("generate --model " + folder.string() + " --image " +
             (golden("07b_nvlm_d") / "image.png").string() + " --prompt Hi " + options);
    CAPTURE(result.err);
    CHECK(result.exit_code == 1);
    CHECK(result.out.empty());
    CHECK(result.err.rfind("nvlm: ", 0) == 0);
    CHECK(result.err.find(expected) != std::string::npos);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  }
  /// config.json with the value at a JSON pointer.
  void configure(const char* pointer, const Json& value) const {
    Json config = read_json(golden("07b_nvlm_d") / "config.json");
    config[Json::json_pointer(pointer)] = value;
    write_json(folder / "config.json", config);
  }
  void cut(const std::string& file, uintmax_t removed) const {
    fs::resize_file(folder / file, fs::file_size(folder / file) - removed);
  }

  TempDir dir;
  fs::path folder;
};

TEST_CASE("generate: a damaged config.json") {
  const SpoiltFolder model;
  model.configure("/llm_config/hidden_size", -56);
  model.refused("hidden_size is -56");
  model.configure("/llm_config/vocab_size", 1 << 24);
  model.refused("the configuration describes");
  model.configure("/llm_config/rope_scaling", {{"type", "yarn"}, {"factor", 4.0}});
  model.refused("rope type 'yarn' is not implemented, expected default, llama3 or dynamic");
  model.configure("/llm_config/architectures", {"InternLM2ForCausalLM"});
  model.refused("architecture 'InternLM2ForCausalLM' is not supported, expected LlamaForCausalLM");
  model.configure("/architectures", {"BertForMaskedLM"});
  model.refused("architecture 'BertForMaskedLM'");
  model.refused("InternVLChatModel");  // among what is supported
  model.cut("config.json", 20);
  model.refused("config.json: not valid JSON");
}

TEST_CASE("generate: damaged weights") {
  const SpoiltFolder model;
  const std::string index = "model.safetensors.index.json";
  Json changed = read_json(model.folder / index);
  changed["weight_map"]["mlp1.0.bias"] = "../model-00001-of-00003.safetensors";
  write_json(model.folder / index, changed);
  model.refused("expected a file name");
  fs::copy_file(golden("07b_nvlm_d") / index, model.folder / index,
                fs::copy_options::overwrite_existing);
  model.cut("model-00002-of-00003.safetensors", 1);
  model.refused("model-00002-of-00003.safetensors: ");
  fs::remove(model.folder / "model-00002-of-00003.safetensors");
  model.refused("lacks the shard 'model-00002-of-00003.safetensors'");
}

TEST_CASE("generate: a damaged tokenizer") {
  const SpoiltFolder model;
  const auto refused_with = [&](const char* pointer, const Json& value, const char* expected) {
    Json tokenizer = read_json(golden("07b_nvlm_d") / "tokenizer.json");
    tokenizer[Json::json_pointer(pointer)] = value;
    write_json(model.folder / "tokenizer.json", tokenizer);
    model.refused(expected);
  };
  refused_with("/pre_tokenizer/pretokenizers/0/pattern", {{"Regex", "(a"}},
               "cannot compile the pattern");
  refused_with("/model/merges/0", "qzqz x", "'qzqz' is not in model.vocab");
  refused_with("/added_tokens/1/content",
               read_json(golden("07b_nvlm_d") / "tokenizer.json")["added_tokens"][0]["content"],
               "is given twice");
  model.cut("tokenizer.json", 20);
  model.refused("tokenizer.json: not valid JSON");
}

TEST_CASE("generate: a prompt that does not fit the model's positions") {
  const SpoiltFolder model;
  model.configure("/llm_config/max_position_embeddings", 100);
  model.refused("expected fewer than the model's context of 100");
}

}  // namespace
}  // namespace nvlm::test
