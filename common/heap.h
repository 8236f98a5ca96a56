// How the C library's heap treats memory that is given back to it.
#pragma once

namespace nvlm {

/// From now on, freed memory stays in the process for the next tensor of its size. The C library
/// would return large blocks to the system at once, and every step of a training run would fault
/// all its pages in again (measured: a third of a small model's step). Costs memory where sizes
/// change from step to step. Nothing happens under another allocator or C library.
void keep_freed_memory();

}  // namespace nvlm
