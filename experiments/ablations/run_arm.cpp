#include "experiments/ablations/run_arm.h"

#include <chrono>
#include <sstream>

#include "common/device.h"
#include "common/error.h"
#include "common/hash.h"
#include "common/json.h"
#include "experiments/ablations/evaluate.h"
#include "experiments/ablations/fusion_run.h"
#include "experiments/ablations/preset.h"
#include "experiments/ablations/stored_suite.h"
#include "experiments/tasks/gate_values.h"
#include "experiments/training/trainer.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

/// Which of the suite's runs `folder` is.
RunSummary identify(const Suite& suite, const std::string& run) {
  for (const SuiteArm& arm : suite.arms) {
    for (const int64_t seed : suite.seeds) {
      RunSummary summary;
      summary.suite = suite.suite;
      summary.matching = arm.matching;
      summary.arm = arm.arm;
      summary.seed = seed;
      if (run_name(summary) == suite.suite + "/" + run) return summary;
    }
  }
  throw UsageError("'" + run + "' is no run of the suite " + suite.suite);
}

std::string data_name(const MixtureConfig& mixture) {
  std::ostringstream name;
  name << "rendered tables: tiny " << mixture.tiny << ", easy " << mixture.easy << ", medium "
       << mixture.medium << ", hard " << mixture.hard << "; text " << mixture.text_only
       << "; wrong cells " << mixture.corrupted_cells;
  return name.str();
}

}  // namespace

RunStatus run_arm(const fs::path& suite_folder, const std::string& run) {
  const Suite suite = read_suite(suite_folder);
  RunSummary summary = identify(suite, run);
  const fs::path folder = suite_folder / run;
  if (is_complete_run(folder)) return RunStatus::kComplete;

  ExperimentConfig config;
  make_schema(config).parse_file(folder / "config.ini");
  set_threads(static_cast<int>(config.train.threads));
  const std::unique_ptr<FusionTask> task = make_fusion_task(config);
  const TrainResult trained = train(*task, config.train, folder, /*resume=*/true);
  if (trained.status == TrainStatus::kInterrupted) return RunStatus::kInterrupted;

  const AblationPreset preset = ablation_preset(suite.preset);
  const EvaluationRequest request{suite_recipe(suite.suite).held_out, config.data, preset.num_items,
                                  preset.max_new_tokens};
  const auto start = std::chrono::steady_clock::now();
  const std::vector<ItemRow> rows = evaluate_items(*task, request);
  summary.answer = measure_answer_cost(*task, request);
  summary.eval_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  summary.revision = suite.revision;
  summary.items_hash = item_list_hash(rows);
  summary.config_hash = sha256_file(folder / "config.ini");
  summary.weights_hash = sha256_file(trained.checkpoint / "model.safetensors");
  summary.data = data_name(config.data);
  summary.steps = trained.step;
  summary.samples = trained.step * config.train.batch_size * config.train.accumulation;
  summary.train_flops = trained.flops;
  summary.train_seconds = trained.seconds;
  const ParameterCount parameters = count_all_parameters(task->model());
  summary.trainable_parameters = parameters.trainable;
  summary.total_parameters = parameters.trainable + parameters.frozen;
  for (const auto& [gate, value] : gate_values(task->model())) {
    summary.gates[gate] = value.item<double>();
  }
  summary.headline_metric = suite.metric;
  summary.headline_mean = mean_metric(rows, suite.metric);
  write_run(folder, summary, rows);
  return RunStatus::kComplete;
}

}  // namespace nvlm::experiments
