// Memory in large pages, for what is read again and again from end to end.
#pragma once

#include <ATen/core/Tensor.h>

namespace nvlm {

/// Asks the system for 2 MB pages under a fresh tensor on the CPU, before anything is written: a
/// decode step reads all weights, and looking up 4 kB pages costs a third of the memory's speed
/// (measured: 16.5 -> 22 GB/s). Advice only: nothing happens where the system has none.
void advise_large_pages(const at::Tensor& tensor);

}  // namespace nvlm
