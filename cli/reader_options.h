// Options of every verb that reads pictures with a model.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "cli/options.h"
#include "eval/readers/model_reader.h"

namespace nvlm::cli {

struct ReaderOptions {
  std::string model;
  eval::ModelReaderOptions reader;
  std::string structure = "free";
  std::string device;  // empty: not given, which means the CPU
  std::string device_map = "none";
  std::string quantize = "none";
  int threads = 0;
};

/// Of --quantize, for --help.
inline constexpr const char* kQuantizeHelp =
    "none; int8 or int4: the decoder's linear maps take so many bits, for faster decoding on the "
    "processor";

/// Declares --model, --max-tiles, --max-new-tokens, --device, --device-map, --dtype, --quantize,
/// --structure and --threads; `values` must outlive the parsing.
void add_reader_options(VerbOptions& options, ReaderOptions& values);

/// What --quantize asks for. throws  UsageError for an unknown name, or if `device` is no processor
Quantization parse_quantize_option(const std::string& name, const std::string& device);

/// throws  UsageError naming the option that is out of range, whether or not a model is loaded
void check_reader_options(const ReaderOptions& values);

/// What --model means where tables are read: "tesseract-rules" is the classical baseline, "auto" it
/// and D, of which the better is kept for each table, and anything else as for load_reader. throws
/// as load_reader; std::runtime_error if Tesseract lacks English
std::unique_ptr<eval::TableReader> load_table_reader(const ReaderOptions& values);

/// Sets the threads and loads the model. throws UsageError naming the option that is out of range
eval::ModelReader load_reader(const ReaderOptions& values);

}  // namespace nvlm::cli
