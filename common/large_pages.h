// Memory in large pages, for what is read again and again from end to end.
#pragma once

#include <ATen/core/Tensor.h>

namespace nvlm {

/// A fresh tensor on the CPU, not filled, in 2 MB pages where the system has any: a decode step
/// reads all weights, and looking up 4 kB pages costs a third of the memory's speed (measured: 16.5
/// -> 22 GB/s). Tensors that this thread asks for in a row share blocks of memory, since few are
/// made of whole pages alone; a block is freed with its last tensor.
at::Tensor empty_in_large_pages(at::IntArrayRef shape, at::ScalarType dtype);

}  // namespace nvlm
