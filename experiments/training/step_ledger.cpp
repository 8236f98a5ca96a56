#include "experiments/training/step_ledger.h"

#include <cmath>
#include <stdexcept>
#include <utility>

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

void StepLedger::add_update(int64_t step, const GradientNorms& norms) {
  BatchRequest request;
  request.step = step;
  pending_.push_back({Figure::Kind::kNorm, "grad_norm", request, norms.total});
  for (const auto& [module, norm] : norms.modules) {
    pending_.push_back({Figure::Kind::kNorm, "grad_norm." + module, request, norm});
  }
}

void StepLedger::drain() {
  if (pending_.empty()) return;
  std::vector<Figure> figures;
  figures.swap(pending_);
  // What lies on the host is read there: bringing it to the device would wait for the device, too.
  std::vector<Tensor> on_device;
  for (const Figure& figure : figures) {
    if (!figure.value.is_cpu()) on_device.push_back(figure.value.to(at::kDouble).reshape({}));
  }
  Tensor fetched;  // [on_device], float64
  if (!on_device.empty()) fetched = at::stack(on_device).cpu();
  int64_t next = 0;
  for (const Figure& figure : figures) {
    take(figure, figure.value.is_cpu() ? figure.value.item<double>()
                                       : fetched.const_data_ptr<double>()[next++]);
  }
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
      sums_.tokens += value;
      sums_.batches += 1;
      break;
    case Figure::Kind::kSum:
      require(finite, "loss is " + std::to_string(value) + ", expected a finite number");
      sums_.loss += value;
      break;
    case Figure::Kind::kExtra:
      require(finite, "extra loss is " + std::to_string(value) + ", expected a finite number");
      sums_.batches_with_extra += 1;
      sums_.extra += value * batch_tokens_;
      break;
    case Figure::Kind::kNorm:
      require(finite, "gradient norm is " + std::to_string(value) + ", expected a finite number");
      [[fallthrough]];
    case Figure::Kind::kMetric:
      sums_.means[figure.name].first += value;
      sums_.means[figure.name].second += 1;
      break;
  }
}

Json StepLedger::to_json(const Sums& sums) {
  return {{"loss", sums.loss},     {"extra", sums.extra},
          {"tokens", sums.tokens}, {"batches", sums.batches},
          {"means", sums.means},   {"batches_with_extra", sums.batches_with_extra}};
}

void StepLedger::add(Sums& sums, const Json& others) {
  sums.loss += others.at("loss").get<double>();
  sums.extra += others.at("extra").get<double>();
  sums.tokens += others.at("tokens").get<double>();
  sums.batches += others.at("batches").get<int64_t>();
  sums.batches_with_extra += others.at("batches_with_extra").get<int64_t>();
  for (const auto& [name, mean] : others.at("means").items()) {
    sums.means[name].first += mean.at(0).get<double>();
    sums.means[name].second += mean.at(1).get<int64_t>();
  }
}

Json StepLedger::take_line(const WorkerGroup& workers) {
  Sums sums = std::exchange(sums_, {});
  if (workers.size() > 1) {
    // Workers may have met different metrics, so sums travel with their names. As binary: a metric
    // that is no finite number has no place in JSON's text.
    const std::vector<uint8_t> packed = Json::to_cbor(to_json(sums));
    sums = {};
    for (const std::string& text : workers.gather({packed.begin(), packed.end()})) {
      add(sums, Json::from_cbor(text));
    }
  }
  Json line = Json::object();
  if (sums.tokens > 0) line["loss"] = sums.loss / sums.tokens;
  if (sums.batches_with_extra > 0) line["extra"] = sums.extra / sums.tokens;
  for (const auto& [name, mean] : sums.means) {
    line[name] = mean.first / static_cast<double>(mean.second);
  }
  line["tokens"] = std::llround(sums.tokens);
  line["batches"] = sums.batches;
  return line;
}

}  // namespace nvlm::experiments
