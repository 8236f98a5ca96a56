#include "common/random.h"

#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>

namespace nvlm {
namespace {

uint64_t splitmix64(uint64_t& state) {
  state += 0x9e3779b97f4a7c15U;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

// Natural logarithm of x > 0 from additions, multiplications and divisions alone: std::log may
// differ in the last bit from one mathematics library to the next. Relative error about 1e-16.
double portable_log(double x) {
  constexpr double kLog2 = 0.693147180559945309;
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);  // [0.5, 1), exact
  if (mantissa < 0.70710678118654752) {
    mantissa *= 2;
    --exponent;
  }
  const double s = (mantissa - 1) / (mantissa + 1);  // log(m) = 2 artanh(s), |s| < 0.172
  const double square = s * s;
  double sum = 0;
  for (int odd = 23; odd >= 1; odd -= 2) sum = sum * square + 1.0 / odd;
  return 2 * s * sum + exponent * kLog2;
}

}  // namespace

Random::Random(uint64_t seed, uint64_t stream) {
  uint64_t from_seed = seed;
  uint64_t from_stream = ~stream;
  for (uint64_t& word : state_) {
    word = splitmix64(from_seed) ^ std::rotl(splitmix64(from_stream), 32);
  }
  if (state_ == State{}) state_[0] = 1;
}

Random::Random(const State& state) : state_(state) {
  if (state_ == State{}) throw std::invalid_argument("random: the state is all zero");
}

uint64_t Random::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

double Random::uniform(double low, double high) {
  const double value = low + (high - low) * uniform();
  return value < high ? value : low;  // rounding may reach `high`
}

int64_t Random::integer(int64_t low, int64_t high_inclusive) {
  if (low > high_inclusive) {
    throw std::invalid_argument("random: no whole number from " + std::to_string(low) + " to " +
                                std::to_string(high_inclusive));
  }
  const uint64_t range = static_cast<uint64_t>(high_inclusive) - static_cast<uint64_t>(low) + 1;
  uint64_t bits = next();
  if (range == 0) return static_cast<int64_t>(bits);  // all of int64
  const uint64_t rejected = (0 - range) % range;      // 2^64 mod range
  while (bits < rejected) bits = next();
  return static_cast<int64_t>(static_cast<uint64_t>(low) + bits % range);
}

bool Random::chance(double p) { return uniform() < p; }

double Random::normal() {
  // Marsaglia's polar method; the second value of the pair is dropped to keep the state simple.
  for (;;) {
    const double x = 2 * uniform() - 1;
    const double y = 2 * uniform() - 1;
    const double square = x * x + y * y;
    if (square > 0 && square < 1) return x * std::sqrt(-2 * portable_log(square) / square);
  }
}

}  // namespace nvlm
