#include "experiments/ablations/step_cost.h"

#include <chrono>

#include "common/autocast.h"
#include "common/device.h"
#include "experiments/ablations/fusion_run.h"
#include "experiments/training/freeze_plan.h"

namespace nvlm::experiments {
StepCost measure_step_cost(const ExperimentConfig& config, int64_t batches) {
  const std::unique_ptr<FusionTask> task = make_fusion_task(config);
  apply_freeze_plan(task->model(), task->freeze_plan());
  task->model().train();
  const at::Device device = parse_device(config.train.device);
  StepCost cost;
  const ParameterCount parameters = count_all_parameters(task->model());
  cost.trainable_parameters = parameters.trainable;
  cost.total_parameters = parameters.trainable + parameters.frozen;
  for (int64_t step = 0; step < batches; ++step) {
    const auto passes = task->prepare(batch_request(config.train, step));
    for (const std::any& pass : passes) {
      cost.flops += task->step_flops(pass) / static_cast<double>(batches);
    }
    if (step > 1) continue;  // two tell the time
    const auto start = std::chrono::steady_clock::now();
    for (const std::any& pass : passes) {
      const TaskLoss loss = [&] {
        const AutocastScope autocast(device.type(), compute_dtype(device, config.train.dtype));
        return task->loss(pass);
      }();
      total_loss(loss, loss.count.to(device, at::kFloat)).backward();
    }
    cost.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return cost;
}

int64_t trainable_parameters(const ExperimentConfig& config) {
  const std::unique_ptr<FusionTask> task = make_fusion_task(config);
  apply_freeze_plan(task->model(), task->freeze_plan());
  return count_all_parameters(task->model()).trainable;
}

}  // namespace nvlm::experiments
