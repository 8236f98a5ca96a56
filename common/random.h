// Random numbers that are the same on every platform and with every standard library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace nvlm {

/// xoshiro256** seeded through splitmix64 (Blackman and Vigna, https://prng.di.unimi.it).
/// Not for secrets; not thread-safe: give every thread, sample or worker its own stream.
class Random {
 public:
  using State = std::array<uint64_t, 4>;

  /// Different streams of one seed are independent for all practical purposes.
  explicit Random(uint64_t seed, uint64_t stream = 0);
  /// Continues where state() was taken. An all-zero state is an std::invalid_argument.
  explicit Random(const State& state);
  const State& state() const { return state_; }

  /// 64 random bits.
  uint64_t next();
  /// [0, 1), a multiple of 2^-53.
  double uniform();
  /// [low, high); `low` if both are equal.
  double uniform(double low, double high);
  /// low..high, both included, without bias.
  /// throws  std::invalid_argument if low > high
  int64_t integer(int64_t low, int64_t high_inclusive);
  /// True with probability p; never for p <= 0, always for p >= 1. Always consumes one number.
  bool chance(double p);
  /// Mean 0, deviation 1. Computed with exactly rounded operations only, so that no mathematics
  /// library can change a bit.
  double normal();

  /// One entry, each equally likely.
  /// throws  std::invalid_argument if `choices` is empty
  template <class T>
  const T& pick(const std::vector<T>& choices) {
    return choices[static_cast<size_t>(integer(0, static_cast<int64_t>(choices.size()) - 1))];
  }

  /// Every order equally likely (Fisher and Yates).
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1],
                values[static_cast<size_t>(integer(0, static_cast<int64_t>(i) - 1))]);
    }
  }

 private:
  State state_;
};

}  // namespace nvlm
