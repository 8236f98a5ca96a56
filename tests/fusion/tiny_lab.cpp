#include "tests/fusion/tiny_lab.h"

#include <ATen/Context.h>

#include "decoder/tokenizer/bpe_trainer.h"
#include "fusion/gated_cross_attention_stack.h"
#include "tests/support/temp_dir.h"

namespace nvlm::test {

using fusion::FusionConfig;
using fusion::PromptBatch;
using fusion::Variant;

std::filesystem::path tiny_tokenizer_json() {
  static const TempDir folder;
  const std::filesystem::path path = folder / "tokenizer.json";
  if (!std::filesystem::exists(path)) {
    decoder::BpeTrainerConfig config;
    config.vocab_size = 256 + 40 + 4;
    config.special_tokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_pad|>"};
    decoder::train_bpe({"user\nassistant\n<Image><tile_1><tile_2></Image>\nwhat is written here",
                        "<tile_1><tile_global_thumbnail> what is here and here"},
                       config, path);
  }
  return path;
}

const decoder::Tokenizer& tiny_tokenizer() {
  static const auto tokenizer = decoder::Tokenizer::from_file(tiny_tokenizer_json());
  return tokenizer;
}

vision::VisionConfig tiny_encoder() {
  vision::VisionConfig config;
  config.hidden = 8;
  config.layers = 1;
  config.heads = 2;
  config.ffn_hidden = 12;
  config.image_size = 56;
  return config;
}

vision::ImageLayout grid(int64_t columns, int64_t rows, bool has_thumbnail) {
  vision::ImageLayout layout;
  layout.columns = columns;
  layout.rows = rows;
  layout.has_thumbnail = has_thumbnail;
  return layout;
}

TinyLab::TinyLab(uint64_t seed) : random(seed) {
  CAPTURE(seed);
  at::manual_seed(seed);
  config.kv_heads = random.integer(1, 2);
  config.heads = config.kv_heads * random.integer(1, 2);
  config.head_dim = 2 * random.integer(2, 4);
  config.hidden = 4 * random.integer(2, 5);
  config.ffn_hidden = random.integer(9, 20);
  config.layers = random.integer(2, 3);
  config.vocab = tiny_tokenizer().vocab_size();
  tile_tokens = random.integer(1, 4);
  tile_width = random.integer(5, 12);
  decoder = decoder::LlamaForCausalLM(config);

  FusionConfig options;
  options.variant = Variant::kHybrid;
  options.projector = {tile_width, random.integer(4, 9), config.hidden, random.chance(0.5)};
  options.cross_attention.attention = {config.hidden, config.heads, config.kv_heads,
                                       config.head_dim};
  options.cross_attention.ffn_hidden = config.ffn_hidden;
  options.depths = fusion::evenly_spaced_depths(config.layers, random.integer(1, 2));
  fusion_ = make_fusion(options);
  options.variant = Variant::kDecoder;
  inline_fusion_ = make_fusion(options);

  const at::NoGradGuard no_grad;
  decoder->to(at::kDouble);
  fusion_->to(at::kDouble);
  inline_fusion_->to(at::kDouble);
  for (Tensor& weight : decoder->parameters()) weight.uniform_(-0.7, 0.7);
  for (Tensor& weight : fusion_->parameters()) weight.uniform_(-0.7, 0.7);
  const auto shared = fusion_->named_parameters();
  for (auto& weight : inline_fusion_->named_parameters())
    weight.value().copy_(shared[weight.key()]);
  set_gates(0.7);
}

Question TinyLab::random_question() {
  static const std::vector<std::string> kWords = {"what", "is", "written", "here", "x1", "| a |"};
  const auto words = [&] {
    std::string text;
    for (int64_t i = random.integer(1, 4); i > 0; --i) text += random.pick(kWords) + " ";
    return text;
  };
  Question question;
  for (int64_t i = random.integer(1, 2); i > 0; --i) {
    question.layouts.push_back(grid(random.integer(1, 3), random.integer(1, 2)));
    question.text += words() + "<image>\n";
  }
  question.text += words();
  if (random.chance(0.5)) question.answer = words();
  return question;
}

PromptBatch TinyLab::batch(const fusion::Routing& routing, const std::vector<Question>& questions,
                           fusion::TileTagKind tags) const {
  const fusion::PromptBuilder builder(tiny_tokenizer(), {routing, tags, tile_tokens, {}});
  std::vector<fusion::Prompt> prompts;
  for (const Question& question : questions) {
    prompts.push_back(builder.build(question.text, question.layouts, question.answer));
  }
  return fusion::collate(std::move(prompts), tiny_tokenizer().id("<|endoftext|>"));
}

vision::TileFeatures TinyLab::features(const PromptBatch& prompts) {
  vision::TileFeatures features;
  features.tiles = prompts.tile_refs();
  if (features.num_tiles() > 0) {
    features.tokens = at::randn({features.num_tiles(), tile_tokens, tile_width}, at::kDouble);
  }
  return features;
}

void TinyLab::set_gates(double value) {
  const at::NoGradGuard no_grad;
  for (auto& weight : fusion_->named_parameters()) {
    if (weight.key().ends_with("_gate")) weight.value().fill_(value);
  }
}

decoder::DecoderInputs TinyLab::inputs(const PromptBatch& prompts,
                                       const vision::TileFeatures& features) {
  return fusion_->forward(prompts, features,
                          [this](const Tensor& ids) { return decoder->embed(ids); });
}

Tensor TinyLab::logits(const PromptBatch& prompts, const vision::TileFeatures& features) {
  return decoder->forward(inputs(prompts, features));
}

Tensor TinyLab::text_logits(const PromptBatch& prompts) {
  return decoder->forward(decoder->text_inputs(prompts.ids, prompts.attention_mask));
}

}  // namespace nvlm::test
