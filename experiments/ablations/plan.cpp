#include "experiments/ablations/plan.h"

#include <algorithm>

#include "common/manifest.h"
#include "experiments/ablations/held_out.h"
#include "experiments/ablations/matching.h"
#include "experiments/ablations/step_cost.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMeasuredBatches = 48;
constexpr int64_t kWidestProjector = 1 << 15;

void apply_options(ExperimentConfig& config, const ConfigOptions& options) {
  ConfigSchema schema = make_schema(config);
  std::vector<std::string> arguments;
  for (const auto& [field, value] : options) arguments.push_back("--" + field + "=" + value);
  schema.parse_arguments(arguments);
}

ExperimentConfig started_from(ExperimentConfig config, const StartFolders& start) {
  config.init.decoder = start.decoder.string();
  config.init.reader = start.reader.string();
  config.features.cache = start.cache.string();
  return config;
}

/// An arm under one matching while it is planned.
struct ArmPlan {
  ArmRecipe recipe;
  ExperimentConfig config;
  StepCost step;

  int64_t samples() const {
    return config.train.steps * config.train.batch_size * config.train.accumulation;
  }
  double flops() const {
    return static_cast<double>(config.train.steps * config.train.accumulation) * step.flops;
  }
  void set(const std::string& field, const std::string& value) {
    recipe.options[field] = value;
    apply_options(config, {{field, value}});
  }
};

void match_parameters(std::vector<ArmPlan>& arms, const StartFolders& planning) {
  int64_t target = 0;
  for (const ArmPlan& arm : arms) target = std::max(target, arm.step.trainable_parameters);
  for (ArmPlan& arm : arms) {
    if (arm.step.trainable_parameters == target) continue;
    const auto parameters_at = [&](int64_t width) {
      ExperimentConfig config = started_from(arm.config, planning);
      config.model.projector_hidden = width;
      return trainable_parameters(config);
    };
    const int64_t width = width_with_parameters(target, 1, kWidestProjector, parameters_at);
    arm.set("fusion.projector_hidden", std::to_string(width));
    arm.step = measure_step_cost(started_from(arm.config, planning), kMeasuredBatches);
  }
}

void match_flops(std::vector<ArmPlan>& arms) {
  const double budget = arms.front().flops();
  for (ArmPlan& arm : arms) {
    const int64_t steps =
        steps_within(budget, arm.step.flops * static_cast<double>(arm.config.train.accumulation));
    if (steps != arm.config.train.steps) arm.set("train.steps", std::to_string(steps));
  }
}

void match(Matching matching, std::vector<ArmPlan>& arms, const PlanRequest& request) {
  if (matching == Matching::kParameters) match_parameters(arms, request.planning);
  if (matching == Matching::kFlops) match_flops(arms);
  if (request.allow_unmatched) return;
  std::vector<ArmCost> costs;
  for (const ArmPlan& arm : arms) {
    costs.push_back({arm.recipe.name, arm.samples(), arm.step.trainable_parameters, arm.flops()});
  }
  require_matched(matching, costs);
}

Suite describe(const PlanRequest& request, const MixtureConfig& mixture) {
  const SuiteRecipe& recipe = request.suite;
  Suite suite;
  suite.suite = recipe.name;
  suite.preset = request.preset.name;
  suite.question = recipe.question;
  suite.revision = source_revision();
  if (recipe.held_out == HeldOut::kText) {
    suite.metric = "nll";
    suite.smaller_is_better = true;
  } else {
    suite.metric = request.preset.max_new_tokens > 0 ? "teds" : "token_accuracy";
  }
  suite.seeds = request.preset.seeds;
  suite.num_items = request.preset.num_items;
  suite.items_hash =
      item_list_hash(held_out_rows(recipe.held_out, mixture, request.preset.num_items));
  for (const Matching matching : recipe.matchings) {
    for (const auto& [baseline, arm] : recipe.comparisons) {
      suite.comparisons.push_back({name(matching), baseline, arm});
    }
  }
  return suite;
}

}  // namespace

ExperimentConfig arm_config(const SuiteRecipe& suite, const AblationPreset& preset,
                            const ArmRecipe& arm, int64_t steps) {
  ExperimentConfig config = recipe("fusion-sft");
  apply_options(config, preset.options);
  if (steps > 0) config.train.steps = steps;
  apply_options(config, suite.options);
  apply_options(config, arm.options);
  return config;
}

ExperimentConfig decoder_config(const AblationPreset& preset) {
  ExperimentConfig config = recipe("text-pretrain");
  apply_options(config, preset.decoder);
  return config;
}

void write_untrained_decoder(const AblationPreset& preset, const fs::path& folder) {
  const fs::path scratch = folder / "training";
  const std::unique_ptr<TrainingTask> task = make_task(decoder_config(preset), scratch);
  task->save(folder);
  fs::remove_all(scratch);
}

AblationPlan plan_ablation(const PlanRequest& request) {
  std::vector<ArmPlan> base;
  for (const ArmRecipe& arm : request.suite.arms) {
    ArmPlan& plan =
        base.emplace_back(arm, arm_config(request.suite, request.preset, arm, request.steps));
    plan.step = measure_step_cost(started_from(plan.config, request.planning), kMeasuredBatches);
  }
  AblationPlan plan;
  plan.suite = describe(request, base.front().config.data);
  for (const Matching matching : request.suite.matchings) {
    std::vector<ArmPlan> arms = base;
    match(matching, arms, request);
    for (const ArmPlan& arm : arms) {
      PlannedRun run;
      run.matching = name(matching);
      run.arm = arm.recipe.name;
      run.config = started_from(arm.config, request.start);
      run.cost = {arm.config.train.steps, arm.samples(), arm.flops(), arm.step.trainable_parameters,
                  arm.step.seconds *
                      static_cast<double>(arm.config.train.steps * arm.config.train.accumulation)};
      plan.suite.arms.push_back(
          {run.matching, run.arm, arm.recipe.label, arm.recipe.options, run.cost});
      for (const int64_t seed : request.preset.seeds) {
        run.seed = run.config.train.seed = seed;
        plan.runs.push_back(run);
      }
    }
  }
  return plan;
}

}  // namespace nvlm::experiments
