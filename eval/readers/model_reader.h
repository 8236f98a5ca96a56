// A model that sees as a reader of tables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chat/chat_model.h"
#include "eval/readers/cell_probabilities.h"
#include "eval/readers/table_constraint.h"
#include "eval/readers/table_reader.h"

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
  chat::ChatModelOptions model;
  int64_t max_new_tokens = 1024;
  std::string question = kTableQuestion;
  AnswerStructure structure = AnswerStructure::kFree;
  decoder::SamplingConfig sampling = {};  // greedy
};

/// Reads pictures; cells carry the probability that the model gave them.
class ModelReader : public TableReader {
 public:
  /// Loads a folder of any family. throws as chat::load_chat_model
  explicit ModelReader(const std::filesystem::path& folder, const ModelReaderOptions& options = {});

  std::vector<TableReading> read(std::span<const Tensor> images) override;
  /// The folder's name; "nvlm-d rectangular" if its answers are constrained.
  std::string name() const override { return name_; }

  /// The answers as they come.
  /// on_token  may be empty; called as tokens come
  std::vector<Answer> answer(std::span<const chat::Conversation> conversations,
                             const decoder::TokenCallback& on_token = {});
  /// The same for a question about each picture (uint8 [height, width, 3]).
  std::vector<Answer> answer(std::span<const Tensor> images, std::span<const std::string> questions,
                             const decoder::TokenCallback& on_token = {});

  const chat::ChatModel& model() const { return *model_; }

 private:
  ModelReaderOptions options_;
  std::string name_;
  std::unique_ptr<chat::ChatModel> model_;
  std::optional<TableVocabulary> vocabulary_;  // for kRectangular
};

}  // namespace nvlm::eval
