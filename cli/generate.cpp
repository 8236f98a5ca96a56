// nvlm generate: any prompt on any checkpoint, streamed.
#include <iostream>

#include "cli/answer_options.h"
#include "cli/reader_options.h"
#include "common/error.h"
#include "decoder/tokenizer/stream_decoder.h"
#include "vision/image.h"

namespace nvlm::cli {
namespace {

/// A text model that goes on from a prompt: blanks between the two are the prompt's business.
void push_prompt(decoder::StreamDecoder& stream, const decoder::Tokenizer& tokenizer,
                 const std::string& prompt) {
  for (const int64_t id : tokenizer.encode(prompt, /*add_special_tokens=*/true)) stream.push(id);
}

}  // namespace

int run_generate(const Arguments& arguments) {
  AnswerOptions answer_options;
  ReaderOptions reader_options;
  std::string prompt;
  VerbOptions options(
      "generate [--image FILE...] [options]",
      "Answers a prompt with any supported checkpoint and prints the answer as it comes: a chat "
      "model in its chat format, a base model by going on from the prompt.",
      "nvlm generate --image docs/samples/staff.png --model h");
  options.add()("prompt,p", po::value(&prompt),
                "the question, or the text to go on from; <image> marks where a picture stands; "
                "with a picture it may be left out: it is then transcribed as a table");
  add_answer_options(options, answer_options);
  options.add()("complete", po::bool_switch(&reader_options.reader.model.complete),
                "text models: go on from the prompt, without the chat format");
  add_reader_options(options, reader_options);
  if (!options.parse(arguments)) return 0;

  if (prompt.empty() && answer_options.images.empty()) {
    throw UsageError("generate: expected --prompt, --image or both");
  }
  if (prompt.empty()) prompt = eval::kTableQuestion;
  require_utf8("--prompt", prompt);
  reader_options.reader.sampling = sampling_of(answer_options);
  eval::ModelReader reader = load_reader(reader_options);
  const chat::ChatModel& model = reader.model();
  require_sight(model, reader_options.model, answer_options);
  const chat::Conversation conversation = first_turn(answer_options, prompt);

  decoder::StreamDecoder stream(model.tokenizer());
  if (!model.has_turns()) push_prompt(stream, model.tokenizer(), prompt);
  reader.answer(std::span(&conversation, 1),
                [&](int64_t, int64_t token) { std::cout << stream.push(token) << std::flush; });
  std::cout << stream.flush() << "\n";
  return 0;
}

}  // namespace nvlm::cli
