#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "common/random.h"
#include "eval/metrics/edit_distance.h"

namespace nvlm::eval {
namespace {

using Symbols = std::vector<uint32_t>;

/// The textbook recurrence.
int64_t plain_distance(const Symbols& a, const Symbols& b) {
  std::vector<int64_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int64_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int64_t diagonal = row[0];
    row[0] = static_cast<int64_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int64_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

Symbols random_symbols(Random& random, int64_t length, int64_t num_symbols) {
  Symbols symbols(static_cast<size_t>(length));
  for (uint32_t& symbol : symbols) {
    symbol = static_cast<uint32_t>(random.integer(0, num_symbols - 1));
  }
  return symbols;
}

}  // namespace

TEST_CASE("edit distance: small cases by hand") {
  CHECK(edit_distance(U"", U"") == 0);
  CHECK(edit_distance(U"", U"abc") == 3);
  CHECK(edit_distance(U"kitten", U"sitting") == 3);
  CHECK(edit_distance(U"東京", U"東京都") == 1);
  const std::vector<std::string> a{"the", "quick", "fox"};
  const std::vector<std::string> b{"the", "fox"};
  CHECK(edit_distance(a, b) == 1);
}

TEST_CASE("edit distance: equals the textbook recurrence around the word size") {
  Random random(11);
  for (int trial = 0; trial < 300; ++trial) {
    CAPTURE(trial);
    const int64_t num_symbols = random.integer(1, 30);
    const int64_t length = random.pick<int64_t>({0, 1, 5, 63, 64, 65, 127, 128, 129, 200});
    const Symbols a = random_symbols(random, length, num_symbols);
    Symbols b = random_symbols(random, random.integer(0, 210), num_symbols);
    if (random.chance(0.5)) {  // near to each other: the usual case
      b = a;
      for (uint32_t& symbol : b) {
        if (random.chance(0.1)) symbol = static_cast<uint32_t>(random.integer(0, num_symbols - 1));
      }
      if (!b.empty()) b.erase(b.begin() + random.integer(0, static_cast<int64_t>(b.size()) - 1));
    }
    const int64_t expected = plain_distance(a, b);
    CHECK(edit_distance(std::span<const uint32_t>(a), std::span<const uint32_t>(b)) == expected);
    EditDistance engine(31);
    engine.set_pattern(random_symbols(random, 100, 31));  // leaves nothing behind
    engine.set_pattern(a);
    CHECK(engine.distance(b) == expected);
    CHECK(engine.distance(a) == 0);
  }
}

TEST_CASE("edit distance: long texts take little memory and time") {
  Random random(3);
  const Symbols a = random_symbols(random, 20000, 1 << 30);
  const Symbols b = random_symbols(random, 30000, 1 << 30);
  const auto start = std::chrono::steady_clock::now();
  CHECK(edit_distance(std::span<const uint32_t>(a), std::span<const uint32_t>(b)) == 30000);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  MESSAGE("20000 x 30000 symbols: ", seconds.count(), " s");
}

}  // namespace nvlm::eval
