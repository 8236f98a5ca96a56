#include "eval/runner/predict.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/json.h"
#include "common/progress.h"
#include "eval/runner/prediction_file.h"
#include "vision/image.h"

namespace nvlm::eval {
namespace {

using PredictClock = std::chrono::steady_clock;

double seconds_since(PredictClock::time_point start) {
  return std::chrono::duration<double>(PredictClock::now() - start).count();
}

/// Makes sure that run_dir belongs to this reader and these items.
void claim_run_dir(const Task& task, const TaskReader& reader,
                   const std::filesystem::path& run_dir) {
  std::filesystem::create_directories(run_dir);
  const std::filesystem::path path = run_dir / "predict.json";
  const Json claim{{"task", task.name()},
                   {"reader", reader.name},
                   {"num_items", task.num_items()},
                   {"item_list_sha256", task.item_list_sha256}};
  if (!std::filesystem::exists(path)) {
    write_json(path, claim);
    return;
  }
  const Json existing = read_json(path);
  for (const char* key : {"reader", "item_list_sha256"}) {
    const auto before = json_get<std::string>(existing, key, path.string());
    const auto now = claim.at(key).get<std::string>();
    if (before == now) continue;
    throw std::runtime_error("predict: " + run_dir.string() + " holds predictions with " + key +
                             " '" + before + "', this run has '" + now +
                             "'; choose another folder");
  }
}

/// The first line only: what follows in some errors is a stack trace.
std::string first_line(const char* what) {
  const std::string text(what);
  const std::string line = text.substr(0, text.find('\n'));
  return line.empty() ? "error without a message" : line;
}

void keep_reading(TableReading reading, Prediction& prediction) {
  prediction.text = std::move(reading.text);
  if (!reading.table) return;
  bool any = false;
  for (const TableCell& cell : reading.table->cells) {
    prediction.cell_probabilities.push_back(cell.probability);
    any = any || cell.probability.has_value();
  }
  if (!any) prediction.cell_probabilities.clear();
}

Prediction read_one(const TaskReader& reader, const TaskItem& item) {
  Prediction prediction;
  prediction.id = item.id;
  const auto start = PredictClock::now();
  try {
    const std::vector<Tensor> image{vision::read_image(item.image)};
    keep_reading(std::move(reader.read(image, {&item.question, 1}).at(0)), prediction);
  } catch (const std::exception& error) {
    prediction.error = first_line(error.what());
  }
  prediction.seconds = seconds_since(start);
  return prediction;
}

/// The predictions of a batch, or nothing if it failed.
std::optional<std::vector<Prediction>> read_together(const TaskReader& reader,
                                                     std::span<const TaskItem* const> batch) {
  std::vector<TableReading> readings;
  const auto start = PredictClock::now();
  try {
    std::vector<Tensor> images;
    std::vector<std::string> questions;
    for (const TaskItem* item : batch) {
      images.push_back(vision::read_image(item->image));
      questions.push_back(item->question);
    }
    readings = reader.read(images, questions);
  } catch (const std::exception&) {
    return std::nullopt;  // read one by one, which finds the image that fails
  }
  const double seconds = seconds_since(start) / static_cast<double>(batch.size());
  if (readings.size() != batch.size()) {
    throw std::logic_error("predict: reader '" + reader.name + "' gave " +
                           std::to_string(readings.size()) + " readings for a batch of " +
                           std::to_string(batch.size()));
  }
  std::vector<Prediction> predictions;
  for (size_t i = 0; i < batch.size(); ++i) {
    Prediction& prediction = predictions.emplace_back();
    prediction.id = batch[i]->id;
    prediction.seconds = seconds;
    keep_reading(std::move(readings[i]), prediction);
  }
  return predictions;
}

std::vector<Prediction> read_items(const TaskReader& reader,
                                   std::span<const TaskItem* const> batch) {
  if (batch.size() > 1) {
    if (auto together = read_together(reader, batch)) return *std::move(together);
  }
  std::vector<Prediction> predictions;
  for (const TaskItem* item : batch) predictions.push_back(read_one(reader, *item));
  return predictions;
}

}  // namespace

PredictSummary predict(const Task& task, const TaskReader& reader,
                       const std::filesystem::path& run_dir, const PredictOptions& options) {
  if (options.batch_size < 1 || options.limit < 0) {
    throw std::invalid_argument("predict: batch size " + std::to_string(options.batch_size) +
                                " and limit " + std::to_string(options.limit) +
                                ", expected at least 1 and 0");
  }
  claim_run_dir(task, reader, run_dir);
  const std::filesystem::path path = run_dir / "predictions.jsonl";
  PredictionFile existing;
  if (std::filesystem::exists(path)) existing = read_predictions(path, task);
  PredictionWriter writer(path, existing);

  const size_t num_items = options.limit == 0
                               ? task.num_items()
                               : std::min(task.num_items(), static_cast<size_t>(options.limit));
  std::set<std::string> done;
  std::set<std::string> failed;
  for (const Prediction& prediction : existing.predictions) {
    done.insert(prediction.id);
    if (!prediction.error.empty()) failed.insert(prediction.id);
  }
  PredictSummary summary;
  summary.num_items = static_cast<int64_t>(num_items);
  std::vector<const TaskItem*> waiting;
  for (size_t i = 0; i < num_items; ++i) {
    const TaskItem& item = task.item(i);
    if (!done.contains(item.id)) waiting.push_back(&item);
    if (failed.contains(item.id)) ++summary.num_failed;
  }
  summary.num_resumed = summary.num_items - static_cast<int64_t>(waiting.size());

  std::optional<Progress> progress;
  if (options.show_progress) progress.emplace("predict", summary.num_items, summary.num_resumed);
  int64_t num_done = summary.num_resumed;
  for (size_t first = 0; first < waiting.size();) {
    const size_t count = std::min(static_cast<size_t>(options.batch_size), waiting.size() - first);
    for (const Prediction& prediction :
         read_items(reader, std::span(waiting).subspan(first, count))) {
      writer.append(prediction);
      if (!prediction.error.empty()) ++summary.num_failed;
      ++num_done;
    }
    first += count;
    if (progress) progress->update(num_done, std::to_string(summary.num_failed) + " failed");
  }
  if (progress) progress->finish();
  return summary;
}

PredictSummary predict(const Task& task, TableReader& reader, const std::filesystem::path& run_dir,
                       const PredictOptions& options) {
  return predict(task, table_task_reader(reader), run_dir, options);
}

}  // namespace nvlm::eval
