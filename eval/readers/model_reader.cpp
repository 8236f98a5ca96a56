#include "eval/readers/model_reader.h"

#include "decoder/tokenizer/stream_decoder.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/merge_marks.h"

namespace nvlm::eval {
namespace {

/// Token by token, so that it is known which of them wrote what.
Answer write_answer(const decoder::Tokenizer& tokenizer, const std::vector<int64_t>& tokens,
                    const std::vector<float>& log_probabilities) {
  Answer answer;
  decoder::StreamDecoder stream(tokenizer);
  for (size_t i = 0; i < tokens.size(); ++i) {
    const size_t begin = answer.text.size();
    answer.text += stream.push(tokens[i]);
    answer.tokens.push_back({{begin, answer.text.size()}, log_probabilities[i]});
  }
  answer.text += stream.flush();
  return answer;
}

}  // namespace

ModelReader::ModelReader(const std::filesystem::path& folder, const ModelReaderOptions& options)
    : options_(options),
      name_(std::filesystem::weakly_canonical(folder).filename().string()),
      model_(chat::load_chat_model(folder, options.model)) {
  if (options_.structure == AnswerStructure::kRectangular) {
    vocabulary_.emplace(model_->tokenizer(), model_->stop_tokens());
    name_ += " rectangular";
  }
}

std::vector<TableReading> ModelReader::read(std::span<const Tensor> images) {
  std::vector<TableReading> readings;
  const std::vector<std::string> questions(images.size(), options_.question);
  for (Answer& answer : answer(images, questions)) {
    TableReading& reading = readings.emplace_back(std::move(answer.text));
    if (auto gfm = parse_gfm_table(reading.text)) {
      set_cell_probabilities(*gfm, answer.tokens);
      reading.text = answer_with_spans(std::move(reading.text));
      reading.table = merge_marked_cells(std::move(gfm->table));
    }
  }
  return readings;
}

std::vector<Answer> ModelReader::answer(std::span<const Tensor> images,
                                        std::span<const std::string> questions,
                                        const decoder::TokenCallback& on_token) {
  std::vector<chat::Conversation> conversations;
  for (size_t i = 0; i < images.size(); ++i) {
    conversations.push_back({{{.text = questions[i], .num_images = 1}}, {images[i]}});
  }
  return answer(conversations, on_token);
}

std::vector<Answer> ModelReader::answer(std::span<const chat::Conversation> conversations,
                                        const decoder::TokenCallback& on_token) {
  decoder::GenerationConfig generation;
  generation.max_new_tokens = options_.max_new_tokens;
  generation.sampling = options_.sampling;
  std::optional<TableConstraint> constraint;
  if (vocabulary_) {
    constraint.emplace(*vocabulary_, static_cast<int64_t>(conversations.size()),
                       options_.max_new_tokens);
  }
  const decoder::Generation result = model_->answer(
      conversations, generation,
      [&](int64_t sample, int64_t token) {
        if (constraint) constraint->push(sample, token);
        if (on_token) on_token(sample, token);
      },
      constraint ? constraint->hook() : decoder::LogitsHook{});
  std::vector<Answer> answers;
  for (size_t i = 0; i < result.tokens.size(); ++i) {
    answers.push_back(
        write_answer(model_->tokenizer(), result.tokens[i], result.log_probabilities[i]));
  }
  return answers;
}

}  // namespace nvlm::eval
