#include "experiments/ablations/fusion_run.h"

#include <stdexcept>

namespace nvlm::experiments {

std::unique_ptr<FusionTask> make_fusion_task(const ExperimentConfig& config) {
  std::unique_ptr<TrainingTask> task = make_task(config, /*run_dir=*/{});
  auto* fusion_task = dynamic_cast<FusionTask*>(task.get());
  if (fusion_task == nullptr) {
    throw std::invalid_argument("recipe '" + config.recipe +
                                "' trains no multimodal model, expected a fusion recipe");
  }
  task.release();
  return std::unique_ptr<FusionTask>(fusion_task);
}

}  // namespace nvlm::experiments
