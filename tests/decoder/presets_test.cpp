// Presets against the totals that the model hubs publish.
#include "decoder/presets.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

namespace nvlm::decoder {
namespace {

TEST_CASE("presets have the published numbers of parameters") {
  const std::map<std::string, int64_t> published = {
      {"gpt2", 124'439'808},
      {"gpt2-medium", 354'823'168},
      {"gpt2-large", 774'030'080},
      {"gpt2-xl", 1'557'611'200},
      {"llama-2-7b", 6'738'415'616},
      {"llama-2-13b", 13'015'864'320},
      {"llama-2-70b", 68'976'648'192},
      {"llama-3-8b", 8'030'261'248},
      {"llama-3-70b", 70'553'706'496},
      {"llama-3.1-8b", 8'030'261'248},
      {"llama-3.1-70b", 70'553'706'496},
      {"llama-3.1-405b", 405'853'388'800},
      {"llama-3.2-1b", 1'235'814'400},
      {"llama-3.2-3b", 3'212'749'824},
      {"llama-3.3-70b", 70'553'706'496},
      {"qwen2-0.5b", 494'032'768},
      {"qwen2-1.5b", 1'543'714'304},
      {"qwen2-7b", 7'615'616'512},
      {"qwen2-72b", 72'706'203'648},
      {"qwen2.5-0.5b", 494'032'768},
      {"qwen2.5-1.5b", 1'543'714'304},
      {"qwen2.5-3b", 3'085'938'688},
      {"qwen2.5-7b", 7'615'616'512},
      {"qwen2.5-14b", 14'770'033'664},
      {"qwen2.5-32b", 32'763'876'352},
      {"qwen2.5-72b", 72'706'203'648},
      {"yi-34b", 34'388'917'248},
  };
  const std::vector<std::string> names = preset_names();
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
  CHECK(names.size() == published.size());
  for (const std::string& name : names) {
    CAPTURE(name);
    REQUIRE(published.contains(name));
    CHECK(num_parameters(preset(name).value()) == published.at(name));
  }
  CHECK_FALSE(preset("llama").has_value());
}

TEST_CASE("a preset's config.json says everything that it says") {
  for (const std::string& name : preset_names()) {
    CAPTURE(name);
    const LlamaConfig config = preset(name).value();
    const Json json = to_json(config);
    const LlamaConfig again = llama_config_from_json(json);
    CHECK(to_json(again) == json);
    CHECK(again.norm == config.norm);
    CHECK(again.biases == config.biases);
    CHECK(again.max_position_embeddings == config.max_position_embeddings);
  }
}

TEST_CASE("one switch per rung from Llama 2 to Llama 3.2") {
  // What remains of 3.1-8B when the rungs' switches are put back is 3-8B.
  LlamaConfig config = preset("llama-3.1-8b").value();
  CHECK(config.rope_scaling->factor == 8);
  config.rope_scaling.reset();
  config.max_position_embeddings = 8192;
  CHECK(to_json(config) == to_json(preset("llama-3-8b").value()));
  CHECK(preset("llama-3.2-1b")->rope_scaling->factor == 32);
  CHECK(preset("llama-3.2-1b")->tie_word_embeddings);
  CHECK(preset("llama-2-70b")->kv_heads == 8);
  CHECK(preset("llama-2-7b")->rope_theta == 10000);
  CHECK(preset("qwen2.5-72b")->norm_eps == 1e-5);
}

}  // namespace
}  // namespace nvlm::decoder
