#include "experiments/training/metrics_lines.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <map>
#include <optional>
#include <sstream>

#include "common/device.h"
#include "common/peak_memory.h"
#include "experiments/training/compute_peak.h"

namespace nvlm::experiments {

using LineClock = std::chrono::steady_clock;

MetricsLines::MetricsLines(const TrainingTask& task, const TrainConfig& config,
                           const WorkerGroup& workers, c10::Device device)
    : task_(task), config_(config), workers_(workers), device_(device), start_(LineClock::now()) {}

void MetricsLines::begin(int64_t step) {
  steps_before_ = step;
  restart_clock();
}

void MetricsLines::restart_clock() { start_ = LineClock::now(); }

Json MetricsLines::collect(StepLedger& ledger, TrainCounters& counters, double waited, double lr) {
  const double seconds =
      std::max(std::chrono::duration<double>(LineClock::now() - start_).count(), 1e-9);
  const int64_t samples =
      (counters.step - steps_before_) * config_.accumulation * config_.batch_size;
  const double wait_share = (waited - waited_) / seconds;
  Json line = ledger.take_line(workers_);
  const auto tokens = line.at("tokens").get<int64_t>();
  const auto passes = line.at("batches").get<double>();
  line.erase("batches");
  counters.tokens += tokens;
  counters.seconds += seconds;
  counters.loss = line.at("loss").get<double>();
  const double tokens_per_second = static_cast<double>(tokens) / seconds;
  line["step"] = counters.step;
  line["samples"] = counters.samples;
  line["tokens"] = counters.tokens;
  line["lr"] = lr;
  line["tokens_per_second"] = tokens_per_second;
  line["samples_per_second"] = static_cast<double>(samples) / seconds;
  line["data_wait_share"] = wait_share;
  line["seconds"] = counters.seconds;
  line["peak_memory_mb"] = static_cast<double>(peak_memory_bytes()) / (1 << 20);
  if (line.contains("train_flops")) {  // whole numbers, so that the sum is the same when resumed
    counters.flops += std::round(line.at("train_flops").get<double>() * passes);
    line["flops"] = counters.flops;
  }
  add_utilisation(line, passes / seconds);
  add_totals(line);

  std::ostringstream note;
  note << std::setprecision(4) << "loss " << counters.loss << ", lr " << lr << ", "
       << std::llround(tokens_per_second) << " tokens/s, waiting for data "
       << std::llround(100 * wait_share) << "%";
  note_ = note.str();
  steps_before_ = counters.step;
  waited_ = waited;
  return line;
}

/// Collective: the task's totals, added up over the workers.
void MetricsLines::add_totals(Json& line) const {
  std::map<std::string, int64_t> sums;
  for (const std::string& text : workers_.gather(Json(task_.totals()).dump())) {
    const Json totals = Json::parse(text);
    for (const auto& [name, total] : totals.items()) sums[name] += total.get<int64_t>();
  }
  for (const auto& [name, total] : sums) line[name] = total;
}

/// mfu: the model's FLOP/s as a share of the peak of all workers' devices.
void MetricsLines::add_utilisation(Json& line, double passes_per_second) const {
  if (!workers_.is_first() || !line.contains("train_flops")) return;
  const std::optional<double> peak = compute_peak(device_, compute_dtype(device_, config_.dtype));
  if (!peak) return;
  const double peak_of_all = *peak * static_cast<double>(workers_.size());
  line["peak_flops"] = peak_of_all;
  line["mfu"] = line.at("train_flops").get<double>() * passes_per_second / peak_of_all;
}

}  // namespace nvlm::experiments
