#include "eval/runner/prediction_file.h"

#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "common/atomic_file.h"
#include "common/json.h"
#include "eval/text/lines.h"

namespace nvlm::eval {
namespace {

Prediction parse_prediction(std::string_view line, const std::string& where) {
  const Json entry = parse_json(line, where);
  Prediction prediction;
  prediction.id = json_get<std::string>(entry, "id", where);
  prediction.error = json_get_or(entry, "error", "", where);
  prediction.text = prediction.error.empty() ? json_get<std::string>(entry, "prediction", where)
                                             : json_get_or(entry, "prediction", "", where);
  prediction.seconds = json_get<double>(entry, "seconds", where);
  for (const Json& value : json_get_or<Json>(entry, "cell_probabilities", Json::array(), where)) {
    const bool is_probability =
        value.is_number() && value.get<double>() >= 0.0 && value.get<double>() <= 1.0;
    if (!value.is_null() && !is_probability) {
      throw std::runtime_error(where + ": 'cell_probabilities' holds " + value.dump() +
                               ", expected numbers from 0 to 1 or null");
    }
    prediction.cell_probabilities.push_back(value.is_null() ? std::nullopt
                                                            : std::optional(value.get<double>()));
  }
  if (!std::isfinite(prediction.seconds) || prediction.seconds < 0.0) {
    throw std::runtime_error(where + ": 'seconds' is " + std::to_string(prediction.seconds) +
                             ", expected 0 or more");
  }
  return prediction;
}

}  // namespace

PredictionFile read_predictions(const std::filesystem::path& path, const Task& task) {
  std::set<std::string> known;
  for (size_t i = 0; i < task.num_items(); ++i) known.insert(task.item(i).id);
  std::set<std::string> seen;
  PredictionFile file;
  const std::string content = read_text_file(path);
  for (const FileLine& line : non_blank_lines(content)) {
    const std::string where = path.string() + ":" + std::to_string(line.number);
    if (!line.terminated && !Json::accept(line.text)) {
      file.has_half_line = true;
      break;
    }
    Prediction prediction = parse_prediction(line.text, where);
    if (!known.contains(prediction.id)) {
      throw std::runtime_error(where + ": the id '" + prediction.id + "' is not among the " +
                               std::to_string(known.size()) + " items of " + task.source.string());
    }
    if (!seen.insert(prediction.id).second) {
      throw std::runtime_error(where + ": the id '" + prediction.id + "' was predicted before");
    }
    file.predictions.push_back(std::move(prediction));
    file.complete_bytes = line.begin + line.text.size() + (line.terminated ? 1 : 0);
    file.lacks_newline = !line.terminated;
  }
  return file;
}

PredictionWriter::PredictionWriter(const std::filesystem::path& path,
                                   const PredictionFile& existing)
    : path_(path) {
  if (existing.has_half_line) std::filesystem::resize_file(path, existing.complete_bytes);
  stream_.open(path, std::ios::binary | std::ios::app);
  if (existing.lacks_newline) stream_ << '\n' << std::flush;
  if (!stream_) throw std::runtime_error("predict: cannot write '" + path_.string() + "'");
}

void PredictionWriter::append(const Prediction& prediction) {
  Json entry{
      {"id", prediction.id}, {"prediction", prediction.text}, {"seconds", prediction.seconds}};
  if (!prediction.error.empty()) entry["error"] = prediction.error;
  if (!prediction.cell_probabilities.empty()) {
    Json& values = entry["cell_probabilities"] = Json::array();
    for (const std::optional<double>& value : prediction.cell_probabilities) {
      values.push_back(value ? Json(*value) : Json());
    }
  }
  stream_ << entry.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n' << std::flush;
  if (!stream_) {
    throw std::runtime_error("predict: cannot write '" + path_.string() + "' (disk full?)");
  }
}

}  // namespace nvlm::eval
