#include "experiments/recipes/lab_tokenizer.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/random.h"
#include "decoder/tokenizer/bpe_trainer.h"
#include "eval/readers/model_reader.h"
#include "experiments/data/text_corpus.h"
#include "fusion/prompt_tokens.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kDocuments = 4000;
constexpr int64_t kMaxTiles = 12;           // whose tags are tokens
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
  for (const auto kind : {fusion::TileTagKind::k1d, fusion::TileTagKind::k2dGrid}) {
    for (const std::string& token : fusion::prompt_tokens("nvlm_lab", kind, kMaxTiles)) {
      if (std::ranges::find(config.special_tokens, token) == config.special_tokens.end()) {
        config.special_tokens.push_back(token);
      }
    }
  }
  decoder::train_bpe(texts, config, tokenizer_json);
}

}  // namespace nvlm::experiments
