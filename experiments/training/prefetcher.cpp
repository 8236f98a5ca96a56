#include "experiments/training/prefetcher.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

namespace nvlm::experiments {

Prefetcher::Prefetcher(Prepare prepare, int64_t first, int64_t last, int64_t workers,
                       int64_t capacity)
    : prepare_(std::move(prepare)),
      last_(last),
      capacity_(std::max<int64_t>(capacity, 1)),
      next_to_prepare_(first),
      next_to_return_(first) {
  const int64_t useful = std::min({workers, capacity_, last - first});
  for (int64_t i = 0; i < useful; ++i) threads_.emplace_back([this] { work(); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Prefetcher::Slot Prefetcher::prepare_slot(int64_t item) const {
  const c10::NoGradGuard no_grad;
  Slot slot;
  try {
    slot.value = prepare_(item);
  } catch (...) {
    slot.error = std::current_exception();
  }
  return slot;
}

void Prefetcher::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    room_.wait(lock, [this] {
      return stopping_ || next_to_prepare_ >= last_ ||
             next_to_prepare_ < next_to_return_ + capacity_;
    });
    if (stopping_ || next_to_prepare_ >= last_) return;
    const int64_t item = next_to_prepare_++;
    lock.unlock();
    Slot slot = prepare_slot(item);
    lock.lock();
    slots_.emplace(item, std::move(slot));
    if (item == next_to_return_) ready_.notify_one();
  }
}

std::vector<std::any> Prefetcher::next() {
  if (next_to_return_ >= last_) {
    throw std::out_of_range("prefetcher: item " + std::to_string(next_to_return_) +
                            " is past the last, " + std::to_string(last_ - 1));
  }
  const auto start = std::chrono::steady_clock::now();
  Slot slot;
  if (threads_.empty()) {
    slot = prepare_slot(next_to_return_++);
  } else {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [this] { return slots_.count(next_to_return_) > 0; });
    slot = std::move(slots_.extract(next_to_return_++).mapped());
    lock.unlock();
    room_.notify_one();
  }
  seconds_waited_ +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (slot.error) std::rethrow_exception(slot.error);
  return std::move(slot.value);
}

}  // namespace nvlm::experiments
