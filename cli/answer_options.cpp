#include "cli/answer_options.h"

#include <stdexcept>

#include "common/error.h"
#include "decoder/sampling.h"
#include "decoder/tokenizer/utf8.h"
#include "vision/image.h"

namespace nvlm::cli {

void add_answer_options(VerbOptions& options, AnswerOptions& values) {
  decoder::SamplingConfig& sampling = values.sampling;
  options.add()("image,i", po::value(&values.images)->composing(), "a picture; may be repeated")(
      "system", po::value(&values.system)->default_value(""),
      "what the system says first, in place of the chat format's own")(
      "temperature", po::value(&sampling.temperature)->default_value(sampling.temperature),
      "0 = the likeliest token, always")("top-k",
                                         po::value(&sampling.top_k)->default_value(sampling.top_k),
                                         "draw among the so many likeliest tokens; 0 = all")(
      "top-p", po::value(&sampling.top_p)->default_value(sampling.top_p),
      "draw among the likeliest tokens that together reach this probability")(
      "seed", po::value(&sampling.seed)->default_value(sampling.seed), "of the draws");
}

decoder::SamplingConfig sampling_of(const AnswerOptions& values) {
  try {
    decoder::validate(values.sampling);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  return values.sampling;
}

chat::Conversation first_turn(const AnswerOptions& values, const std::string& question) {
  chat::Conversation conversation;
  if (!values.system.empty()) {
    conversation.messages.push_back({decoder::Role::kSystem, values.system});
  }
  for (const std::string& path : values.images) {
    conversation.images.push_back(vision::read_image(path));
  }
  conversation.messages.push_back(
      {decoder::Role::kUser, question, static_cast<int64_t>(values.images.size())});
  return conversation;
}

void require_sight(const chat::ChatModel& model, const std::string& model_name,
                   const AnswerOptions& values) {
  if (values.images.empty() || model.sees()) return;
  throw std::runtime_error("--image " + values.images[0] + ": '" + model_name +
                           "' is a text model and cannot see pictures");
}

void require_utf8(const std::string& what, const std::string& text) {
  const size_t valid = decoder::valid_utf8_length(text);
  if (valid == text.size()) return;
  throw std::runtime_error(what + " is not UTF-8: byte " + std::to_string(valid + 1) +
                           " belongs to no character");
}

}  // namespace nvlm::cli
