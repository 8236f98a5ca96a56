// Runs a suite: every arm under every matching with every seed, in processes of their own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/ablations/plan.h"

namespace nvlm::experiments {

struct AblateRequest {
  std::string suite, preset;
  std::filesystem::path out;      // folder of the suite
  std::filesystem::path program;  // `nvlm`, which runs again for every run
  std::filesystem::path encoder;  // checkpoint of a multimodal model whose encoder reads the
                                  // pictures, for presets that read pixels
  int64_t steps = 0;              // of an arm; 0 = those of the suite in `out`, else the preset's
  double hours = 0;               // all runs together; decides the steps where they are 0
  std::vector<int64_t> seeds;     // empty = the preset's
  int64_t jobs = 0;  // processes at once; 0 = as many as there are processors, or GPUs, for
  int64_t gpus = 0;  // runs are dealt out to so many GPUs, one each at a time unless there are more
                     // jobs; 0 = they run on processors
  bool allow_unmatched = false;
};

enum class AblateStatus {
  kComplete,
  kInterrupted,  // SIGINT or SIGTERM; the same command again goes on
};

/// What `request` would run. Takes a second or so per arm, as it tries a step of each.
/// throws  UsageError for an unknown suite or preset, or as plan_ablation()
AblationPlan plan_of(const AblateRequest& request);

/// Arms with steps, samples, FLOPs, parameters and minutes per run, and the hours of all together.
std::string plan_table(const AblationPlan& plan, int64_t jobs);

/// Processes that run at once: request.jobs, else the GPUs, or the processors divided by the
/// threads of a run.
int64_t num_jobs(const AblateRequest& request, const AblationPlan& plan);

/// Runs what is missing. Layout of the folder: stored_suite.h, and beside it
///   start/decoder/   the text-pretrained decoder that all runs begin with
///   start/reader/    the encoder, where pictures are read
///   ablate.jsonl     what was started and how it ended, one JSON object per line
/// Runs of equal configuration are carried out once and stored under each of their names.
/// throws  UsageError if `out` holds another suite, or this one by another preset, revision, seeds,
///         items or plan, naming what differs; std::runtime_error naming the log of a run that
///         failed
AblateStatus ablate(const AblateRequest& request, const AblationPlan& plan);

/// One process of an ablation: trains what all runs begin with ("start"), or carries out one run.
/// returns  whether it is done; false if it was interrupted
bool run_part(const std::filesystem::path& suite_folder, const std::string& part);

}  // namespace nvlm::experiments
