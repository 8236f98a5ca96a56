// How many compiled kernels the processor's library of matrix products keeps.
#pragma once

namespace nvlm {

/// LibTorch's oneDNN compiles a kernel for every shape it meets and keeps the last 1024 of each
/// kind. Batches of text have new shapes all the time: a training run on a processor grew by 25 MB
/// a step, to several gigabytes, for kernels that were hardly used again (2.11, bfloat16). From
/// here on it keeps fewer, unless the environment says how many (ONEDNN_PRIMITIVE_CACHE_CAPACITY,
/// LRU_CACHE_CAPACITY). Call it first of all: the first product fixes the number.
void limit_kernel_cache();

}  // namespace nvlm
