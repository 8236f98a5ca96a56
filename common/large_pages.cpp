#include "common/large_pages.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/accumulate.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

namespace nvlm {
namespace {

constexpr size_t kPage = size_t{1} << 21;
constexpr size_t kBlock = 16 * kPage;       // of many tensors; larger ones get a block of their own
constexpr size_t kSmall = size_t{1} << 16;  // below it, memory as usual: norms and biases outlive
                                            // weights that are quantised, and would keep the block
constexpr size_t kAlignment = 64;           // of a tensor: a line of the cache

constexpr size_t rounded_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};

class Block {
 public:
  explicit Block(size_t size)
      : size_(size), memory_(static_cast<std::byte*>(std::aligned_alloc(kPage, size))) {
    if (memory_ == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    ::madvise(memory_.get(), size, MADV_HUGEPAGE);  // advice alone: may be refused
#endif
  }

  bool has_room(size_t bytes) const { return size_ - used_ >= bytes; }

  std::byte* take(size_t bytes) {
    std::byte* const begin = memory_.get() + used_;
    used_ = std::min(size_, used_ + rounded_up(bytes, kAlignment));
    return begin;
  }

 private:
  size_t size_, used_ = 0;
  std::unique_ptr<std::byte, Free> memory_;
};

std::shared_ptr<Block> block_for(size_t bytes) {
  thread_local std::weak_ptr<Block> current;
  if (bytes > kBlock / 2) return std::make_shared<Block>(rounded_up(bytes, kPage));
  std::shared_ptr<Block> block = current.lock();
  if (block == nullptr || !block->has_room(bytes)) {
    block = std::make_shared<Block>(kBlock);
    current = block;
  }
  return block;
}

}  // namespace

at::Tensor empty_in_large_pages(at::IntArrayRef shape, at::ScalarType dtype) {
  const auto bytes = static_cast<size_t>(c10::multiply_integers(shape)) * at::elementSize(dtype);
  if (bytes < kSmall) return at::empty(shape, at::TensorOptions(dtype));
  const std::shared_ptr<Block> block = block_for(bytes);
  return at::from_blob(
      block->take(bytes), shape, [block](void*) {}, at::TensorOptions(dtype));
}

}  // namespace nvlm
