// One run of an ablation, in a process of its own: train, score, store.
#pragma once

#include <filesystem>
#include <string>

namespace nvlm::experiments {

enum class RunStatus {
  kComplete,     // run.json is written
  kInterrupted,  // SIGINT or SIGTERM: the step was finished and a checkpoint written
};

/// Carries out the run in <suite_folder>/<run>, whose config.ini the plan has written: trains (a
/// run that was stopped goes on), scores the held-out items and writes rows.jsonl and run.json.
/// Does nothing if run.json is there.
/// run      "samples/d/seed-1"
/// throws   UsageError if suite.json plans no such run; else as train()
RunStatus run_arm(const std::filesystem::path& suite_folder, const std::string& run);

}  // namespace nvlm::experiments
