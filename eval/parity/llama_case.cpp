// A Llama, Qwen2 or GPT-2 checkpoint: activations, logits, losses, gradients and greedy tokens.
#include <ATen/core/grad_mode.h>

#include <map>
#include <optional>
#include <stdexcept>

#include "decoder/checkpoint.h"
#include "decoder/generation.h"
#include "decoder/gpt2.h"
#include "decoder/language_model_loss.h"
#include "decoder/rotary_embedding.h"
#include "eval/parity/greedy.h"
#include "eval/parity/kinds.h"

namespace nvlm::eval {
namespace {

using decoder::DecoderInputs;
using decoder::LlamaForCausalLM;
using decoder::LlamaLayerImpl;

/// One group of inputs, "batch_right.input_ids" and so on, with what is expected of it.
struct Experiment {
  std::string prefix;  // "batch_right."
  DecoderInputs inputs;
  Tensor real;    // [batch, seq], bool
  Tensor labels;  // [batch, seq], int64
};

void check_ids(const Tensor& ids, int64_t vocab, const std::string& where) {
  const bool is_batch = ids.dim() == 2 && ids.numel() > 0 && ids.scalar_type() == at::kLong;
  if (is_batch && ids.min().item<int64_t>() >= 0 && ids.max().item<int64_t>() < vocab) return;
  throw std::runtime_error(where + ": expected int64 [batch, seq] from 0 to " +
                           std::to_string(vocab - 1));
}

/// The tensor of the experiment, of the shape of its ids; undefined if absent.
Tensor companion(const SafetensorsFile& file, const std::string& name, const Tensor& ids) {
  if (!file.contains(name)) return {};
  Tensor tensor = file.tensor(name);
  if (tensor.sizes() == ids.sizes()) return tensor.to(at::kLong);
  throw std::runtime_error(file.path().string() + ": '" + name +
                           "' has another shape than the input_ids beside it");
}

Experiment read_experiment(LlamaForCausalLM& model, const SafetensorsFile& file,
                           const std::string& prefix) {
  Experiment experiment{prefix, {}, {}, {}};
  const std::string name = prefix + "input_ids";
  const Tensor ids = file.tensor(name);
  check_ids(ids, model->config().vocab, file.path().string() + ": '" + name + "'");
  const Tensor mask = companion(file, prefix + "attention_mask", ids);
  experiment.real = mask.defined() ? mask.to(at::kBool) : at::ones_like(ids, at::kBool);
  experiment.inputs = model->text_inputs(ids, experiment.real);
  const Tensor positions = companion(file, prefix + "position_ids", ids);
  if (positions.defined()) experiment.inputs.position_ids = positions;
  const Tensor labels = companion(file, prefix + "labels", ids);
  experiment.labels = labels.defined() ? labels : ids;
  return experiment;
}

bool is_rotary(LlamaForCausalLM& model) {
  return model->config().positions == decoder::PositionKind::kRotary;
}

/// The parts of one layer, given what enters it.
void compare_layer(LlamaForCausalLM& model, int64_t index, const Tensor& input,
                   const Experiment& experiment, TensorComparison& comparison) {
  const std::string key = experiment.prefix + "layer." + std::to_string(index) + ".";
  bool wanted = false;
  for (const char* part : {"attn_norm", "q_before_rope", "k_before_rope", "v", "attn_out",
                           "mlp_norm", "mlp_out", "ln_1", "c_attn", "ln_2", "mlp_act"}) {
    wanted = wanted || comparison.wants(key + part);
  }
  if (!wanted) return;
  // GPT-2's names for the same things, where the case uses them.
  const auto compare = [&](const char* name, const char* gpt2_name, const Tensor& actual) {
    comparison.compare(key + name, actual, experiment.real.unsqueeze(-1));
    comparison.compare(key + gpt2_name, actual, experiment.real.unsqueeze(-1));
  };
  auto& layer = model->model->layers->at<LlamaLayerImpl>(static_cast<size_t>(index));
  const Tensor normed = layer.input_layernorm(input);
  const Tensor query = layer.self_attn->q_proj(normed), keys = layer.self_attn->k_proj(normed),
               values = layer.self_attn->v_proj(normed);
  const Tensor all = at::cat({query, keys, values}, -1);
  compare("attn_norm", "ln_1", normed);
  const Tensor real = experiment.real.unsqueeze(-1);
  comparison.compare(key + "q_before_rope", query, real);
  comparison.compare(key + "k_before_rope", keys, real);
  comparison.compare(key + "v", values, real);
  comparison.compare(key + "c_attn", all, real);
  std::optional<decoder::RotaryAngles> angles;
  if (is_rotary(model)) {
    angles = decoder::rotary_angles(decoder::rotary_frequencies(model->config()),
                                    experiment.inputs.position_ids);
  }
  const decoder::AttentionContext context{
      .angles = angles,
      .mask = decoder::causal_mask(experiment.real, normed.size(1), nullptr, at::kFloat)};
  const Tensor attended = layer.self_attn(normed, context);
  comparison.compare(key + "attn_out", attended, real);
  const Tensor mlp_normed = layer.post_attention_layernorm(input + attended);
  compare("mlp_norm", "ln_2", mlp_normed);
  if (comparison.wants(key + "mlp_act")) {
    comparison.compare(key + "mlp_act", at::gelu(layer.mlp->up_proj(mlp_normed), "tanh"), real);
  }
  comparison.compare(key + "mlp_out", layer.mlp(mlp_normed), real);
}

void compare_cache(LlamaForCausalLM& model, const Experiment& experiment,
                   TensorComparison& comparison) {
  const std::string prefix = experiment.prefix + "cache.layer.";
  if (!comparison.wants_any(prefix)) return;
  const int64_t batch = experiment.real.size(0), seq = experiment.real.size(1);
  decoder::KvCache cache = model->make_cache(batch, seq);
  model->hidden_states(experiment.inputs, &cache);
  const Tensor real = experiment.real.view({batch, 1, seq, 1});
  for (int64_t layer = 0; layer < model->config().layers; ++layer) {
    const auto [keys, values] = cache.keys_values(layer);
    comparison.compare(prefix + std::to_string(layer) + ".k", keys, real);
    comparison.compare(prefix + std::to_string(layer) + ".v", values, real);
  }
}

void compare_loss(const Tensor& logits, const Experiment& experiment,
                  TensorComparison& comparison) {
  const Tensor& labels = experiment.labels;
  if (labels.size(1) < 2) return;
  const Tensor counted = labels.narrow(1, 1, labels.size(1) - 1).ne(decoder::kIgnoredLabel);
  comparison.compare(experiment.prefix + "token_nll", decoder::token_losses(logits, labels),
                     counted);
  const std::string loss = experiment.prefix + "loss";
  if (!comparison.wants(loss)) return;
  const Tensor mean = decoder::masked_cross_entropy(logits, labels).mean();
  comparison.compare(loss, comparison.expected(loss).numel() == 1
                               ? mean.view_as(comparison.expected(loss))
                               : mean);
}

void compare_forward(LlamaForCausalLM& model, const Experiment& experiment,
                     TensorComparison& comparison) {
  const Tensor real = experiment.real.unsqueeze(-1);
  const Tensor embedded = model->model->first_layer_input(experiment.inputs);
  comparison.compare(experiment.prefix + "embed", embedded, real);
  if (comparison.wants_any(experiment.prefix + "layer.")) {
    const std::vector<Tensor> outputs = model->model->layer_outputs(experiment.inputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Tensor& input = i == 0 ? embedded : outputs[i - 1];
      compare_layer(model, static_cast<int64_t>(i), input, experiment, comparison);
      comparison.compare(experiment.prefix + "layer." + std::to_string(i) + ".out", outputs[i],
                         real);
    }
  }
  compare_cache(model, experiment, comparison);
  bool wanted = false;
  for (const char* name : {"final_norm", "logits", "token_nll", "loss"}) {
    wanted = wanted || comparison.wants(experiment.prefix + name);
  }
  if (!wanted) return;
  const Tensor hidden = model->hidden_states(experiment.inputs);
  comparison.compare(experiment.prefix + "final_norm", hidden, real);
  const Tensor logits = model->logits(hidden);
  comparison.compare(experiment.prefix + "logits", logits, real);
  compare_loss(logits, experiment, comparison);
}

std::vector<int64_t> continuation(LlamaForCausalLM& model, const std::vector<int64_t>& prompt,
                                  size_t count, std::vector<int64_t> stops,
                                  const std::string& where) {
  const Tensor ids = at::tensor(prompt, at::kLong).unsqueeze(0);
  check_ids(ids, model->config().vocab, where);
  decoder::GenerationConfig config;
  config.max_new_tokens = static_cast<int64_t>(count);
  config.eos_token_ids = std::move(stops);
  return decoder::generate(model, model->text_inputs(ids, at::ones_like(ids, at::kBool)), config)
      .tokens[0];
}

/// `greedy` of case.json: a list of prompts and continuations, or one that a stop token ends.
void compare_noted_greedy(LlamaForCausalLM& model, const CaseFolder& folder, ParityReport& report) {
  using Ids = std::vector<int64_t>;
  const Json greedy = json_get_or<Json>(folder.about(), "greedy", Json(), folder.about_path());
  RowComparison tokens("case.json greedy tokens");
  if (greedy.is_array()) {
    for (size_t i = 0; i < greedy.size(); ++i) {
      const std::string place = "greedy[" + std::to_string(i) + "]";
      const std::string where = folder.about_path() + ": " + place;
      const auto expected = json_get<Ids>(greedy[i], "tokens", where);
      tokens.ids(place,
                 continuation(model, json_get<Ids>(greedy[i], "input_ids", where), expected.size(),
                              {}, where),
                 expected);
    }
  } else if (greedy.is_object() && greedy.contains("with_eos")) {
    const std::string where = folder.about_path() + ": greedy.with_eos";
    const Json& stopped = greedy["with_eos"];
    const auto expected = json_get<Ids>(stopped, "tokens", where);
    const auto prompt = json_get<Ids>(greedy, "prompt", folder.about_path() + ": greedy");
    tokens.ids("greedy.with_eos",
               continuation(model, prompt, expected.size() + 1,
                            {json_get<int64_t>(stopped, "eos_token_id", where)}, where),
               expected);
  }
  tokens.finish(report);
}

/// Gradients under the names that the family's checkpoints use; 0 where there is none.
std::map<std::string, Tensor> stored_gradients(LlamaForCausalLM& model) {
  std::map<std::string, Tensor> gradients;
  for (const auto& parameter : model->named_parameters()) {
    const Tensor& gradient = parameter.value().grad();
    gradients[parameter.key()] = gradient.defined() ? gradient : at::zeros_like(parameter.value());
  }
  if (!decoder::is_gpt2(model->config())) return gradients;
  return decoder::gpt2_state_dict(gradients, model->config());
}

/// "<experiment>_gradient_norms" of case.json: of the loss, by parameter.
void compare_gradients(LlamaForCausalLM& model, const SafetensorsFile& inputs,
                       const CaseFolder& folder, ParityReport& report) {
  for (const auto& [key, norms] : folder.about().items()) {
    const size_t end = key.find("_gradient_norms");
    if (end == std::string::npos || !inputs.contains(key.substr(0, end) + ".input_ids")) continue;
    const Experiment experiment = read_experiment(model, inputs, key.substr(0, end) + ".");
    model->zero_grad();
    const Tensor hidden = model->hidden_states(experiment.inputs);
    decoder::language_model_loss(model, hidden, experiment.labels).mean().backward();
    RowComparison comparison("case.json " + key, folder.tolerance());
    for (const auto& [name, gradient] : stored_gradients(model)) {
      if (!norms.is_object() || !norms.contains(name)) continue;
      comparison.number(name, gradient.norm().item<double>(),
                        json_get<double>(norms, name, folder.about_path()));
    }
    comparison.finish(report);
  }
}

void compare_rotary(LlamaForCausalLM& model, TensorComparison& comparison) {
  if (!is_rotary(model)) return;
  const Tensor frequencies = decoder::rotary_frequencies(model->config());
  comparison.compare("rope.inv_freq", frequencies);
  for (const char* name : {"rope.cos", "rope.sin"}) {
    if (!comparison.wants(name)) continue;
    const Tensor expected = comparison.expected(name);
    if (expected.dim() != 2) continue;
    const auto angles =
        decoder::rotary_angles(frequencies, at::arange(expected.size(0), at::kLong).unsqueeze(0));
    const Tensor& half = std::string(name) == "rope.cos" ? angles.cos : angles.sin;
    comparison.compare(name, at::cat({half, half}, -1)[0]);
  }
}

void compare_model(LlamaForCausalLM& model, const SafetensorsFile& inputs,
                   TensorComparison& comparison) {
  const at::NoGradGuard no_grad;
  compare_rotary(model, comparison);
  const std::string suffix = "input_ids";
  for (const auto& [name, entry] : inputs.entries()) {
    if (!name.ends_with(suffix)) continue;
    const Experiment experiment =
        read_experiment(model, inputs, name.substr(0, name.size() - suffix.size()));
    compare_forward(model, experiment, comparison);
    for (const char* tokens : {"tokens", "gen_tokens"}) {
      compare_greedy_tokens(model, experiment.inputs, experiment.prefix + tokens,
                            experiment.prefix + "step_logits", comparison);
    }
  }
}

/// The same model in Meta's layout, in the folder meta/: with expectations of its own, or the same.
void check_meta_layout(const CaseFolder& folder, ParityReport& report) {
  const std::filesystem::path meta = folder.path() / "meta";
  if (!std::filesystem::is_directory(meta)) return;
  const bool own = std::filesystem::exists(meta / "expected.safetensors");
  const SafetensorsFile expected =
      own ? SafetensorsFile::open(meta / "expected.safetensors") : folder.expected();
  const SafetensorsFile inputs =
      own ? SafetensorsFile::open(meta / "inputs.safetensors") : folder.inputs();
  ParityReport meta_report;
  TensorComparison comparison(expected, folder.tolerance(), meta_report);
  LlamaForCausalLM model = decoder::load_llama(meta);
  compare_model(model, inputs, comparison);
  comparison.finish();
  for (ParityRow& row : meta_report.rows) {
    row.name = "meta/" + row.name;
    report.rows.push_back(std::move(row));
  }
  for (const std::string& name : meta_report.not_compared) {
    report.not_compared.push_back("meta/" + name);
  }
}

}  // namespace

void check_llama(const CaseFolder& folder, ParityReport& report) {
  const SafetensorsFile inputs = folder.inputs(), expected = folder.expected();
  TensorComparison comparison(expected, folder.tolerance(), report);
  LlamaForCausalLM model = decoder::load_llama(folder.path());
  compare_model(model, inputs, comparison);
  {
    const at::NoGradGuard no_grad;
    compare_noted_greedy(model, folder, report);
  }
  compare_gradients(model, inputs, folder, report);
  comparison.finish();
  check_meta_layout(folder, report);
}

}  // namespace nvlm::eval
