#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "experiments/training/prefetcher.h"
#include "tests/experiments/training_support.h"

namespace nvlm::experiments {

TEST_CASE("training prefetcher: order does not depend on the number of workers") {
  for (const int64_t workers : {0, 1, 3, 8}) {
    CAPTURE(workers);
    Prefetcher batches(
        [](int64_t item) {
          Random random(5, static_cast<uint64_t>(item));
          std::this_thread::sleep_for(std::chrono::microseconds(random.integer(0, 2000)));
          return std::vector<std::any>{item * 10};
        },
        3, 40, workers, 4);
    for (int64_t item = 3; item < 40; ++item) {
      CHECK(std::any_cast<int64_t>(batches.next().front()) == item * 10);
    }
    CHECK_THROWS_AS(batches.next(), std::out_of_range);
    CHECK(batches.seconds_waited() > 0);
  }
}

TEST_CASE("training prefetcher: never more than its capacity ahead") {
  std::atomic<int64_t> taken{0}, furthest{0};
  {
    Prefetcher batches(
        [&](int64_t item) {
          const int64_t ahead = item - taken;
          if (ahead > furthest) furthest = ahead;
          return std::vector<std::any>{item};
        },
        0, 100, 2, 3);
    for (int64_t item = 0; item < 30; ++item) {
      taken = item;  // before next(), which makes room
      batches.next();
    }
  }  // ends with work left: the threads must stop
  CHECK(furthest <= 4);
}

TEST_CASE("training prefetcher: an exception comes with its item, not before") {
  for (const int64_t workers : {0, 2}) {
    Prefetcher batches(
        [](int64_t item) {
          if (item == 2) throw std::runtime_error("page 2 is torn");
          return std::vector<std::any>{item};
        },
        0, 10, workers, 4);
    CHECK(std::any_cast<int64_t>(batches.next().front()) == 0);
    CHECK(std::any_cast<int64_t>(batches.next().front()) == 1);
    CHECK(thrown_by([&] { batches.next(); }) == "page 2 is torn");
  }
}

}  // namespace nvlm::experiments
