// What the user asked `extract` for, checked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/reader_options.h"
#include "eval/extraction/document_output.h"
#include "eval/extraction/page_ranges.h"

namespace nvlm::cli {

enum class ReaderChoice { kModel, kRules, kAuto };

struct ExtractSettings {
  std::vector<std::string> inputs;  // files and folders as named
  std::filesystem::path out;        // empty: stdout
  std::filesystem::path overlay;    // empty: none
  bool overwrite = false;
  eval::DocumentOutputOptions output;
  ReaderChoice reader = ReaderChoice::kRules;
  bool verify = false;
  bool find_tables = true;
  std::optional<double> fail_under;
  double dpi = 150.0;
  std::vector<eval::PageRange> pages;  // empty: all
  ReaderOptions reader_options;
  std::string fingerprint;  // all that the result depends on, but the input and the reader's name
};

/// Nothing if --help was asked for (it has then been printed).
/// throws  UsageError naming the option, what was expected and what was found
std::optional<ExtractSettings> parse_extract_settings(const Arguments& arguments);

}  // namespace nvlm::cli
