// Training samples in their order, bad ones replaced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/random.h"
#include "experiments/data/sources/sample_order.h"
#include "experiments/tasks/source_config.h"

namespace nvlm::experiments {

/// A bad sample that was met, and where.
struct BadSampleRecord {
  int64_t sample = 0;  // number in the training order at which it was met
  std::string source;  // as the configuration names it
  int64_t index = 0;   // within the source; of one without end: the sample's number
  std::string name, reason;
  std::filesystem::path file;  // empty where there is none
};

/// Sample `number` depends on the seed and on `number` alone. Safe to share between threads.
class SampleStream {
 public:
  /// sources  at least one
  explicit SampleStream(std::vector<WeightedSource> sources);

  /// Where a sample comes from.
  struct Place {
    const SampleSource* source = nullptr;
    int64_t index = 0;
  };
  /// Each pass through a source has an order of its own.
  Place place(uint64_t seed, int64_t number) const;

  /// Makes something of a sample; may throw BadSample. `random` is the sample's own, and stands
  /// behind what the source has drawn.
  using Use = std::function<void(Sample sample, Random& random)>;

  /// Reads sample `number` and hands it to `use`; as long as either finds it bad, the next index of
  /// the same source takes its place (a source without end draws on).
  /// bad     what was replaced is appended
  /// throws  std::runtime_error if no sample of the source can be used
  void take(uint64_t seed, int64_t number, std::vector<BadSampleRecord>& bad, const Use& use) const;

  /// The same from a place of the caller's choice.
  static void take_from(const Place& place, uint64_t seed, int64_t number,
                        std::vector<BadSampleRecord>& bad, const Use& use);

  /// Samples of all sources that have an end; 0 if none has.
  int64_t num_samples() const;
  const std::vector<WeightedSource>& sources() const { return sources_; }

 private:
  std::vector<WeightedSource> sources_;
  SourceDealer dealer_;
};

}  // namespace nvlm::experiments
