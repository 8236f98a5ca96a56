// The readers that `extract` needs, in one place.
#pragma once

#include <memory>
#include <string>

#include "cli/extract_options.h"
#include "eval/extraction/extract_page.h"
#include "eval/readers/table_reader.h"

namespace nvlm::cli {

/// Owns what PageReaders points to.
struct ExtractReaders {
  std::unique_ptr<eval::TableReader> model, rules;
  eval::WordReader words;

  eval::PageReaders view() const { return {model.get(), rules.get(), words}; }
  /// Names of all, for the record of a run.
  std::string names() const;
};

/// Loads what the settings ask for: the model for --reader model and auto, the rules for rules and
/// auto, Tesseract's words for --verify and auto.
/// throws  UsageError for options out of range; std::runtime_error if something cannot be loaded
ExtractReaders make_readers(const ExtractSettings& settings);

}  // namespace nvlm::cli
