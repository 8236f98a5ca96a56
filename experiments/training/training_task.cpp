#include "experiments/training/training_task.h"

#include <stdexcept>

namespace nvlm::experiments {

std::string BatchRequest::describe() const {
  return "step " + std::to_string(step + 1) + ", batch " + std::to_string(micro) + " (samples " +
         std::to_string(first_sample) + ".." + std::to_string(first_sample + num_samples - 1) + ")";
}

BatchRequest batch_request(const TrainConfig& config, int64_t item) {
  return {
      static_cast<uint64_t>(config.seed), item / config.accumulation, item % config.accumulation,
      item * config.batch_size,           config.batch_size,          config.pass_tokens};
}

Tensor total_loss(const TaskLoss& loss, const Tensor& count) {
  return loss.extra.defined() ? loss.sum + loss.extra * count : loss.sum;
}

std::vector<SampleRange> passes_within(const std::vector<int64_t>& tokens, int64_t pass_tokens) {
  std::vector<SampleRange> passes;
  int64_t used = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(tokens.size()); ++i) {
    const int64_t length = tokens[static_cast<size_t>(i)];
    if (passes.empty() || (pass_tokens > 0 && used + length > pass_tokens)) {
      passes.push_back({i, i});
      used = 0;
    }
    passes.back().last = i + 1;
    used += length;
  }
  return passes;
}

void check_shapes(const TaskLoss& loss) {
  const auto require = [](bool holds, const std::string& what) {
    if (!holds) throw std::invalid_argument("task.loss: " + what);
  };
  const auto is_number = [](const Tensor& value) { return value.defined() && value.numel() == 1; };
  require(is_number(loss.sum), "sum is no single number");
  require(loss.sum.requires_grad(), "sum has no gradient; it reaches no trainable parameter");
  require(is_number(loss.count), "count is no single number");
  require(!loss.extra.defined() || is_number(loss.extra), "extra is no single number");
  for (const auto& [name, value] : loss.metrics) {
    require(is_number(value), "metric '" + name + "' is no single number");
  }
}

}  // namespace nvlm::experiments
