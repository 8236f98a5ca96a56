#include "experiments/training/forecast.h"

#include <ATen/Context.h>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <map>
#include <sstream>

#include "common/autocast.h"
#include "common/device.h"
#include "common/peak_memory.h"
#include "experiments/training/freeze_plan.h"
#include "experiments/training/muon.h"
#include "experiments/training/optimizer.h"

namespace nvlm::experiments {
namespace {

constexpr double kFloatBytes = 4;

/// What the libraries of matrix products hold after some steps, measured over runs of D, X and H:
/// in bfloat16 oneDNN's compiled kernels within the bounds of common/kernel_cache.h, in float32
/// MKL's buffers.
constexpr double kHalfKernelBytes = 95e6, kFloatKernelBytes = 40e6;

double kernel_bytes(const TrainConfig& config) {
  const at::Device device = parse_device(config.device);
  if (!device.is_cpu()) return 0;
  const bool is_half = compute_dtype(device, config.dtype) == at::kBFloat16;
  return is_half ? kHalfKernelBytes : kFloatKernelBytes;
}

/// Float32 numbers beside the weights, and of all parameters.
struct ParameterBytes {
  double trained = 0, moments = 0, all = 0;
};

ParameterBytes parameter_bytes(TrainingTask& task, const TrainConfig& config) {
  ParameterBytes bytes;
  for (const ParameterGroup& group : apply_freeze_plan(task.model(), task.freeze_plan())) {
    for (size_t i = 0; i < group.names.size(); ++i) {
      const double size = kFloatBytes * static_cast<double>(group.parameters[i].numel());
      const bool has_one_moment =
          config.muon > 0 && is_hidden_matrix(group.names[i], group.parameters[i]);
      bytes.trained += size;
      bytes.moments += (has_one_moment ? 1 : 2) * size;
    }
  }
  const ParameterCount count = count_all_parameters(task.model());
  bytes.all = kFloatBytes * static_cast<double>(count.trainable + count.frozen);
  return bytes;
}

/// The batches of one kind: how many the run has, and those that are looked at.
struct KindOfBatch {
  int64_t in_run = 0;
  std::vector<BatchRequest> seen;
};

/// By kind, with at most `most` to look at of each. Of a very long run only the beginning counts.
std::map<int64_t, KindOfBatch> kinds_of_batches(const TrainingTask& task, const TrainConfig& config,
                                                int64_t most) {
  constexpr int64_t kMostBatches = 100'000;
  std::map<int64_t, KindOfBatch> kinds;
  const int64_t batches = std::min(config.steps * config.accumulation, kMostBatches);
  for (int64_t item = 0; item < batches; ++item) {
    const BatchRequest request = batch_request(config, item);
    KindOfBatch& kind = kinds[task.kind(request)];
    if (kind.in_run++ < most) kind.seen.push_back(request);
  }
  return kinds;
}

std::string amount(double value, const char* unit) {
  static constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};
  size_t prefix = 0;
  for (; value >= 1000 && prefix + 1 < std::size(kPrefixes); ++prefix) value /= 1000;
  std::ostringstream text;
  text << std::setprecision(3) << value << " " << kPrefixes[prefix] << unit;
  return text.str();
}

std::string duration(double seconds) {
  std::ostringstream text;
  text << std::setprecision(3);
  if (seconds < 120) {
    text << seconds << " s";
  } else if (seconds < 7200) {
    text << seconds / 60 << " min";
  } else {
    text << seconds / 3600 << " h";
  }
  return text.str();
}

/// "205 (3 tiles)": the median tokens of the samples with that many tiles.
std::string tokens_at(const RunForecast& forecast, int64_t tiles) {
  std::vector<int64_t> tokens;
  for (const PassCost::SampleSize& sample : forecast.samples) {
    if (sample.tiles == tiles) tokens.push_back(sample.tokens);
  }
  return std::to_string(tokens[tokens.size() / 2]) + " (" + std::to_string(tiles) +
         (tiles == 1 ? " tile)" : " tiles)");
}

}  // namespace

double RunForecast::disk_bytes(const TrainConfig& config) const {
  const int64_t written =
      config.checkpoint_every > 0
          ? (config.steps + config.checkpoint_every - 1) / config.checkpoint_every
          : 1;
  const int64_t kept = config.keep_last > 0 ? std::min(config.keep_last, written) : written;
  return checkpoint_bytes * static_cast<double>(kept + 1);  // one more while it is written
}

std::optional<RunForecast> forecast(TrainingTask& task, const TrainConfig& config, int64_t most) {
  const ParameterBytes parameters = parameter_bytes(task, config);
  task.recompute_activations(config.recompute);
  RunForecast forecast;
  double flops = 0, batches = 0, largest_pass = 0;
  bool has_several_passes = config.accumulation > 1;
  for (const auto& [name, kind] : kinds_of_batches(task, config, most)) {
    double flops_seen = 0;
    for (const BatchRequest& request : kind.seen) {
      const std::vector<std::any> passes = task.prepare(request);
      has_several_passes = has_several_passes || passes.size() > 1;
      for (const std::any& pass : passes) {
        const std::optional<PassCost> cost = task.cost(pass);
        if (!cost) return std::nullopt;
        flops_seen += cost->flops;
        largest_pass = std::max(largest_pass, cost->bytes);
        forecast.samples.insert(forecast.samples.end(), cost->samples.begin(), cost->samples.end());
      }
    }
    flops += flops_seen / static_cast<double>(kind.seen.size()) * static_cast<double>(kind.in_run);
    batches += static_cast<double>(kind.in_run);
  }
  std::sort(forecast.samples.begin(), forecast.samples.end(),
            [](const auto& a, const auto& b) { return a.tokens < b.tokens; });
  forecast.step_flops = flops / batches * static_cast<double>(config.accumulation);
  // After an earlier pass of the step, all gradients stand beside the next one.
  const double gradients_before = has_several_passes ? parameters.trained : 0;
  forecast.peak_bytes = static_cast<double>(memory_bytes()) + kernel_bytes(config) +
                        parameters.moments +
                        std::max(largest_pass + gradients_before, parameters.trained);
  forecast.checkpoint_bytes =
      parameters.trained + parameters.moments + parameters.all / 2;  // the model as bfloat16
  return forecast;
}

int64_t try_steps(TrainingTask& task, const TrainConfig& config, RunForecast& forecast) {
  const at::Device device = parse_device(config.device);
  const at::ScalarType dtype = compute_dtype(device, config.dtype);
  Optimizer optimizer(apply_freeze_plan(task.model(), task.freeze_plan()),
                      {{config.beta1, config.beta2, config.eps, config.weight_decay}, config.muon});
  task.model().train();
  for (int64_t step = 0; step < 2; ++step) {
    std::vector<std::any> passes;
    for (int64_t micro = 0; micro < config.accumulation; ++micro) {
      for (std::any& pass : task.prepare(batch_request(config, micro))) {
        passes.push_back(std::move(pass));
      }
    }
    const auto start = std::chrono::steady_clock::now();
    Tensor tokens = at::zeros({}, at::TensorOptions(at::kFloat).device(device));
    for (const std::any& pass : passes) {
      const TaskLoss loss = [&] {
        const AutocastScope autocast(device.type(), dtype);
        return task.loss(pass);
      }();
      const Tensor count = loss.count.to(device, at::kFloat);
      tokens = tokens + count;
      total_loss(loss, count).backward();
    }
    optimizer.step(config.lr, tokens, config.clip_norm);
    optimizer.zero_grad();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    forecast.trial_seconds = seconds.count();
  }
  return peak_memory_bytes();
}

std::string describe(const RunForecast& forecast, const TrainConfig& config) {
  std::vector<int64_t> tiles;
  for (const PassCost::SampleSize& sample : forecast.samples) tiles.push_back(sample.tiles);
  std::sort(tiles.begin(), tiles.end());
  if (tiles.back() > 0) std::erase(tiles, 0);  // text says nothing of tiles
  std::ostringstream text;
  text << "  of the first " << forecast.samples.size() << " samples, each kind counted by itself\n"
       << "  tokens per sample: " << forecast.samples.front().tokens << " to "
       << forecast.samples.back().tokens << "; at the least, median and most tiles "
       << tokens_at(forecast, tiles.front()) << ", " << tokens_at(forecast, tiles[tiles.size() / 2])
       << ", " << tokens_at(forecast, tiles.back()) << "\n"
       << "  products: " << amount(forecast.step_flops, "FLOP") << " a step, "
       << amount(forecast.total_flops(config), "FLOP") << " in all\n"
       << "  peak memory: " << amount(forecast.peak_bytes, "B") << "\n"
       << "  disk: " << amount(forecast.checkpoint_bytes, "B") << " a checkpoint, "
       << amount(forecast.disk_bytes(config), "B") << " at most\n";
  if (forecast.trial_seconds > 0) {
    text << "  time: " << duration(forecast.trial_seconds) << " a step (tried), "
         << duration(forecast.trial_seconds * static_cast<double>(config.steps)) << " in all\n";
  }
  return text.str();
}

}  // namespace nvlm::experiments
