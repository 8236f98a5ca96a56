// A multimodal model as a reader of tables.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "decoder/tokenizer/tokenizer.h"
#include "eval/readers/cell_probabilities.h"
#include "eval/readers/table_constraint.h"
#include "eval/readers/table_reader.h"
#include "fusion/multimodal_model.h"

namespace nvlm::eval {

/// What a lab model is asked for a table; it is trained with these words.
inline constexpr const char* kTableQuestion = "Transcribe the table as markdown.";

/// What a model may write.
enum class AnswerStructure {
  kFree,        // anything
  kRectangular  // nothing but a Markdown table whose rows have as many cells as its header
};

/// A model's answer with its tokens in order; the one that ended it has an empty source.
struct Answer {
  std::string text;
  std::vector<AnswerToken> tokens;
};

struct ModelReaderOptions {
  int64_t max_tiles = 0;  // regular tiles per picture; 0 = as the model's preprocessor says
  int64_t max_new_tokens = 1024;
  std::string device = "cpu";
  std::string dtype = "float32";  // auto, float32, bfloat16
  std::string question = kTableQuestion;
  AnswerStructure structure = AnswerStructure::kFree;
  decoder::SamplingConfig sampling = {};  // greedy
};

/// Reads pictures; cells carry the probability that the model gave them.
class ModelReader : public TableReader {
 public:
  /// Loads a folder in the Hugging Face layout. throws std::runtime_error naming file and problem
  explicit ModelReader(const std::filesystem::path& folder, const ModelReaderOptions& options = {});

  std::vector<TableReading> read(std::span<const Tensor> images) override;
  /// The folder's name; "nvlm-d rectangular" if its answers are constrained.
  std::string name() const override { return name_; }

  /// The answers as they come.
  /// images    uint8 [height, width, 3] each
  /// on_token  may be empty; called as tokens come
  std::vector<Answer> answer(std::span<const Tensor> images,
                             const decoder::TokenCallback& on_token = {});
  /// The same for a question per picture, in place of the one of the options.
  std::vector<Answer> answer(std::span<const Tensor> images, std::span<const std::string> questions,
                             const decoder::TokenCallback& on_token = {});

  const decoder::Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  ModelReaderOptions options_;
  std::string name_;
  at::Device device_;
  fusion::MultimodalModel model_{nullptr};
  decoder::Tokenizer tokenizer_;
  fusion::PromptBuilder prompts_;
  vision::PreprocessorConfig preprocessor_;
  std::vector<int64_t> stop_tokens_;
  std::optional<TableVocabulary> vocabulary_;  // for kRectangular
};

}  // namespace nvlm::eval
