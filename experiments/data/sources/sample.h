// What a model is taught with: pictures, a question, the answer that is wanted.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/tensor.h"
#include "decoder/chat_template.h"
#include "experiments/data/glyph.h"

namespace nvlm::experiments {

/// What the decoder is asked for in samples of text alone.
inline constexpr const char* kTextQuestion = "Write about tables.";

struct Sample {
  std::string name;            // for errors: "tables/images/7.png", "chat.json: entry 3, answer 2"
  std::filesystem::path file;  // what a ledger hashes; empty where a sample has no file
  std::vector<Tensor> images;  // uint8 [height, width, 3] each
  std::vector<decoder::Message> conversation;  // up to the question; "<image>" as in Message
  std::string answer;                          // UTF-8
  std::vector<Glyph> glyphs;  // of the only picture and the answer; the renderer alone has them
};

/// A sample that cannot be used, and why. Whoever draws samples takes the next one instead and
/// reports this one.
struct BadSample : std::runtime_error {
  BadSample(std::string sample_name, std::filesystem::path sample_file, const std::string& reason)
      : std::runtime_error(reason), name(std::move(sample_name)), file(std::move(sample_file)) {}

  std::string name;            // as Sample's
  std::filesystem::path file;  // as Sample's
};

}  // namespace nvlm::experiments
