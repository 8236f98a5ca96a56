// Edit distance of ordered trees: insert and delete cost 1, rename costs what the caller says.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nvlm::eval {

/// The shape of an ordered tree, nodes numbered in postorder (children before parents, left first).
struct OrderedTree {
  std::vector<int32_t> leftmost;  // per node: the number of the leftmost leaf below it

  int64_t size() const { return static_cast<int64_t>(leftmost.size()); }
};

/// Costs of turning a node of the first tree into one of the second.
class RenameCosts {
 public:
  virtual ~RenameCosts() = default;
  /// Cost of one pair, 0 or more.
  virtual double cost(int64_t node_a, int64_t node_b) = 0;
  /// costs[j] = cost(node_a, j) for all nodes of the second tree.
  virtual void costs(int64_t node_a, std::span<double> costs);
};

/// How much may be spent on the exact distance. The defaults bound it to about 256 MB and seconds:
/// two tables of 60 x 60 cells are exact, two of 500 x 500 are not.
struct TreeDistanceLimits {
  int64_t max_pairs = int64_t{1} << 24;  // nodes of a * nodes of b; 16 bytes of memory each
  int64_t max_steps = int64_t{1} << 30;  // Zhang-Shasha steps, a few nanoseconds each
};

struct TreeDistance {
  double distance = 0.0;
  bool exact = true;
};

/// Distance of two trees by Zhang-Shasha. Beyond the limits an upper bound in linear time and
/// memory, marked as not exact: the k-th child is compared with the k-th child at every level,
/// surplus subtrees are inserted or deleted whole. Both are 0 for equal trees.
/// source: Zhang and Shasha 1989 (SIAM J. Comput. 18:6)
TreeDistance tree_edit_distance(const OrderedTree& a, const OrderedTree& b, RenameCosts& rename,
                                const TreeDistanceLimits& limits = {});

}  // namespace nvlm::eval
