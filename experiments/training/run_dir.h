// The folder of one training run: its lock, metrics lines and checkpoints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <vector>

#include "common/json.h"
#include "experiments/training/event_file.h"

namespace nvlm::experiments {

/// An exclusive lock on a file, for the life of the object or the process, however that ends.
class FileLock {
 public:
  /// Creates the file if needed. throws std::runtime_error if that fails
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  /// False if another process, or another FileLock, has it. Does not wait.
  bool try_lock();

 private:
  int file_;
};

/// An opened and locked run folder.
class RunDir {
 public:
  /// resume  false: creates the folder; UsageError if it holds a run already
  ///         true: UsageError if there is no such folder
  /// throws  UsageError also if another process trains there; std::runtime_error if it cannot be
  ///         written
  RunDir(std::filesystem::path path, bool resume);
  RunDir(const RunDir&) = delete;
  RunDir& operator=(const RunDir&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// The checkpoint that `latest` names (or, if that link is missing, the one of most steps).
  /// throws  std::runtime_error if `latest` names nothing
  std::optional<std::filesystem::path> latest_checkpoint() const;

  /// All checkpoints, by rising step.
  std::vector<std::filesystem::path> checkpoints() const;

  /// `fill` writes into a temporary folder, which is synced to disk and then renamed to
  /// checkpoints/step_<step>; `latest` follows, and all but the `keep_last` newest go (0 = none
  /// go). What `best` names never goes.
  std::filesystem::path publish_checkpoint(
      int64_t step, int64_t keep_last,
      const std::function<void(const std::filesystem::path&)>& fill);

  /// Lets checkpoints/best name this checkpoint; the one it named before goes unless it is newer
  /// than all but `keep_last`.
  void mark_best(const std::filesystem::path& checkpoint, int64_t keep_last);

  /// Drops lines whose "step" is larger than `step`, and a last line that was cut off.
  void keep_metrics_up_to(int64_t step);

  /// Appends one line, which has a "step", to metrics.jsonl and its numbers to the event file, and
  /// hands both to the system at once.
  void append_metrics(const Json& line);

 private:
  void remove_surplus(int64_t newest_step, int64_t keep_last) const;

  std::filesystem::path path_;
  std::optional<FileLock> lock_;
  std::ofstream metrics_;
  std::optional<EventFile> events_;
};

}  // namespace nvlm::experiments
