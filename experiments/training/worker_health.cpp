#include "experiments/training/worker_health.h"

#include <chrono>
#include <exception>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <utility>
#include <vector>

namespace nvlm::experiments {
namespace {

using HealthClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBeat{250};
// Twelve beats: a busy machine may hold a living worker up for a few.
constexpr std::chrono::milliseconds kSilence{3000};
// Others look for the reason of a failure once per beat; the store may go with this process.
constexpr std::chrono::milliseconds kTimeToTell{750};
constexpr const char* kFailureKey = "failure";

std::string beat_key(int64_t rank) { return "beat/" + std::to_string(rank); }

std::string numbered(int64_t rank, int64_t size) {
  return "worker " + std::to_string(rank) + " (ranks 0.." + std::to_string(size - 1) + ")";
}

}  // namespace

WorkerHealth::WorkerHealth(c10::intrusive_ptr<c10d::Store> store, int64_t rank, int64_t size)
    : rank_(rank), size_(size), store_(std::move(store)) {
  store_->add(beat_key(rank_), 1);
  thread_ = std::thread([this] { count(); });
}

WorkerHealth::~WorkerHealth() {
  {
    const std::lock_guard<std::mutex> lock(stop_mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

void WorkerHealth::count() {
  std::unique_lock<std::mutex> stop_lock(stop_mutex_);
  while (!stop_.wait_for(stop_lock, kBeat, [this] { return stopping_; })) {
    stop_lock.unlock();
    try {
      const std::lock_guard<std::mutex> lock(store_mutex_);
      store_->add(beat_key(rank_), 1);
      if (failure_.empty()) failure_ = read_failure();
    } catch (const std::exception&) {
      return;  // the store is gone; explain() finds that out, too
    }
    stop_lock.lock();
  }
}

std::string WorkerHealth::read_failure() {
  if (!store_->check({kFailureKey})) return "";
  return store_->get_to_str(kFailureKey);
}

std::string WorkerHealth::silent_worker() {
  const auto beats = [this] {
    const std::lock_guard<std::mutex> lock(store_mutex_);
    std::vector<int64_t> counts;
    for (int64_t rank = 0; rank < size_; ++rank) counts.push_back(store_->add(beat_key(rank), 0));
    if (failure_.empty()) failure_ = read_failure();
    return counts;
  };
  const std::vector<int64_t> before = beats();
  std::vector<int64_t> now = before;
  const auto start = HealthClock::now();
  while (HealthClock::now() - start < kSilence && failure_.empty()) {
    std::this_thread::sleep_for(kBeat);
    now = beats();
  }
  if (!failure_.empty()) return "";
  for (int64_t rank = 0; rank < size_; ++rank) {
    const auto at = static_cast<size_t>(rank);
    if (rank != rank_ && now[at] == before[at]) return numbered(rank, size_);
  }
  return "";
}

std::string WorkerHealth::explain(const std::string& message) {
  std::string told = message;
  try {
    const std::string silent = silent_worker();
    if (!silent.empty()) told = "training: " + silent + " does not answer any more: " + message;
    const std::lock_guard<std::mutex> lock(store_mutex_);
    if (!failure_.empty()) return "training: stopped because of another worker; " + failure_;
    const std::string mine = "worker " + std::to_string(rank_) + ": " + told;
    const std::string first = store_->compareSet(kFailureKey, "", mine);
    if (first != mine) return "training: stopped because of another worker; " + first;
  } catch (const std::exception&) {
    const std::lock_guard<std::mutex> lock(store_mutex_);
    if (!failure_.empty()) return "training: stopped because of another worker; " + failure_;
    return "training: " + numbered(0, size_) +
           " does not answer any more (nor does the store, which it or the launcher keeps): " +
           message;
  }
  std::this_thread::sleep_for(kTimeToTell);
  return told;
}

}  // namespace nvlm::experiments
