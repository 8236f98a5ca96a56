#include "eval/readers/task_reader.h"

#include <utility>

namespace nvlm::eval {

TaskReader table_task_reader(TableReader& reader) {
  return {reader.name(), [&reader](std::span<const Tensor> images, std::span<const std::string>) {
            return reader.read(images);
          }};
}

TaskReader question_task_reader(ModelReader& reader) {
  return {reader.name(),
          [&reader](std::span<const Tensor> images, std::span<const std::string> questions) {
            std::vector<TableReading> readings;
            for (Answer& answer : reader.answer(images, questions)) {
              readings.push_back({std::move(answer.text), std::nullopt});
            }
            return readings;
          }};
}

}  // namespace nvlm::eval
