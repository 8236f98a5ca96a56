// First step of an evaluation: run a reader over a task and keep what it says.
#pragma once

#include <cstdint>
#include <filesystem>

#include "eval/readers/task_reader.h"
#include "eval/tasks/task.h"

namespace nvlm::eval {

struct PredictOptions {
  int64_t batch_size = 1;  // images per call of the reader
  int64_t limit = 0;       // only the first so many items; 0: all
  bool show_progress = true;
};

struct PredictSummary {
  int64_t num_items = 0;    // asked for
  int64_t num_resumed = 0;  // of them: already there
  int64_t num_failed = 0;   // of them: recorded with an error, now or before
};

/// Reads every image of `task` that run_dir/predictions.jsonl lacks and appends the result at once,
/// so a killed run continues where it was; a half-written last line is dropped. A failed batch is
/// read again one by one; an image that fails is recorded with the first line of its error and is
/// not tried again. `run_dir` is created. run_dir/predict.json names reader and items.
/// seconds of a batched image: those of its batch over the images in it.
/// throws  std::runtime_error if `run_dir` holds predictions of another reader or other items, or
///         cannot be written; std::invalid_argument for a bad option
PredictSummary predict(const Task& task, const TaskReader& reader,
                       const std::filesystem::path& run_dir, const PredictOptions& options = {});

/// The same with table_task_reader(reader).
PredictSummary predict(const Task& task, TableReader& reader, const std::filesystem::path& run_dir,
                       const PredictOptions& options = {});

}  // namespace nvlm::eval
