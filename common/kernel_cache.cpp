#include "common/kernel_cache.h"

#include <cstdlib>

namespace nvlm {

void limit_kernel_cache() {
  setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128", /*overwrite=*/0);
  setenv("LRU_CACHE_CAPACITY", "64", /*overwrite=*/0);
}

}  // namespace nvlm
