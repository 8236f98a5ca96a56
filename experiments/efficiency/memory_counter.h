// Counts the bytes of tensors: the witness against which predicted memory is checked.
#pragma once

#include <c10/util/ThreadLocalDebugInfo.h>

#include <cstdint>
#include <memory>

namespace nvlm::experiments {

/// While it lives, what this thread's tensor operations take from and give back to LibTorch's
/// allocators is summed (backward passes on the CPU run on the thread that asks for them). What was
/// held before counts as nothing, so a tensor freed meanwhile counts below it.
class MemoryCounter {
 public:
  MemoryCounter();
  ~MemoryCounter();
  MemoryCounter(const MemoryCounter&) = delete;
  MemoryCounter& operator=(const MemoryCounter&) = delete;

  /// Held now.
  int64_t bytes() const;
  /// Most that was held at once.
  int64_t peak_bytes() const;

 private:
  struct Tally;
  std::shared_ptr<Tally> tally_;
  c10::DebugInfoGuard guard_;
};

}  // namespace nvlm::experiments
