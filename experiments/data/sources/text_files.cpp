#include "experiments/data/sources/text_files.h"

#include <algorithm>
#include <sstream>

#include "common/atomic_file.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

bool is_text_file(const fs::directory_entry& entry) {
  return entry.is_regular_file() && entry.path().extension() == ".txt";
}

std::string trimmed_document(const std::string& text) {
  constexpr const char* kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

bool has_text_files(const fs::path& folder) {
  return std::any_of(fs::directory_iterator(folder), fs::directory_iterator(), is_text_file);
}

TextFiles::TextFiles(const fs::path& path) : path_(path) {
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path)) {
      if (is_text_file(entry)) documents_.push_back({entry.path().string(), entry.path(), ""});
    }
    std::sort(documents_.begin(), documents_.end(),
              [](const Document& a, const Document& b) { return a.file < b.file; });
    return;
  }
  std::istringstream lines(read_text_file(path));
  std::string block;
  int64_t number = 0, first_line = 1;
  const auto finish = [&] {
    const std::string text = trimmed_document(block);
    if (!text.empty()) {
      documents_.push_back({path.string() + ":" + std::to_string(first_line), path, text});
    }
    block.clear();
  };
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (trimmed_document(line).empty()) {
      finish();
    } else {
      if (block.empty()) first_line = number;
      block += line + "\n";
    }
  }
  finish();
}

std::string TextFiles::wanted() const {
  return "documents: *.txt files of a folder, or blocks of lines of a file";
}

Sample TextFiles::read(int64_t index, Random& /*random*/) const {
  const Document& document = documents_[static_cast<size_t>(index)];
  Sample sample;
  sample.name = document.name;
  sample.file = document.file;
  try {
    sample.answer =
        document.text.empty() ? trimmed_document(read_text_file(document.file)) : document.text;
  } catch (const std::runtime_error& error) {
    throw BadSample(sample.name, sample.file, error.what());
  }
  sample.conversation = {{.text = kTextQuestion}};
  return sample;
}

}  // namespace nvlm::experiments
