#include "experiments/training/step_ledger.h"

#include <cmath>
#include <stdexcept>

namespace nvlm::experiments {

void StepLedger::add_batch(const BatchRequest& request, const TaskLoss& loss) {
  using Kind = Figure::Kind;
  pending_.push_back({Kind::kCount, "", request, loss.count.detach()});  // before what it weighs
  pending_.push_back({Kind::kSum, "", request, loss.sum.detach()});
  if (loss.extra.defined()) pending_.push_back({Kind::kExtra, "", request, loss.extra.detach()});
  for (const auto& [name, value] : loss.metrics) {
    pending_.push_back({Kind::kMetric, name, request, value.detach()});
  }
}

void StepLedger::add_update(int64_t step, const Tensor& norm) {
  BatchRequest request;
  request.step = step;
  pending_.push_back({Figure::Kind::kNorm, "", request, norm});
}

void StepLedger::drain() {
  if (pending_.empty()) return;
  std::vector<Figure> figures;
  figures.swap(pending_);
  std::vector<Tensor> values;
  values.reserve(figures.size());
  // Counts may lie on the host; gathering where the losses are keeps it at one transfer.
  at::Device device = at::kCPU;
  for (const Figure& figure : figures) {
    if (!figure.value.is_cpu()) device = figure.value.device();
  }
  for (const Figure& figure : figures) {
    values.push_back(figure.value.to(device, at::kDouble).reshape({}));
  }
  const Tensor on_host = at::stack(values).cpu();  // [figures], float64
  for (size_t i = 0; i < figures.size(); ++i) take(figures[i], on_host.const_data_ptr<double>()[i]);
}

void StepLedger::take(const Figure& figure, double value) {
  const auto require = [&](bool holds, const std::string& what) {
    if (holds) return;
    if (figure.kind != Figure::Kind::kNorm) {
      throw BadBatch(figure.request, "training: " + figure.request.describe() + ": " + what);
    }
    throw std::runtime_error("training: step " + std::to_string(figure.request.step + 1) + ": " +
                             what);
  };
  const bool finite = std::isfinite(value);
  switch (figure.kind) {
    case Figure::Kind::kCount:
      require(finite && value >= 0, "count of supervised tokens is " + std::to_string(value));
      require(value > 0, "no supervised token, so there is nothing to learn");
      batch_tokens_ = value;
      window_tokens_ += value;
      tokens_ += std::llround(value);
      break;
    case Figure::Kind::kSum:
      require(finite, "loss is " + std::to_string(value) + ", expected a finite number");
      loss_sum_ += value;
      break;
    case Figure::Kind::kExtra:
      require(finite, "extra loss is " + std::to_string(value) + ", expected a finite number");
      has_extra_ = true;
      extra_sum_ += value * batch_tokens_;
      break;
    case Figure::Kind::kNorm:
      require(finite, "gradient norm is " + std::to_string(value) + ", expected a finite number");
      norm_.sum += value;
      norm_.count += 1;
      break;
    case Figure::Kind::kMetric:
      metrics_[figure.name].sum += value;
      metrics_[figure.name].count += 1;
      break;
  }
}

Json StepLedger::take_line() {
  const auto mean = [](const Mean& m) { return m.sum / static_cast<double>(m.count); };
  Json line = Json::object();
  if (window_tokens_ > 0) line["loss"] = loss_sum_ / window_tokens_;
  if (has_extra_) line["extra"] = extra_sum_ / window_tokens_;
  if (norm_.count > 0) line["grad_norm"] = mean(norm_);
  for (const auto& [name, metric] : metrics_) line[name] = mean(metric);
  loss_sum_ = extra_sum_ = window_tokens_ = 0;
  has_extra_ = false;
  norm_ = {};
  metrics_.clear();
  return line;
}

}  // namespace nvlm::experiments
