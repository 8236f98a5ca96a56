#include "experiments/recipes/lab_tokenizer.h"

#include <string>
#include <vector>

#include "common/random.h"
#include "decoder/tokenizer/bpe_trainer.h"
#include "eval/readers/model_reader.h"
#include "experiments/data/text_corpus.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kDocuments = 4000;
constexpr uint64_t kCorpusSeed = 20240917;  // fixed: the tokenizer is part of the lab models

/// Whole pieces of table syntax and of the prompt; anything else is cut into single characters.
constexpr const char* kPattern =
    R"( \|\n\|(?: --- \|)+\n\| | \|\n\| | \| |\| | \||user\n|assistant\n|)"
    R"(Transcribe the table as markdown\.|[\s\S])";

}  // namespace

void train_lab_tokenizer(const std::filesystem::path& tokenizer_json) {
  std::vector<std::string> texts;
  texts.reserve(kDocuments + 2 * kDocuments / 10);
  for (int64_t i = 0; i < kDocuments; ++i) {
    Random random(kCorpusSeed, static_cast<uint64_t>(i));
    texts.push_back(corpus_document(random));
  }
  // The prompt's words and the widest delimiter rows, often enough to become tokens.
  for (int i = 0; i < kDocuments / 10; ++i) {
    texts.emplace_back("user\nassistant\n");
    texts.back() += eval::kTableQuestion;
    for (int columns = 1; columns <= 12; ++columns) {
      std::string text = "x |\n|";
      for (int c = 0; c < columns; ++c) text += " --- |";
      text += "\n| x";
      texts.push_back(text);
    }
  }
  decoder::BpeTrainerConfig config;
  config.vocab_size = 512;
  config.pattern = kPattern;
  config.special_tokens = {"<|endoftext|>",          "<|im_start|>", "<|im_end|>",
                           "<|vision_pad|>",         "<Image>",      "</Image>",
                           "<tile_global_thumbnail>"};
  for (int tile = 1; tile <= 12; ++tile) {
    config.special_tokens.push_back("<tile_" + std::to_string(tile) + ">");
  }
  decoder::train_bpe(texts, config, tokenizer_json);
}

}  // namespace nvlm::experiments
