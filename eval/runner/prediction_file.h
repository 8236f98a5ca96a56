// predictions.jsonl: one object per line with id, prediction, seconds and, after a failure, error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "eval/tasks/task.h"

namespace nvlm::eval {

struct Prediction {
  std::string id;
  std::string text;      // the member "prediction": of a table, Markdown or HTML
  double seconds = 0.0;  // time that the reader took
  std::string error;     // why there is no prediction; empty if there is one
  /// Of the cells of a table in their order, where the reader knows them; the member
  /// "cell_probabilities", null for a cell without.
  std::vector<std::optional<double>> cell_probabilities = {};
};

/// What stands in a predictions file.
struct PredictionFile {
  std::vector<Prediction> predictions;
  /// Bytes up to and including the last complete line.
  size_t complete_bytes = 0;
  /// The last line has no end and is no complete object: writing it was interrupted.
  bool has_half_line = false;
  /// The last complete line lacks its newline.
  bool lacks_newline = false;
};

/// Reads and checks a predictions file. Members other than those above are ignored.
/// throws  std::runtime_error with path and line: an id that `task` lacks or that was used before,
/// a
///         line other than a half-written last one that is no such object
PredictionFile read_predictions(const std::filesystem::path& path, const Task& task);

/// Appends predictions, one line each, flushed at once so that a killed run loses at most one.
class PredictionWriter {
 public:
  /// Continues `path` after `existing`, dropping a half-written last line; creates it if absent.
  PredictionWriter(const std::filesystem::path& path, const PredictionFile& existing);
  /// Text that is not UTF-8 is written with U+FFFD in place of the bad bytes.
  /// throws  std::runtime_error if the line could not be written
  void append(const Prediction& prediction);

 private:
  std::filesystem::path path_;
  std::ofstream stream_;
};

}  // namespace nvlm::eval
