// What inspect says: presets against published totals and num_parameters(), costs by hand.
#include <doctest/doctest.h>

#include <map>

#include "common/error.h"
#include "decoder/presets.h"
#include "eval/inspection/model_summary.h"
#include "eval/inspection/preset_summary.h"
#include "eval/inspection/run_time_costs.h"
#include "fusion/presets.h"

namespace nvlm::eval {
namespace {

int64_t parameters_of(const std::string& name) { return preset_summary(name)["parameters"]; }

std::map<std::string, int64_t> modules_of(const Json& summary) {
  std::map<std::string, int64_t> modules;
  for (const Json& row : summary["modules"]) modules[row["module"]] = row["parameters"];
  return modules;
}

TEST_CASE("a preset's model has as many parameters as its configuration says") {
  for (const std::string& name : decoder::preset_names()) {
    CAPTURE(name);
    CHECK(parameters_of(name) == decoder::num_parameters(decoder::preset(name).value()));
  }
  for (const std::string& name : fusion::mllama_preset_names()) {
    CAPTURE(name);
    CHECK(parameters_of(name) == fusion::num_parameters(fusion::mllama_preset(name).value()));
  }
}

TEST_CASE("vision and multimodal presets have the published numbers of parameters") {
  CHECK(parameters_of("internvit-300m") == 304'012'288);
  CHECK(parameters_of("internvit-6b") == 5'536'496'000);
  CHECK(parameters_of("nvlm-d-72b") == 79'379'593'344);  // dummy heads included
  CHECK(parameters_of("nvlm-d-34b") == 40'334'383'488);
  const auto modules = modules_of(preset_summary("internvl2.5-1b"));
  int64_t vision = 0, projector = 0, decoder = 0;
  for (const auto& [module, parameters] : modules) {
    if (module.starts_with("vision_model")) vision += parameters;
    if (module.starts_with("mlp1")) projector += parameters;
    if (module.starts_with("language_model")) decoder += parameters;
  }
  CHECK(vision == 304'012'288);
  CHECK(projector == 4'482'816);
  CHECK(decoder == 629'697'920);
  CHECK(parameters_of("internvl2.5-1b") == 938'193'024);
}

TEST_CASE("the unpublished models are their parts") {
  // One block: q and o 8192 x 8192 twice, k and v 8192 x 1024 twice, three matrices of the
  // feed-forward, two norms, two gates.
  const int64_t block = 2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 29568 + 2 * 8192 + 2;
  const int64_t norm = 2 * 12800;
  const int64_t parts = 5'536'496'000 + 72'706'203'648 + 10 * block + norm;
  CHECK(parameters_of("nvlm-x-72b") == parts + 12800 * 8192);
  CHECK(parameters_of("nvlm-h-72b") == parts + 12800 * 29568 + 29568 * 8192);
  CHECK(preset_summary("nvlm-x-72b")["by_the_paper"] == true);
  CHECK(preset_summary("nvlm-d-72b")["by_the_paper"] == false);
}

TEST_CASE("a preset's tensors carry the names of its files") {
  const Json gpt2 = preset_summary("gpt2", /*list_tensors=*/true);
  CHECK(gpt2["tensors"] == 148);
  CHECK(modules_of(gpt2).contains("transformer.h"));
  const Json mllama = preset_summary("llama-3.2-11b-vision", /*list_tensors=*/true);
  size_t found = 0;
  for (const Json& tensor : mllama["tensor_list"]) {
    if (tensor["name"] == "language_model.model.layers.3.cross_attn.q_proj.weight") ++found;
    if (tensor["name"] == "language_model.model.layers.4.self_attn.q_proj.weight") ++found;
  }
  CHECK(found == 2);
  const Json llama = preset_summary("llama-3.1-405b");
  CHECK(llama["family"] == "Llama");
  CHECK(modules_of(llama)["lm_head"] == 128256LL * 16384);
}

TEST_CASE("memory by hand") {
  const Json summary = preset_summary("llama-3.1-405b");
  const int64_t parameters = 405'853'388'800, per_token = 2 * 126 * 8 * 128;
  CHECK(summary["context_length"] == 131072);
  CHECK(summary["kv_cache_bytes_per_token"]["bfloat16"] == 2 * per_token);
  CHECK(summary["kv_cache_bytes_at_full_context"]["float32"] == 4 * per_token * 131072);
  CHECK(summary["weights_bytes"]["bfloat16"] == 2 * parameters);
  CHECK(summary["weights_bytes"]["int8"] == parameters);
  CHECK(summary["weights_bytes"]["int4"] == parameters / 2);
  CHECK(summary["memory_bytes"]["bfloat16"] == 2 * (parameters + per_token * 131072));
  CHECK_FALSE(summary.contains("image"));
}

TEST_CASE("a picture costs what its route says") {
  const Json d = preset_summary("nvlm-d-72b")["image"];  // 6 tiles and the thumbnail
  CHECK(d["tokens_per_tile"] == 256);
  CHECK(d["max_tiles"] == 7);
  CHECK(d["inline_tokens"] == 1792);
  CHECK(d["memory_tokens"] == 0);
  const Json x = preset_summary("nvlm-x-72b")["image"];
  CHECK(x["inline_tokens"] == 0);
  CHECK(x["memory_tokens"] == 1792);
  CHECK(x["memory_bytes"]["bfloat16"] == 2 * 1792 * 2 * 10 * 8 * 128);
  const Json h = preset_summary("nvlm-h-72b")["image"];
  CHECK(h["inline_tokens"] == 256);
  CHECK(h["memory_tokens"] == 1536);
  const Json mllama = preset_summary("llama-3.2-11b-vision-instruct")["image"];
  CHECK(mllama["memory_tokens"] == 4 * 1601);
  CHECK(mllama["memory_bytes"]["float32"] == 4LL * 4 * 1601 * 2 * 8 * 8 * 128);
}

TEST_CASE("unknown presets and architectures name what there is") {
  CHECK_THROWS_WITH_AS(preset_summary("lama-3.1-8b"), doctest::Contains("'llama-3.1-8b'"),
                       UsageError);
  CHECK_THROWS_WITH_AS(preset_summary("internvl2.5-8b"), doctest::Contains("InternLM2"),
                       UsageError);
  const Json other = model_summary({{"architectures", {"MistralForCausalLM"}}}, {});
  CHECK(other["family"] == "unknown");
  CHECK(other["supported"].size() == 8);
  CHECK_FALSE(model_summary({{"architectures", {"GPT2LMHeadModel"}}}, {}).contains("supported"));
}

TEST_CASE("a damaged configuration costs nothing rather than nonsense") {
  const Json huge = {{"num_hidden_layers", INT64_MAX},
                     {"num_attention_heads", 1 << 30},
                     {"hidden_size", -1},
                     {"max_position_embeddings", UINT64_MAX},
                     {"vocab_size", "many"}};
  const RunTimeCosts costs = run_time_costs(huge);
  CHECK(costs.vocab == 0);
  CHECK(costs.context == 0);
  CHECK(costs.cache_elements_per_token == 0);
  CHECK_FALSE(run_time_costs({{"architectures", {"NVLM_D"}}, {"llm_config", 1}}).image.has_value());
  CHECK(run_time_costs(Json::array()).context == 0);
}

}  // namespace
}  // namespace nvlm::eval
