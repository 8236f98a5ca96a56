// Options of the verbs that answer what a person asks: generate and chat.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chat/chat_model.h"
#include "cli/options.h"

namespace nvlm::cli {

struct AnswerOptions {
  std::vector<std::string> images;  // paths
  std::string system;               // empty: what the chat format says by default
  decoder::SamplingConfig sampling;
};

/// Declares --image, --system, --temperature, --top-k, --top-p and --seed; `values` must outlive
/// the parsing.
void add_answer_options(VerbOptions& options, AnswerOptions& values);

/// throws  UsageError naming the option that is out of range
decoder::SamplingConfig sampling_of(const AnswerOptions& values);

/// A conversation that begins with the system's words and this question about the pictures.
/// throws  std::runtime_error if a picture cannot be read
chat::Conversation first_turn(const AnswerOptions& values, const std::string& question);

/// throws  std::runtime_error if pictures are shown to a model that cannot see
void require_sight(const chat::ChatModel& model, const std::string& model_name,
                   const AnswerOptions& values);

/// throws  std::runtime_error naming what was given and where it stops being UTF-8
void require_utf8(const std::string& what, const std::string& text);

}  // namespace nvlm::cli
