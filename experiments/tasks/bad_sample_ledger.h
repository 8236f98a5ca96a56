// Counts the bad samples of a run and writes them down.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "experiments/tasks/sample_stream.h"

namespace nvlm::experiments {

/// Each bad sample counts once, however often it is met. Used by the training thread, in the order
/// of the batches, so it does not depend on the workers.
class BadSampleLedger {
 public:
  /// max_share    of bad samples; one more ends the run
  /// num_samples  that the sources hold; 0: sources without end alone
  BadSampleLedger(double max_share, int64_t num_samples);

  /// Keeps a file from now on, one JSON object per line: sample, source, index, name, reason, path,
  /// sha256 (of the file at `path`; null without one). Lines of samples from `first_sample` on are
  /// dropped, as is a last one that was cut off: a resumed run meets those again.
  /// throws  std::runtime_error if the file cannot be read or written
  void open(const std::filesystem::path& file, int64_t first_sample);

  /// drawn   samples of the run so far; what the share of sources without end is measured by
  /// throws  std::runtime_error if the share is above the largest allowed, naming the first ones
  void add(const std::vector<BadSampleRecord>& bad, int64_t drawn);

  int64_t count() const { return static_cast<int64_t>(seen_.size()); }

 private:
  void append(const BadSampleRecord& record);
  void check_share(int64_t drawn) const;

  double max_share_;
  int64_t num_samples_;
  std::filesystem::path file_;                      // empty: nothing is written
  std::set<std::pair<std::string, int64_t>> seen_;  // source and index
  std::vector<std::string> first_;                  // the first few, for the error
};

}  // namespace nvlm::experiments
