#include "eval/metrics/tree_edit_distance.h"

#include <algorithm>
#include <utility>

namespace nvlm::eval {
namespace {

/// The highest node of every left path: the roots of the subtrees that Zhang-Shasha compares.
std::vector<int64_t> key_roots(const OrderedTree& tree) {
  std::vector<bool> seen(tree.leftmost.size(), false);
  std::vector<int64_t> roots;
  for (int64_t node = tree.size() - 1; node >= 0; --node) {
    const auto leaf = static_cast<size_t>(tree.leftmost[static_cast<size_t>(node)]);
    if (!seen[leaf]) roots.push_back(node);
    seen[leaf] = true;
  }
  std::reverse(roots.begin(), roots.end());
  return roots;
}

int64_t subtree_size(const OrderedTree& tree, int64_t node) {
  return node - tree.leftmost[static_cast<size_t>(node)] + 1;
}

int64_t forest_work(const OrderedTree& tree, const std::vector<int64_t>& roots) {
  int64_t work = 0;
  for (const int64_t root : roots) work += subtree_size(tree, root);
  return work;
}

double zhang_shasha(const OrderedTree& a, const OrderedTree& b, RenameCosts& rename,
                    const std::vector<int64_t>& roots_a, const std::vector<int64_t>& roots_b) {
  const auto size_a = static_cast<size_t>(a.size());
  const auto size_b = static_cast<size_t>(b.size());
  // distance[i * size_b + j] holds the rename cost of the nodes until the distance of the subtrees
  // at i and j is known; each pair's cost is needed exactly once, when it is.
  std::vector<double> distance(size_a * size_b);
  for (size_t i = 0; i < size_a; ++i) {
    rename.costs(static_cast<int64_t>(i), std::span(distance).subspan(i * size_b, size_b));
  }
  std::vector<double> forest((size_a + 1) * (size_b + 1));
  for (const int64_t root_a : roots_a) {
    const auto first_a = static_cast<size_t>(a.leftmost[static_cast<size_t>(root_a)]);
    const size_t rows = static_cast<size_t>(root_a) - first_a + 1;
    for (const int64_t root_b : roots_b) {
      const auto first_b = static_cast<size_t>(b.leftmost[static_cast<size_t>(root_b)]);
      const size_t columns = static_cast<size_t>(root_b) - first_b + 1;
      const size_t stride = columns + 1;
      for (size_t y = 0; y <= columns; ++y) forest[y] = static_cast<double>(y);
      for (size_t x = 1; x <= rows; ++x) {
        const size_t i = first_a + x - 1;
        const auto left_a = static_cast<size_t>(a.leftmost[i]) - first_a;
        const double* above = &forest[(x - 1) * stride];
        const double* before_subtree = &forest[left_a * stride];
        double* row = &forest[x * stride];
        double* known = &distance[i * size_b + first_b];
        row[0] = static_cast<double>(x);
        for (size_t y = 1; y <= columns; ++y) {
          const auto left_b = static_cast<size_t>(b.leftmost[first_b + y - 1]) - first_b;
          const double edit = std::min(above[y], row[y - 1]) + 1.0;
          if (left_a == 0 && left_b == 0) {
            row[y] = std::min(edit, above[y - 1] + known[y - 1]);
            known[y - 1] = row[y];
          } else {
            row[y] = std::min(edit, before_subtree[left_b] + known[y - 1]);
          }
        }
      }
    }
  }
  return distance.back();
}

std::vector<int64_t> children(const OrderedTree& tree, int64_t node) {
  std::vector<int64_t> result;
  const int64_t first = tree.leftmost[static_cast<size_t>(node)];
  for (int64_t child = node - 1; child >= first;
       child = tree.leftmost[static_cast<size_t>(child)] - 1) {
    result.push_back(child);
  }
  std::reverse(result.begin(), result.end());
  return result;
}

double distance_by_position(const OrderedTree& a, const OrderedTree& b, RenameCosts& rename) {
  double distance = 0.0;
  std::vector<std::pair<int64_t, int64_t>> open{{a.size() - 1, b.size() - 1}};
  while (!open.empty()) {
    const auto [node_a, node_b] = open.back();
    open.pop_back();
    distance += rename.cost(node_a, node_b);
    const std::vector<int64_t> children_a = children(a, node_a);
    const std::vector<int64_t> children_b = children(b, node_b);
    const size_t common = std::min(children_a.size(), children_b.size());
    for (size_t k = 0; k < common; ++k) open.emplace_back(children_a[k], children_b[k]);
    for (size_t k = common; k < children_a.size(); ++k) {
      distance += static_cast<double>(subtree_size(a, children_a[k]));
    }
    for (size_t k = common; k < children_b.size(); ++k) {
      distance += static_cast<double>(subtree_size(b, children_b[k]));
    }
  }
  return distance;
}

}  // namespace

void RenameCosts::costs(int64_t node_a, std::span<double> costs) {
  for (size_t j = 0; j < costs.size(); ++j) costs[j] = cost(node_a, static_cast<int64_t>(j));
}

TreeDistance tree_edit_distance(const OrderedTree& a, const OrderedTree& b, RenameCosts& rename,
                                const TreeDistanceLimits& limits) {
  if (a.size() == 0 || b.size() == 0) return {static_cast<double>(a.size() + b.size()), true};
  if (a.size() > limits.max_pairs / b.size()) return {distance_by_position(a, b, rename), false};
  const std::vector<int64_t> roots_a = key_roots(a);
  const std::vector<int64_t> roots_b = key_roots(b);
  if (forest_work(a, roots_a) > limits.max_steps / forest_work(b, roots_b)) {
    return {distance_by_position(a, b, rename), false};
  }
  return {zhang_shasha(a, b, rename, roots_a, roots_b), true};
}

}  // namespace nvlm::eval
