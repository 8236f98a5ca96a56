// A multimodal model as a reader of tables.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "decoder/tokenizer/tokenizer.h"
#include "eval/readers/table_reader.h"
#include "fusion/multimodal_model.h"

namespace nvlm::eval {

/// What a lab model is asked for a table; it is trained with these words.
inline constexpr const char* kTableQuestion = "Transcribe the table as markdown.";

struct ModelReaderOptions {
  int64_t max_tiles = 0;  // regular tiles per picture; 0 = as the model's preprocessor says
  int64_t max_new_tokens = 1024;
  std::string device = "cpu";
  std::string dtype = "float32";  // auto, float32, bfloat16
  std::string question = kTableQuestion;
};

/// Reads pictures with greedy decoding.
class ModelReader : public TableReader {
 public:
  /// Loads a folder in the Hugging Face layout. throws std::runtime_error naming file and problem
  explicit ModelReader(const std::filesystem::path& folder, const ModelReaderOptions& options = {});

  std::vector<TableReading> read(std::span<const Tensor> images) override;
  std::string name() const override { return name_; }

  /// The answers as they come.
  /// images    uint8 [height, width, 3] each
  /// on_token  may be empty; called as tokens come
  std::vector<std::string> answer(std::span<const Tensor> images,
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
};

}  // namespace nvlm::eval
