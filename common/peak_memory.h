// How much memory this process has had at once.
#pragma once

#include <cstdint>

namespace nvlm {

/// Most bytes in physical memory since the start, or since the last reset_peak_memory().
int64_t peak_memory_bytes();

/// Bytes in physical memory now.
int64_t memory_bytes();

/// Begins a new measurement at what is held now. False where the system cannot: the peak stays that
/// of the whole life of the process.
bool reset_peak_memory();

}  // namespace nvlm
