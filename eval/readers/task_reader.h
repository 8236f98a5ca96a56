// What answers the questions of any task, in the form that the runner calls.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "eval/readers/model_reader.h"
#include "eval/readers/table_reader.h"

namespace nvlm::eval {

struct TaskReader {
  std::string name;  // as TableReader::name
  /// One reading per picture; a task other than tables needs the text alone.
  /// images     uint8 [height, width, 3] each
  /// questions  one per picture; empty where the reader knows what to do
  std::function<std::vector<TableReading>(std::span<const Tensor> images,
                                          std::span<const std::string> questions)>
      read;
};

/// Reads tables, whatever the question. `reader` must outlive the result.
TaskReader table_task_reader(TableReader& reader);

/// Answers the questions. `reader` must outlive the result.
TaskReader question_task_reader(ModelReader& reader);

}  // namespace nvlm::eval
