// Options of every verb that reads pictures with a model.
#pragma once

#include <filesystem>
#include <string>

#include "cli/options.h"
#include "eval/readers/model_reader.h"

namespace nvlm::cli {

struct ReaderOptions {
  std::string model;
  eval::ModelReaderOptions reader;
  std::string structure = "free";
  int threads = 0;
};

/// Declares --model, --max-tiles, --max-new-tokens, --device, --dtype, --structure and --threads;
/// `values` must outlive the parsing.
void add_reader_options(VerbOptions& options, ReaderOptions& values);

/// Sets the threads and loads the model. throws UsageError naming the option that is out of range
eval::ModelReader load_reader(const ReaderOptions& values);

}  // namespace nvlm::cli
