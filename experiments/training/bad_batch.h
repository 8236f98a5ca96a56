// A batch whose loss cannot be learnt from: named, and written to disk to be looked into.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include "experiments/training/training_task.h"

namespace nvlm::experiments {

/// A batch without a supervised token, or with a loss that is not finite.
struct BadBatch : std::runtime_error {
  BadBatch(const BatchRequest& batch, const std::string& what)
      : std::runtime_error(what), request(batch) {}

  BatchRequest request;
};

/// Throws a std::runtime_error with the words of `error` and, where the task writes its batches,
/// the file under run_dir/bad_batch/ that the batch is in. The batch is prepared once more for it:
/// when a GPU's loss is read, it is long gone.
[[noreturn]] void rethrow_with_dump(const BadBatch& error, const TrainingTask& task,
                                    const std::filesystem::path& run_dir);

}  // namespace nvlm::experiments
