#include "experiments/training/bad_batch.h"

#include <c10/core/GradMode.h>

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

fs::path dump_batch(const BatchRequest& request, const TrainingTask& task, const fs::path& folder) {
  const c10::NoGradGuard no_grad;
  fs::create_directories(folder);
  const std::string stem =
      "step_" + std::to_string(request.step + 1) + "_batch_" + std::to_string(request.micro);
  const std::vector<std::any> passes = task.prepare(request);
  fs::path first;
  for (size_t i = 0; i < passes.size(); ++i) {
    const std::string part = passes.size() > 1 ? "_pass_" + std::to_string(i) : "";
    const fs::path file = task.dump(passes[i], folder / (stem + part));
    if (i == 0) first = file;
  }
  if (first.empty()) fs::remove(folder);
  return first;
}

}  // namespace

void rethrow_with_dump(const BadBatch& error, const TrainingTask& task, const fs::path& run_dir) {
  std::string note;
  try {
    const fs::path file = dump_batch(error.request, task, run_dir / "bad_batch");
    if (!file.empty()) note = "; its samples are in " + file.string();
  } catch (const std::exception& problem) {
    note = std::string("; it could not be written: ") + problem.what();
  }
  throw std::runtime_error(error.what() + note);
}

}  // namespace nvlm::experiments
