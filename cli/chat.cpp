// nvlm chat: a conversation with a checkpoint, line by line.
#include <unistd.h>

#include <iostream>
#include <stdexcept>

#include "cli/answer_options.h"
#include "cli/reader_options.h"
#include "common/error.h"
#include "common/stop_signal.h"
#include "decoder/tokenizer/stream_decoder.h"
#include "vision/image.h"

namespace nvlm::cli {
namespace {

constexpr const char* kCommands =
    "/image FILE  show a picture with the next line      /reset  forget everything\n"
    "/exit        leave (or end of input)                Ctrl-C  stop the answer\n";

/// Thrown out of a token callback when the person has heard enough.
struct AnswerStopped {};

/// The state of a talk: what was said, and pictures that the next line is about.
class Talk {
 public:
  Talk(eval::ModelReader& reader, const AnswerOptions& options)
      : reader_(reader), options_(options) {
    reset();
  }

  void reset() {
    said_ = {};
    shown_.clear();
    if (!options_.system.empty()) {
      said_.messages.push_back({decoder::Role::kSystem, options_.system});
    }
    for (const std::string& path : options_.images) show(path);
  }

  void show(const std::string& path) {
    if (!reader_.model().sees()) {
      throw std::runtime_error("/image " + path + ": this is a text model and cannot see pictures");
    }
    shown_.push_back(vision::read_image(path));
  }

  /// Answers a line; nothing of it is kept if that fails.
  void say(const std::string& line) {
    require_utf8("the line", line);
    chat::Conversation next = said_;
    next.messages.push_back({decoder::Role::kUser, line, static_cast<int64_t>(shown_.size())});
    next.images.insert(next.images.end(), shown_.begin(), shown_.end());
    next.messages.push_back({decoder::Role::kAssistant, answer(next)});
    said_ = std::move(next);
    shown_.clear();
  }

 private:
  std::string answer(const chat::Conversation& conversation) {
    decoder::StreamDecoder stream(reader_.model().tokenizer());
    std::string text;
    const auto write = [&](const std::string& part) {
      text += part;
      std::cout << part << std::flush;
    };
    try {
      const StopSignal stop;
      reader_.answer(std::span(&conversation, 1), [&](int64_t, int64_t token) {
        if (stop.requested()) throw AnswerStopped();
        write(stream.push(token));
      });
    } catch (const AnswerStopped&) {
      std::cerr << "\n(stopped)";
    }
    write(stream.flush());
    std::cout << std::endl;
    return text;
  }

  eval::ModelReader& reader_;
  const AnswerOptions& options_;
  chat::Conversation said_;
  std::vector<Tensor> shown_;
};

/// The file of "/image FILE"; nothing if the line is no such command.
std::optional<std::string> shown_file(const std::string& line) {
  const std::string command = "/image";
  if (line.rfind(command, 0) != 0) return std::nullopt;
  const size_t begin = line.find_first_not_of(' ', command.size());
  if (begin == std::string::npos) throw std::runtime_error("/image: expected a file");
  if (begin == command.size()) return std::nullopt;  // "/images"
  return line.substr(begin);
}

void obey(Talk& talk, const std::string& line) {
  if (line == "/reset") {
    talk.reset();
  } else if (const auto file = shown_file(line)) {
    talk.show(*file);
  } else if (line[0] == '/') {
    std::cerr << kCommands;
  } else {
    talk.say(line);
  }
}

}  // namespace

int run_chat(const Arguments& arguments) {
  AnswerOptions answer_options;
  ReaderOptions reader_options;
  VerbOptions options(
      "chat [options]",
      std::string("Talks with a chat checkpoint: each line of input is answered.\n") + kCommands,
      "nvlm chat --model path/to/Llama-3.2-1B-Instruct");
  add_answer_options(options, answer_options);
  add_reader_options(options, reader_options);
  if (!options.parse(arguments)) return 0;

  reader_options.reader.sampling = sampling_of(answer_options);
  eval::ModelReader reader = load_reader(reader_options);
  require_sight(reader.model(), reader_options.model, answer_options);
  if (!reader.model().has_turns()) {
    throw std::runtime_error("'" + reader_options.model +
                             "' has no chat template: it is a base model; nvlm generate goes on "
                             "from a text");
  }
  Talk talk(reader, answer_options);
  const bool is_terminal = ::isatty(STDIN_FILENO) != 0;
  if (is_terminal) std::cerr << kCommands;
  bool all_answered = true;
  for (std::string line;;) {
    if (is_terminal) std::cerr << "> " << std::flush;
    if (!std::getline(std::cin, line) || line == "/exit") break;
    if (line.empty()) continue;
    try {
      obey(talk, line);
    } catch (const std::exception& error) {  // of this line alone; the talk goes on
      std::cerr << "nvlm: " << error.what() << "\n";
      all_answered = false;
    }
  }
  return all_answered || is_terminal ? 0 : 1;
}

}  // namespace nvlm::cli
