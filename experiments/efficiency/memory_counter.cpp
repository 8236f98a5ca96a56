#include "experiments/efficiency/memory_counter.h"

#include <c10/core/Allocator.h>

#include <algorithm>
#include <mutex>

namespace nvlm::experiments {

struct MemoryCounter::Tally : c10::MemoryReportingInfoBase {
  void reportMemoryUsage(void* /*block*/, int64_t size, size_t /*allocated*/, size_t /*reserved*/,
                         c10::Device /*device*/) override {
    const std::lock_guard lock(mutex);
    held += size;  // negative where a block is given back
    peak = std::max(peak, held);
  }
  bool memoryProfilingEnabled() const override { return true; }

  mutable std::mutex mutex;
  int64_t held = 0, peak = 0;
};

MemoryCounter::MemoryCounter()
    : tally_(std::make_shared<Tally>()), guard_(c10::DebugInfoKind::PROFILER_STATE, tally_) {}

MemoryCounter::~MemoryCounter() = default;

int64_t MemoryCounter::bytes() const {
  const std::lock_guard lock(tally_->mutex);
  return tally_->held;
}

int64_t MemoryCounter::peak_bytes() const {
  const std::lock_guard lock(tally_->mutex);
  return tally_->peak;
}

}  // namespace nvlm::experiments
