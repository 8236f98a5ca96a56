// Which sample comes when: functions of seed and number alone, so that neither workers nor batches
// nor a resumed run change the order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nvlm::experiments {

/// Place of entry `position` in a random order of 0 .. size - 1; each value once. No table is made.
/// key     another order for another key
/// source  a Feistel network walked until it stays inside (Black and Rogaway, 2002)
/// throws  std::invalid_argument unless 0 <= position < size
int64_t permuted_index(uint64_t key, int64_t size, int64_t position);

/// Deals sample numbers out to weighted sources: in every block of kBlock consecutive numbers each
/// source gets its share, rounded to whole samples (largest remainders; at least one), in an order
/// drawn for the block.
class SourceDealer {
 public:
  static constexpr int64_t kBlock = 1024;

  /// weights  0 or more each, not all 0; a source of weight 0 gets nothing
  /// throws   std::invalid_argument otherwise, or for more sources than a block has numbers
  explicit SourceDealer(const std::vector<double>& weights);

  struct Turn {
    std::size_t source = 0;
    int64_t position = 0;  // how many samples of this source came before
  };
  /// number  of the sample, 0 or more
  Turn turn(uint64_t seed, int64_t number) const;

  /// Samples of each source in a block.
  const std::vector<int64_t>& counts() const { return counts_; }

 private:
  std::vector<int64_t> counts_;
};

}  // namespace nvlm::experiments
