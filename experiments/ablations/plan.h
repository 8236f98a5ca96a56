// From a suite and a preset to the runs: their configurations, and what they are expected to cost.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/ablations/preset.h"
#include "experiments/ablations/stored_suite.h"
#include "experiments/ablations/suite.h"
#include "experiments/recipes/recipe.h"

namespace nvlm::experiments {

/// Checkpoints that every run of a suite begins with.
struct StartFolders {
  std::filesystem::path decoder;  // text-pretrain's, with its tokenizer
  std::filesystem::path reader;   // of the encoder; empty where features are coded
  std::filesystem::path cache;    // for the encoder's features; empty = none
};

/// What to plan.
struct PlanRequest {
  SuiteRecipe suite;
  AblationPreset preset;
  int64_t steps = 0;  // of an arm; 0 = the preset's
  bool allow_unmatched = false;
  StartFolders start;     // as the runs will find it
  StartFolders planning;  // exists already; its weights do not matter
};

struct PlannedRun {
  std::string matching, arm;
  int64_t seed = 0;
  ExperimentConfig config;
  PlannedCost cost;
};

struct AblationPlan {
  Suite suite;                   // what suite.json says
  std::vector<PlannedRun> runs;  // arm by arm in the suite's order, seeds in theirs
};

/// The configuration that an arm begins from: recipe fusion-sft, then the fields of preset, suite
/// and arm, in this order.
/// throws  UsageError for an unknown field or an unacceptable value
ExperimentConfig arm_config(const SuiteRecipe& suite, const AblationPreset& preset,
                            const ArmRecipe& arm, int64_t steps);

/// The configuration of the start: text-pretrain with the preset's fields.
ExperimentConfig decoder_config(const AblationPreset& preset);

/// Writes an untrained decoder with its tokenizer, of the sizes that the start will have, into the
/// new folder `folder`: enough to plan with.
void write_untrained_decoder(const AblationPreset& preset, const std::filesystem::path& folder);

/// Plans every arm under every matching: under `parameters` the projectors are widened until the
/// arms train as many parameters as the largest of them, under `flops` the steps are chosen so that
/// training costs what the first arm's does.
/// chosen:  the projector takes up the difference, because every variant has one and it serves all
///          tiles
/// throws   UsageError as require_matched() unless request.allow_unmatched
AblationPlan plan_ablation(const PlanRequest& request);

}  // namespace nvlm::experiments
