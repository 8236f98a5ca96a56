// Whole tensors against the reference implementation: Llama 2, 3.1, 3.2 and Qwen2.
#include <string>
#include <vector>

#include "common/json.h"
#include "common/safetensors.h"
#include "decoder/checkpoint.h"
#include "decoder/language_model_loss.h"
#include "decoder/rotary_embedding.h"
#include "tests/decoder/llama_support.h"

namespace nvlm::test {
namespace {

using decoder::DecoderInputs;
using decoder::LlamaLayerImpl;

constexpr Tolerance kParity{2e-4, 1e-4};

/// One golden checkpoint with its inputs and expected results.
struct GoldenLlama {
  explicit GoldenLlama(const std::string& name)
      : folder(golden(name)),
        notes(read_json(folder / "case.json")),
        given(SafetensorsFile::open(folder / "inputs.safetensors")),
        expected(SafetensorsFile::open(folder / "expected.safetensors")),
        model(decoder::load_llama(folder)) {}

  /// The inputs "<experiment>.*", with the position ids of the reference.
  DecoderInputs inputs(const std::string& experiment) {
    const Tensor ids = given.tensor(experiment + ".input_ids");
    DecoderInputs text = model->text_inputs(ids, mask(experiment));
    if (given.contains(experiment + ".position_ids")) {
      text.position_ids = given.tensor(experiment + ".position_ids");
    }
    return text;
  }

  Tensor mask(const std::string& experiment) {
    if (given.contains(experiment + ".attention_mask")) {
      return given.tensor(experiment + ".attention_mask").to(at::kBool);
    }
    return all_real(given.tensor(experiment + ".input_ids"));
  }

  /// `actual` [batch, seq, ...] against the stored tensor, where tokens are real.
  void check(const Tensor& actual, const std::string& experiment, const std::string& tensor) {
    CAPTURE(experiment);
    CAPTURE(tensor);
    check_close(actual.masked_fill(mask(experiment).logical_not().unsqueeze(-1), 0),
                expected.tensor(experiment + "." + tensor), kParity);
  }

  std::filesystem::path folder;
  Json notes;
  SafetensorsFile given, expected;
  decoder::LlamaForCausalLM model;
};

void check_stack(GoldenLlama& lab, const std::string& experiment) {
  const DecoderInputs inputs = lab.inputs(experiment);
  if (lab.expected.contains(experiment + ".embed")) {
    lab.check(inputs.embeddings, experiment, "embed");
  }
  const std::vector<Tensor> outputs = lab.model->model->layer_outputs(inputs);
  REQUIRE(outputs.size() == static_cast<size_t>(lab.model->config().layers));
  for (size_t layer = 0; layer < outputs.size(); ++layer) {
    const std::string tensor = "layer." + std::to_string(layer) + ".out";
    if (lab.expected.contains(experiment + "." + tensor)) {
      lab.check(outputs[layer], experiment, tensor);
    }
  }
  const Tensor hidden = lab.model->hidden_states(inputs);
  lab.check(hidden, experiment, "final_norm");
  lab.check(lab.model->logits(hidden), experiment, "logits");
}

void check_first_layer(GoldenLlama& lab) {
  const std::string experiment = "batch_right";
  const DecoderInputs inputs = lab.inputs(experiment);
  const auto& config = lab.model->config();
  auto& layer = lab.model->model->layers->at<LlamaLayerImpl>(0);
  const Tensor normed = layer.input_layernorm(inputs.embeddings);
  lab.check(normed, experiment, "layer.0.attn_norm");
  lab.check(layer.self_attn->q_proj(normed), experiment, "layer.0.q_before_rope");
  lab.check(layer.self_attn->k_proj(normed), experiment, "layer.0.k_before_rope");
  lab.check(layer.self_attn->v_proj(normed), experiment, "layer.0.v");
  const decoder::AttentionContext context{
      .angles = decoder::rotary_angles(decoder::rotary_frequencies(config), inputs.position_ids),
      .mask = decoder::causal_mask(inputs.attention_mask, normed.size(1), nullptr, at::kFloat)};
  const Tensor attended = layer.self_attn(normed, context);
  lab.check(attended, experiment, "layer.0.attn_out");
  const Tensor mlp_normed = layer.post_attention_layernorm(inputs.embeddings + attended);
  lab.check(mlp_normed, experiment, "layer.0.mlp_norm");
  lab.check(layer.mlp(mlp_normed), experiment, "layer.0.mlp_out");
}

void check_cache(GoldenLlama& lab) {
  const at::NoGradGuard no_grad;
  const DecoderInputs inputs = lab.inputs("batch_right");
  decoder::KvCache cache = lab.model->make_cache(2, 23);
  lab.check(lab.model(inputs, &cache), "batch_right", "logits");
  const auto [keys, values] = cache.keys_values(0);
  const Tensor hidden_keys = lab.mask("batch_right").logical_not().view({2, 1, -1, 1});
  check_close(keys.masked_fill(hidden_keys, 0), lab.expected.tensor("batch_right.cache.layer.0.k"),
              kParity);
  check_close(values.masked_fill(hidden_keys, 0),
              lab.expected.tensor("batch_right.cache.layer.0.v"), kParity);
}

void check_losses(GoldenLlama& lab) {
  const Tensor labels = lab.given.tensor("batch_right.labels");
  const DecoderInputs inputs = lab.inputs("batch_right");
  const Tensor hidden = lab.model->hidden_states(inputs);
  const Tensor logits = lab.model->logits(hidden);
  check_close(decoder::token_losses(logits, labels), lab.expected.tensor("batch_right.token_nll"),
              kParity);
  const Tensor expected = lab.expected.tensor("batch_right.loss").squeeze(0);
  check_close(decoder::masked_cross_entropy(logits, labels).mean(), expected, {0, 1e-5});
  const Tensor loss = decoder::language_model_loss(lab.model, hidden, labels).mean();
  check_close(loss, expected, {0, 1e-5});

  loss.backward();
  const Json norms = lab.notes.at("batch_right_gradient_norms");
  CHECK(norms.size() == lab.model->named_parameters().size());
  for (const auto& item : lab.model->named_parameters()) {
    CAPTURE(item.key());
    CHECK(item.value().grad().norm().item<double>() ==
          doctest::Approx(norms.at(item.key()).get<double>()).epsilon(1e-4));
  }

  const Tensor ids = lab.given.tensor("long.input_ids");
  check_close(decoder::token_losses(lab.model(lab.inputs("long")), ids),
              lab.expected.tensor("long.token_nll"), kParity);
}

std::vector<int64_t> row(const Tensor& tokens, int64_t index) {
  const Tensor copy = tokens[index].contiguous();
  return {copy.const_data_ptr<int64_t>(), copy.const_data_ptr<int64_t>() + copy.numel()};
}

void check_generation(GoldenLlama& lab) {
  decoder::GenerationConfig config{.max_new_tokens = 32, .sampling = {}, .eos_token_ids = {}};
  std::vector<Tensor> step_logits;
  const auto keep_logits = [&](int64_t, const std::vector<int64_t>&, Tensor& logits) {
    step_logits.push_back(logits.clone());
  };
  const auto single = decoder::generate(lab.model, lab.inputs("gen"), config, {}, keep_logits);
  CHECK(single.tokens[0] == row(lab.expected.tensor("gen.tokens"), 0));
  CHECK(single.finish_reasons[0] == decoder::FinishReason::kMaxTokens);
  check_close(at::stack(step_logits, 1), lab.expected.tensor("gen.step_logits"), kParity);

  const auto batch = decoder::generate(lab.model, lab.inputs("gen_batch"), config);
  CHECK(batch.tokens[0] == row(lab.expected.tensor("gen_batch.tokens"), 0));
  CHECK(batch.tokens[1] == row(lab.expected.tensor("gen_batch.tokens"), 1));

  const Json with_eos = lab.notes.at("greedy").at("with_eos");
  config.eos_token_ids = {with_eos.at("eos_token_id").get<int64_t>()};
  const auto stopped = decoder::generate(lab.model, lab.inputs("gen"), config);
  CHECK(stopped.tokens[0] == with_eos.at("tokens").get<std::vector<int64_t>>());
  CHECK(stopped.finish_reasons[0] == decoder::FinishReason::kStopToken);

  config = {.max_new_tokens = 8, .sampling = {}, .eos_token_ids = {}};
  const auto after_long = decoder::generate(lab.model, lab.inputs("long"), config);
  CHECK(after_long.tokens[0] == row(lab.expected.tensor("long.gen_tokens"), 0));
}

void check_rotary(GoldenLlama& lab) {
  const Tensor frequencies = decoder::rotary_frequencies(lab.model->config());
  check_close(frequencies, lab.expected.tensor("rope.inv_freq"), {0, 1e-6});
  const auto angles = decoder::rotary_angles(frequencies, at::arange(331, at::kLong).unsqueeze(0));
  check_close(at::cat({angles.cos, angles.cos}, -1)[0], lab.expected.tensor("rope.cos"), {1e-4, 0});
  check_close(at::cat({angles.sin, angles.sin}, -1)[0], lab.expected.tensor("rope.sin"), {1e-4, 0});
}

}  // namespace

TEST_CASE("golden checkpoints give the reference's numbers") {
  std::string name;
  SUBCASE("Llama 2") { name = "01_llama2"; }
  SUBCASE("Llama 3.1") { name = "02_llama31"; }
  SUBCASE("Llama 3.2") { name = "03_llama32"; }
  SUBCASE("Qwen2") { name = "04_qwen2"; }
  CAPTURE(name);
  GoldenLlama lab(name);
  check_rotary(lab);
  check_first_layer(lab);
  check_stack(lab, "batch_right");
  check_stack(lab, "long");
  check_cache(lab);
  check_generation(lab);
  check_losses(lab);

  // Of the left-padded batch the reference stores the end only.
  const Tensor hidden = lab.model->hidden_states(lab.inputs("batch_left"));
  lab.check(hidden, "batch_left", "final_norm");
  lab.check(lab.model->logits(hidden), "batch_left", "logits");
}

TEST_CASE("inference kernels give the reference's numbers as well") {
  const at::NoGradGuard no_grad;
  GoldenLlama lab("02_llama31");
  check_first_layer(lab);
  check_stack(lab, "batch_right");
  check_stack(lab, "long");
}

TEST_CASE("a trained Llama tells its story") {
  const auto found = shared_golden("14_stories260k");
  if (!found) return;
  const std::filesystem::path& folder = *found;
  const at::NoGradGuard no_grad;
  decoder::LlamaForCausalLM model = decoder::load_llama(folder);
  const auto given = SafetensorsFile::open(folder / "inputs.safetensors");
  const auto expected = SafetensorsFile::open(folder / "expected.safetensors");
  constexpr Tolerance kTrained{3e-4, 1e-4};

  const Tensor story = given.tensor("story.input_ids");
  const DecoderInputs inputs = model->text_inputs(story, all_real(story));
  const std::vector<Tensor> outputs = model->model->layer_outputs(inputs);
  for (size_t layer = 0; layer < outputs.size(); ++layer) {
    check_close(outputs[layer], expected.tensor("story.layer." + std::to_string(layer) + ".out"),
                kTrained);
  }
  const Tensor logits = model(inputs);
  check_close(logits, expected.tensor("story.logits"), kTrained);
  check_close(decoder::token_losses(logits, story), expected.tensor("story.token_nll"), kTrained);
  const Tensor text = given.tensor("text.input_ids");
  const Tensor text_logits = model(model->text_inputs(text, all_real(text)));
  check_close(decoder::token_losses(text_logits, text), expected.tensor("text.token_nll"),
              kTrained);

  const Json notes = read_json(folder / "case.json");
  std::vector<std::vector<int64_t>> prompts, continuations;
  for (const Json& greedy : notes.at("greedy")) {
    prompts.push_back(greedy.at("input_ids").get<std::vector<int64_t>>());
    continuations.push_back(greedy.at("tokens").get<std::vector<int64_t>>());
  }
  // All prompts in one batch, of different lengths; the first goes on for longest.
  const auto told = decoder::generate(model, padded_inputs(model, prompts, /*left=*/false),
                                      {.max_new_tokens = 256, .sampling = {}, .eos_token_ids = {}});
  for (size_t i = 0; i < prompts.size(); ++i) {
    std::vector<int64_t> tokens = told.tokens[i];
    tokens.resize(continuations[i].size());
    CHECK(tokens == continuations[i]);
  }
}

}  // namespace nvlm::test
