#include "common/large_pages.h"

#include <sys/mman.h>

#include <cstdint>

namespace nvlm {

void advise_large_pages(const at::Tensor& tensor) {
#ifdef MADV_HUGEPAGE
  if (!tensor.is_cpu() || !tensor.is_contiguous()) return;
  constexpr uintptr_t kPage = uintptr_t{1} << 21;
  const auto begin = reinterpret_cast<uintptr_t>(tensor.const_data_ptr());
  const uintptr_t first = (begin + kPage - 1) / kPage * kPage;  // whole pages alone: none is wasted
  const uintptr_t last = (begin + tensor.nbytes()) / kPage * kPage;
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

}  // namespace nvlm
