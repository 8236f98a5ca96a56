#include "experiments/data/sources/sample_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "common/random.h"

namespace nvlm::experiments {
namespace {

constexpr uint64_t kOrderSalt = 0x6f72646572206f66;  // apart from the streams that draw samples
constexpr uint64_t kDealSalt = 0x6465616c73206f75;

/// Half the bits of the smallest even number of them that counts to `size`.
int half_bits(int64_t size) {
  int half = 1;
  while (half < 31 && (int64_t{1} << (2 * half)) < size) ++half;
  return half;
}

}  // namespace

int64_t permuted_index(uint64_t key, int64_t size, int64_t position) {
  if (position < 0 || position >= size) {
    throw std::invalid_argument("sample order: position is " + std::to_string(position) +
                                ", expected 0 to " + std::to_string(size - 1));
  }
  constexpr uint64_t kRounds = 4;
  const int half = half_bits(size);
  const uint64_t mask = (uint64_t{1} << half) - 1;
  auto value = static_cast<uint64_t>(position);
  do {
    uint64_t left = value >> half, right = value & mask;
    for (uint64_t round = 0; round < kRounds; ++round) {
      const uint64_t mixed = Random(key ^ kOrderSalt, (round << 32) | right).next() & mask;
      left ^= mixed;
      std::swap(left, right);
    }
    value = (left << half) | right;
  } while (value >= static_cast<uint64_t>(size));
  return static_cast<int64_t>(value);
}

SourceDealer::SourceDealer(const std::vector<double>& weights) : counts_(weights.size(), 0) {
  double sum = 0;
  for (const double weight : weights) {
    if (!(weight >= 0) || std::isinf(weight)) {
      throw std::invalid_argument("sample order: a weight is " + std::to_string(weight) +
                                  ", expected 0 or more");
    }
    sum += weight;
  }
  if (sum <= 0) throw std::invalid_argument("sample order: the weights sum to 0");
  if (static_cast<int64_t>(weights.size()) > kBlock) {
    throw std::invalid_argument("sample order: " + std::to_string(weights.size()) +
                                " sources, expected at most " + std::to_string(kBlock));
  }
  std::vector<double> remainders(weights.size(), 0);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    const double share = weights[i] / sum * static_cast<double>(kBlock);
    counts_[i] = std::max<int64_t>(1, static_cast<int64_t>(share));
    remainders[i] = share - static_cast<double>(counts_[i]);
  }
  // One by one to the source that lacks most, or from the one that has most too much.
  int64_t dealt = std::accumulate(counts_.begin(), counts_.end(), int64_t{0});
  for (; dealt != kBlock; dealt += dealt < kBlock ? 1 : -1) {
    const bool adds = dealt < kBlock;
    size_t best = weights.size();
    for (size_t i = 0; i < weights.size(); ++i) {
      if (counts_[i] == 0 || (!adds && counts_[i] == 1)) continue;
      if (best == weights.size() ||
          (adds ? remainders[i] > remainders[best] : remainders[i] < remainders[best])) {
        best = i;
      }
    }
    counts_[best] += adds ? 1 : -1;
    remainders[best] += adds ? -1 : 1;
  }
}

SourceDealer::Turn SourceDealer::turn(uint64_t seed, int64_t number) const {
  const int64_t block = number / kBlock, within = number % kBlock;
  std::vector<size_t> order;
  order.reserve(static_cast<size_t>(kBlock));
  for (size_t source = 0; source < counts_.size(); ++source) {
    order.insert(order.end(), static_cast<size_t>(counts_[source]), source);
  }
  if (counts_.size() > 1) {
    Random random(seed ^ kDealSalt, static_cast<uint64_t>(block));
    random.shuffle(order);
  }
  const size_t source = order[static_cast<size_t>(within)];
  const auto before = std::count(order.begin(), order.begin() + within, source);
  return {source, block * counts_[source] + before};
}

}  // namespace nvlm::experiments
