// Case folders: the golden ones pass, changed ones fail and say where, malformed ones say why.
#include "eval/parity/parity.h"

#include <cmath>
#include <fstream>
#include <functional>

#include "common/safetensors.h"
#include "eval/inspection/checkpoint_summary.h"
#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"

namespace nvlm::eval {
namespace {

namespace fs = std::filesystem;

/// A copy of a golden case that may be spoilt.
struct CaseCopy {
  explicit CaseCopy(const std::string& name) : folder(dir / name) {
    fs::copy(test::golden(name), folder, fs::copy_options::recursive);
  }
  /// Rewrites expected.safetensors with one tensor changed.
  void change(const std::string& name, const std::function<void(Tensor&)>& edit) const {
    std::map<std::string, Tensor> tensors;
    const auto file = SafetensorsFile::open(folder / "expected.safetensors");
    for (const auto& [key, entry] : file.entries()) tensors[key] = file.tensor(key).clone();
    edit(tensors.at(name));
    write_safetensors(folder / "expected.safetensors", tensors);
  }
  void replace(const std::string& file, const std::string& from, const std::string& to) const {
    std::ifstream in(folder / file);
    std::string text(std::istreambuf_iterator<char>(in), {});
    const size_t place = text.find(from);
    REQUIRE(place != std::string::npos);
    std::ofstream(folder / file) << text.replace(place, from.size(), to);
  }

  test::TempDir dir;
  fs::path folder;
};

std::vector<ParityRow> failed_rows(const ParityReport& report) {
  std::vector<ParityRow> failed;
  for (const ParityRow& row : report.rows) {
    if (!row.passed) failed.push_back(row);
  }
  return failed;
}

/// The only row beyond tolerance.
ParityRow only_failure(const CaseCopy& copy) {
  const ParityReport report = check_case(copy.folder);
  CHECK_FALSE(report.passed());
  const std::vector<ParityRow> failed = failed_rows(report);
  REQUIRE(failed.size() == 1);
  CHECK(report.worst(1).front()->name == failed[0].name);
  return failed[0];
}

ParityReport check_golden_case(const std::string& name, size_t at_least) {
  CAPTURE(name);
  const ParityReport report = check_case(test::golden(name));
  for (const ParityRow& row : failed_rows(report)) FAIL_CHECK(describe(row));
  CHECK(report.passed());
  CHECK(report.name == name);
  CHECK(report.rows.size() >= at_least);
  CHECK(to_json(report)["rows"].size() == report.rows.size());
  return report;
}

}  // namespace

TEST_CASE("parity: golden checkpoints of Llama (Meta's layout, too), Qwen2 and GPT-2") {
  for (const char* name :
       {"01_llama2", "02_llama31", "03_llama32", "04_qwen2", "05_gpt2", "05b_gpt2_prefixed"}) {
    const ParityReport report = check_golden_case(name, 22);
    CHECK(report.kind.ends_with("decoder"));
    CHECK(report.not_compared.empty());
  }
}

TEST_CASE(
    "parity: golden encoders, vision-language models, gated blocks, losses, pictures, tokenizers "
    "and metrics") {
  CHECK(check_golden_case("06a_internvit_300m", 15).not_compared.empty());
  CHECK(check_golden_case("06b_internvit_6b", 17).not_compared.empty());
  // Not compared: a pixel shuffle in the older order.
  CHECK(check_golden_case("07a_internvl_chat", 39).not_compared.size() == 1);
  CHECK(check_golden_case("07b_nvlm_d", 41).not_compared.size() == 1);
  CHECK(check_golden_case("08_mllama", 45).not_compared.empty());
  CHECK(check_golden_case("09b_gated_xattn_llama", 20).not_compared.empty());
  CHECK(check_golden_case("09a_gated_xattn_flamingo", 28).not_compared.empty());
  CHECK(check_golden_case("12_losses", 194).not_compared.empty());
  CHECK(check_golden_case("10a_image_tiles64", 21).not_compared.empty());
  CHECK(check_golden_case("10b_image_tiles448", 100).not_compared.empty());
  for (const char* name : {"11a_tokenizer_llama3", "11b_tokenizer_qwen2", "11c_tokenizer_llama2",
                           "11d_tokenizer_gpt2"}) {
    CHECK(check_golden_case(name, 8).not_compared.empty());
  }
  CHECK(check_golden_case("13_metrics", 15).not_compared.size() == 2);  // malformed HTML
}

TEST_CASE("parity: a trained Llama") {
  const auto folder = test::shared_golden("14_stories260k");
  if (!folder) return;
  const ParityReport report = check_case(*folder);
  for (const ParityRow& row : failed_rows(report)) FAIL_CHECK(describe(row));
  CHECK(report.rows.size() >= 11);
  CHECK(report.not_compared.empty());
}

TEST_CASE("parity: a changed value is named with its place") {
  SUBCASE("encoder") {
    const CaseCopy copy("06a_internvit_300m");
    copy.change("layer.1.out", [](Tensor& tensor) { tensor[1][5][7] += 0.01; });
    const ParityRow row = only_failure(copy);
    CHECK(row.name == "layer.1.out");
    CHECK(row.where == "[1, 5, 7]");
    CHECK(row.largest == doctest::Approx(0.01).epsilon(0.02));
    CHECK(row.violations == 1);
    CHECK(describe(row).find("layer.1.out: largest difference") == 0);
  }
  SUBCASE("greedy token") {
    const CaseCopy copy("03_llama32");
    copy.change("gen.tokens", [](Tensor& tensor) { tensor[0][30] += 1; });
    const ParityRow row = only_failure(copy);
    CHECK(row.name == "gen.tokens");
    CHECK(row.where == "[0, 30]");
    CHECK(row.tolerance.absolute == 0);
  }
  SUBCASE("shape") {
    const CaseCopy copy("09b_gated_xattn_llama");
    copy.change("after_attn", [](Tensor& tensor) { tensor = tensor.narrow(1, 0, 5).clone(); });
    CHECK(only_failure(copy).problem.find("expected [2, 5, 54]") != std::string::npos);
  }
  SUBCASE("cross-attention") {
    const CaseCopy copy("08_mllama");
    copy.change("single.text.layer.1.k_norm", [](Tensor& tensor) { tensor[0][1][39][3] += 0.01; });
    const ParityRow row = only_failure(copy);
    CHECK(row.name == "single.text.layer.1.k_norm");
    CHECK(row.where == "[0, 1, 39, 3]");
  }
  SUBCASE("picture in the prompt") {
    const CaseCopy copy("07b_nvlm_d");
    copy.change("llm.input_embeds", [](Tensor& tensor) { tensor[0][60][9] += 0.01; });
    const ParityRow row = only_failure(copy);
    CHECK(row.name == "llm.input_embeds");
    CHECK(row.where == "[0, 60, 9]");
  }
  SUBCASE("text before the first picture") {
    const CaseCopy copy("09a_gated_xattn_flamingo");
    copy.change("all_previous.attn_probs", [](Tensor& tensor) { tensor[0][4][0][20] += 0.001; });
    const ParityRow row = only_failure(copy);
    CHECK(row.name == "all_previous.attn_probs");
    CHECK(row.where == "[0, 4, 0, 20]");
  }
  SUBCASE("loss") {
    const CaseCopy copy("12_losses");
    copy.change("sft.square.loss", [](Tensor& tensor) { tensor += 1e-8; });
    CHECK(only_failure(copy).name == "sft.square.loss");  // in double; float32 cannot tell
    copy.replace("dpo_sequence.json", "\"accuracy\": 0.2", "\"accuracy\": 0.4");
    CHECK(check_case(copy.folder).num_failed() == 3);  // in both
  }
  SUBCASE("not a number") {
    const CaseCopy copy("09b_gated_xattn_llama");
    copy.change("out", [](Tensor& tensor) { tensor[0][2][3] = std::nan(""); });
    CHECK(only_failure(copy).where == "[0, 2, 3]");
  }
  SUBCASE("pixel") {
    const CaseCopy copy("10a_image_tiles64");
    copy.change("tall.max6.tiles", [](Tensor& tensor) { tensor[6][1][2][0] += 9; });
    const ParityRow row = only_failure(copy);
    CHECK(row.name == "tall.max6.tiles");
    CHECK(row.where == "[6, 1, 2, 0]");
    CHECK(row.largest == 9);
  }
  SUBCASE("token of a text") {
    const CaseCopy copy("11d_tokenizer_gpt2");
    copy.replace("cases.jsonl", "\"text\": \"Hello, world!\"", "\"text\": \"Hello, wurld!\"");
    const ParityReport report = check_case(copy.folder);
    const std::vector<ParityRow> failed = failed_rows(report);
    REQUIRE(!failed.empty());
    CHECK(failed[0].name == "cases.jsonl ids");
    CHECK(failed[0].where.starts_with("cases.jsonl:2 token "));
    CHECK(failed[0].violations == 1);
  }
  SUBCASE("score") {
    const CaseCopy copy("13_metrics");
    copy.replace("anls.jsonl", "\"anls\": 0.9230769230769231", "\"anls\": 0.9230779230769231");
    const ParityRow row = only_failure(copy);
    CHECK(row.name == "anls.jsonl anls");
    CHECK(row.where == "anls.jsonl:2");
  }
}

TEST_CASE("parity: what stands on padding does not count") {
  const CaseCopy copy("01_llama2");
  const Tensor mask = SafetensorsFile::open(copy.folder / "inputs.safetensors")
                          .tensor("batch_left.attention_mask")
                          .to(at::kBool);
  copy.change("batch_left.logits",
              [&](Tensor& tensor) { tensor.masked_fill_(mask.logical_not().unsqueeze(-1), 77); });
  CHECK(check_case(copy.folder).passed());
}

TEST_CASE("parity: expectations that nothing computes are listed") {
  const CaseCopy copy("09b_gated_xattn_llama");
  std::map<std::string, Tensor> tensors;
  const auto file = SafetensorsFile::open(copy.folder / "expected.safetensors");
  tensors["out"] = file.tensor("out").clone();
  tensors["another"] = at::zeros({2});
  write_safetensors(copy.folder / "expected.safetensors", tensors);
  const ParityReport report = check_case(copy.folder);
  CHECK(report.passed());
  CHECK(report.rows.size() == 1);
  CHECK(report.not_compared == std::vector<std::string>{"another"});
}

TEST_CASE("parity: malformed folders give one clear line") {
  const auto refused = [](const fs::path& folder, const std::string& message) {
    CAPTURE(message);
    std::string what;
    try {
      check_case(folder);
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
    CAPTURE(what);
    CHECK(what.find(message) != std::string::npos);
  };
  const test::TempDir empty;
  refused(empty / "nowhere", "is no folder");
  refused(empty.path(), "has no case.json");
  std::ofstream(empty / "case.json") << "{}";
  refused(empty.path(), "is no known kind of case; looked for config.json of LlamaForCausalLM");
  std::ofstream(empty / "config.json") << R"({"architectures": ["BertForMaskedLM"]})";
  refused(empty.path(), "(config.json says 'BertForMaskedLM')");
  std::ofstream(empty / "case.json") << "[1]";
  refused(empty.path(), "case.json: expected an object");
  std::ofstream(empty / "case.json") << "{";
  refused(empty.path(), "not valid JSON");

  const CaseCopy encoder("06a_internvit_300m");
  encoder.replace("config.json", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4");
  refused(encoder.folder, "no 'encoder.layers.3.ls1'");
  encoder.replace("case.json", "\"atol\"", "\"aTol\"");
  refused(encoder.folder, "tolerance.float32: 'atol' is missing");
  fs::remove(encoder.folder / "expected.safetensors");
  refused(encoder.folder, "expected.safetensors");

  const CaseCopy block("09b_gated_xattn_llama");
  block.replace("case.json", "\"heads\": 6", "\"heads\": 7");
  refused(block.folder, "do not divide the 66 rows");

  const CaseCopy flamingo("09a_gated_xattn_flamingo");
  flamingo.replace("case.json", "\"heads\": 5", "\"heads\": 4");
  refused(flamingo.folder, "heads 4 do not divide the 45 rows of attn.to_q.weight");

  const CaseCopy losses("12_losses");
  losses.replace("case.json", "\"nll_normalisation\": \"token_mean\"",
                 "\"nll_normalisation\": \"median\"");
  refused(losses.folder, "'median', expected token_mean or sequence_mean");

  const CaseCopy chat("07b_nvlm_d");
  chat.replace("case.json", "\"text_only_prompt\": \"<|im_start|>", "\"text_only_prompt\": \"<s>");
  refused(chat.folder, "'text_only_prompt' is not written as the model's template says");
  fs::remove(chat.folder / "image.png");
  refused(chat.folder, "image.png");

  const CaseCopy llama("03_llama32");
  write_safetensors(llama.folder / "inputs.safetensors",
                    {{"gen.input_ids", at::full({1, 3}, 441, at::kLong)}});
  refused(llama.folder, "'gen.input_ids': expected int64 [batch, seq] from 0 to 440");

  const CaseCopy mllama("08_mllama");
  const auto mllama_inputs = SafetensorsFile::open(mllama.folder / "inputs.safetensors");
  const auto spoilt = [&](const std::string& name, const Tensor& tensor) {
    std::map<std::string, Tensor> tensors;
    for (const auto& [key, entry] : mllama_inputs.entries()) {
      if (key.starts_with("single.")) tensors[key] = mllama_inputs.tensor(key).clone();
    }
    tensors[name] = tensor;
    write_safetensors(mllama.folder / "other.safetensors", tensors);
    fs::rename(mllama.folder / "other.safetensors", mllama.folder / "inputs.safetensors");
  };
  spoilt("single.input_ids", at::full({1, 35}, 361, at::kLong));
  refused(mllama.folder, "'single.input_ids': expected int64 [batch, seq] from 0 to 360");
  spoilt("single.attention_mask", at::ones({1, 34}, at::kLong));
  refused(mllama.folder, "'single.attention_mask': expected the shape of the input_ids");
  spoilt("single.pixel_values", at::zeros({1, 1, 4, 3, 42, 41}));
  refused(mllama.folder, "'single.pixel_values': expected [batch, images, 4, 3, 42, 42]");
  spoilt("single.cross_attention_mask", at::zeros({1, 35, 1, 3}, at::kLong));
  refused(mllama.folder, "'single.cross_attention_mask': expected [batch, seq, images, max_tiles]");
  mllama.replace("config.json", "\"cross_attention_layers\": [1, 3]",
                 "\"cross_attention_layers\": [1, 9]");
  refused(mllama.folder, "cross_attention_layers is 9");

  const CaseCopy metrics("13_metrics");
  metrics.replace("anls.jsonl", "\"prediction\"", "\"guess\"");
  refused(metrics.folder, "'prediction' is missing");
  const CaseCopy pictures("10a_image_tiles64");
  fs::remove(pictures.folder / "tall.png");
  refused(pictures.folder, "tall.png");
}

TEST_CASE("checkpoint summary: modules, memory, shards") {
  const Json llama = checkpoint_summary(test::golden("02_llama31"), /*list_tensors=*/true);
  CHECK(llama["family"] == "Llama");
  CHECK(llama["shards"].size() == 3);
  CHECK(llama["elements_by_dtype"].size() == 1);
  CHECK(llama["elements_by_dtype"]["BF16"] == llama["parameters"]);
  CHECK(llama["weights_bytes"]["bfloat16"] == llama["bytes"]);
  CHECK(llama["kv_cache_bytes_per_token"]["float32"] == 2 * 3 * 2 * 12 * 4);
  CHECK(llama["tensor_list"].size() == llama["tensors"].get<size_t>());
  std::vector<std::string> modules;
  for (const Json& module : llama["modules"]) modules.push_back(module["module"]);
  CHECK(modules ==
        std::vector<std::string>{"lm_head", "model.embed_tokens", "model.layers", "model.norm"});
  CHECK(llama["modules"][2]["count"] == 3);

  const Json encoder = checkpoint_summary(test::golden("06a_internvit_300m"));
  CHECK(encoder["family"] == "InternViT");
  CHECK_FALSE(encoder.contains("kv_cache_bytes_per_token"));
  const Json chat = checkpoint_summary(test::golden("07b_nvlm_d"));
  CHECK(chat["family"] == "NVLM-D");
  CHECK(chat["kv_cache_bytes_per_token"]["bfloat16"] == 2 * 3 * 2 * 14 * 2);
  CHECK(chat["tokenizer"]["tokens"].get<int64_t>() > 100);

  const test::TempDir dir;  // files of any name, and no config.json
  write_safetensors(dir / "weights.safetensors",
                    {{"0.weight", at::zeros({2, 3})}, {"step", at::zeros({1}, at::kLong)}});
  const Json other = checkpoint_summary(dir.path());
  CHECK(other["family"] == "unknown");
  CHECK(other["parameters"] == 6);
  CHECK(other["modules"].size() == 2);
  CHECK_THROWS_AS(checkpoint_summary(dir / "nowhere"), std::runtime_error);
}

}  // namespace nvlm::eval
