// Our half of the comparison with Python (check_exports.py): makes models with random weights,
// exports them, and writes down what our code computes.
//
//   nvlm_interop lab FOLDER TOKENIZER          a random NVLM-D unlike the shipped one
//   nvlm_interop text FAMILY FOLDER            a random llama, qwen2 or gpt2, by save_llama
//   nvlm_interop export LAYOUT MODEL FOLDER    internvl, internvl-hf or nvlm-d
//   nvlm_interop results MODEL FILE            inputs and results of a multimodal model
//   nvlm_interop text-results MODEL FILE       the same of a text model
#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/safetensors.h"
#include "decoder/checkpoint.h"
#include "fusion/internvl_export.h"
#include "fusion/multimodal_checkpoint.h"
#include "vision/preprocessor.h"

namespace nvlm {
namespace {

constexpr int64_t kNewTokens = 12;

/// Far from their start, so that a tensor that goes astray shows.
void scatter_weights(torch::nn::Module& module) {
  for (const auto& weight : module.named_parameters()) {
    const bool is_norm = weight.key().find("norm") != std::string::npos;
    const double spread = weight.value().dim() > 1 ? 0.15 : 0.3;
    Tensor values = at::randn(weight.value().sizes()) * spread;
    if (is_norm && weight.key().ends_with("weight")) values += 1;
    weight.value().set_data(values);
  }
}

/// Qwen2's biases, a tied head, fewer key heads, an RMS-normed encoder with q/k norm, and a
/// projector whose width is no multiple of the number of heads.
void make_lab(const std::filesystem::path& folder, const std::filesystem::path& tokenizer) {
  vision::VisionConfig vision;
  vision.hidden = 24;
  vision.layers = 2;
  vision.heads = 3;
  vision.ffn_hidden = 40;
  vision.image_size = 56;
  vision.norm = vision::NormKind::kRmsNorm;
  vision.qkv_bias = false;
  vision.qk_normalization = true;
  decoder::LlamaConfig text;
  text.hidden = 32;
  text.layers = 3;
  text.heads = 4;
  text.kv_heads = 2;
  text.head_dim = 10;
  text.ffn_hidden = 54;
  text.vocab = decoder::Tokenizer::from_file(tokenizer).vocab_size();
  text.tie_word_embeddings = true;
  text.biases = decoder::BiasKind::kQueryKeyValue;
  text.norm_eps = 1e-6;
  fusion::MultimodalConfig config =
      fusion::lab_model(fusion::Variant::kDecoder, vision, text, /*every=*/2);
  config.preprocessor.tiling.max_tiles = 4;
  fusion::MultimodalModel model(config);
  scatter_weights(*model);
  fusion::save_multimodal(folder, model, tokenizer);
}

decoder::LlamaConfig text_config(const std::string& family) {
  decoder::LlamaConfig config;
  config.hidden = 48;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 12;
  config.ffn_hidden = 80;
  config.vocab = 97;
  config.bos_token_id = 1;
  config.eos_token_ids = {2};
  if (family == "llama") return config;
  if (family == "qwen2") {
    config.biases = decoder::BiasKind::kQueryKeyValue;
    config.rope_theta = 1e6;
    config.tie_word_embeddings = true;
    return config;
  }
  if (family != "gpt2") {
    throw std::invalid_argument("family '" + family + "', expected llama, qwen2 or gpt2");
  }
  config.kv_heads = config.heads;
  config.tie_word_embeddings = true;
  config.norm = decoder::NormKind::kLayer;
  config.feed_forward = decoder::FeedForwardKind::kGelu;
  config.positions = decoder::PositionKind::kLearned;
  config.biases = decoder::BiasKind::kAll;
  return config;
}

void write_results(const std::filesystem::path& folder, const std::filesystem::path& file) {
  fusion::MultimodalModel model = fusion::load_multimodal(folder);
  const auto tokenizer = decoder::Tokenizer::from_file(folder / "tokenizer.json");
  const auto picture = vision::preprocess(
      at::randint(256, {120, 230, 3}, at::TensorOptions(at::kByte)), model->config().preprocessor);
  const fusion::PromptBuilder builder(tokenizer, model->config().prompt());
  const auto prompts =
      fusion::collate({builder.build("Transcribe the table as markdown.", {picture.layout})}, 0);
  const vision::TileFeatures features{model->encode_tiles(picture.pixel_values),
                                      prompts.tile_refs()};
  decoder::GenerationConfig config;
  config.max_new_tokens = kNewTokens;
  config.eos_token_ids = {};
  const auto generated = model->generate(prompts, features, config);
  write_safetensors(
      file, {{"pixel_values", picture.pixel_values},
             {"input_ids", prompts.ids},
             {"slot_id", at::tensor({tokenizer.id(builder.config().format.slot)})},
             {"text_only_ids", at::tensor(builder.build("What is it?", {}).ids)},
             {"logits", model->logits(model->hidden_states(prompts, features)).contiguous()},
             {"tokens", at::tensor(generated.tokens[0])}});
}

void write_text_results(const std::filesystem::path& folder, const std::filesystem::path& file) {
  decoder::LlamaForCausalLM model = decoder::load_llama(folder);
  const Tensor ids = at::randint(model->config().vocab, {2, 19}, at::TensorOptions(at::kLong));
  const Tensor real = at::ones_like(ids, at::kBool);
  write_safetensors(file, {{"input_ids", ids},
                           {"logits", model->forward(model->text_inputs(ids, real)).contiguous()}});
}

void run(const std::vector<std::string>& arguments) {
  const auto is = [&](const char* verb, size_t count) {
    return !arguments.empty() && arguments[0] == verb && arguments.size() == count + 1;
  };
  at::manual_seed(11);
  const at::NoGradGuard no_grad;
  if (is("lab", 2)) return make_lab(arguments[1], arguments[2]);
  if (is("text", 2)) {
    decoder::LlamaForCausalLM model(text_config(arguments[1]));
    scatter_weights(*model);
    return decoder::save_llama(arguments[2], model);
  }
  if (is("export", 3)) {
    const fusion::MultimodalModel model = fusion::load_multimodal(arguments[2]);
    fusion::export_internvl(arguments[3], model,
                            std::filesystem::path(arguments[2]) / "tokenizer.json",
                            fusion::parse_published_layout(arguments[1]));
    return;
  }
  if (is("results", 2)) return write_results(arguments[1], arguments[2]);
  if (is("text-results", 2)) return write_text_results(arguments[1], arguments[2]);
  throw std::invalid_argument(
      "usage: nvlm_interop lab FOLDER TOKENIZER | text FAMILY FOLDER | export LAYOUT MODEL FOLDER "
      "| results MODEL FILE | text-results MODEL FILE");
}

}  // namespace
}  // namespace nvlm

int main(int argc, char** argv) {
  try {
    nvlm::run(std::vector<std::string>(argv + 1, argv + argc));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "nvlm_interop: " << error.what() << "\n";
    return 1;
  }
}
