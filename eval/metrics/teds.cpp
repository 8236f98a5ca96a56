#include "eval/metrics/teds.h"

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "eval/metrics/edit_distance.h"

namespace nvlm::eval {
namespace {

/// Bounds the comparison of all cells with all cells, and of two single cells: 64 x 1 characters
/// each, a few nanoseconds.
constexpr double kMaxContentSteps = 1e9;
constexpr double kMaxCellSteps = 1e8;

double num_blocks(size_t length) { return static_cast<double>((length + 63) / 64); }

/// PubTabNet's costs. Labels and content tokens of both trees are numbered first.
class TedsCosts : public RenameCosts {
 public:
  TedsCosts(const TedsTree& a, const TedsTree& b, TedsContent content)
      : compare_content_(content == TedsContent::kCompare) {
    a_ = number(a);
    b_ = number(b);
    engine_ = EditDistance(static_cast<uint32_t>(symbols_.size() + tag_symbols_.size()));
  }

  /// Whether comparing every cell with every cell would take too long.
  bool is_too_long() const {
    if (!compare_content_) return false;
    double blocks = 0.0;
    double length = 0.0;
    for (const Node& node : a_) blocks += num_blocks(node.content.size());
    for (const Node& node : b_) length += static_cast<double>(node.content.size());
    return blocks * length > kMaxContentSteps;
  }

  double cost(int64_t node_a, int64_t node_b) override {
    const Node& a = a_[static_cast<size_t>(node_a)];
    const Node& b = b_[static_cast<size_t>(node_b)];
    if (a.label != b.label) return 1.0;
    if (!compares(a)) return 0.0;
    if (a.content == b.content) return 0.0;
    if (num_blocks(a.content.size()) * static_cast<double>(b.content.size()) > kMaxCellSteps) {
      return 1.0;
    }
    engine_.set_pattern(a.content);
    return content_cost(a, b);
  }

  void costs(int64_t node_a, std::span<double> costs) override {
    const Node& a = a_[static_cast<size_t>(node_a)];
    if (compares(a)) engine_.set_pattern(a.content);
    for (size_t j = 0; j < costs.size(); ++j) {
      costs[j] = a.label != b_[j].label ? 1.0 : (compares(a) ? content_cost(a, b_[j]) : 0.0);
    }
  }

 private:
  struct Node {
    uint32_t label = 0;
    bool is_cell = false;
    std::vector<uint32_t> content;
  };

  bool compares(const Node& node) const { return compare_content_ && node.is_cell; }

  /// Of two cells, the first one's content being the engine's pattern.
  double content_cost(const Node& a, const Node& b) {
    const size_t longer = std::max(a.content.size(), b.content.size());
    if (longer == 0) return 0.0;
    if (a.content.empty() || b.content.empty()) return 1.0;
    return static_cast<double>(engine_.distance(b.content)) / static_cast<double>(longer);
  }

  std::vector<Node> number(const TedsTree& tree) {
    std::vector<Node> nodes(tree.nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
      const TedsNode& from = tree.nodes[i];
      nodes[i].label = labels_
                           .try_emplace(std::tuple(from.tag, from.row_span, from.column_span),
                                        static_cast<uint32_t>(labels_.size()))
                           .first->second;
      nodes[i].is_cell = from.tag == "td";
      if (!compare_content_) continue;
      nodes[i].content.reserve(from.content.size());
      for (const uint32_t token : from.content) {
        nodes[i].content.push_back(symbol(tree, token));
      }
    }
    return nodes;
  }

  uint32_t symbol(const TedsTree& tree, uint32_t token) {
    const auto next = static_cast<uint32_t>(symbols_.size() + tag_symbols_.size());
    if (token < TedsTree::kFirstTagToken) return symbols_.try_emplace(token, next).first->second;
    return tag_symbols_.try_emplace(tree.tag_tokens[token - TedsTree::kFirstTagToken], next)
        .first->second;
  }

  bool compare_content_;
  std::map<std::tuple<std::string, int32_t, int32_t>, uint32_t> labels_;
  std::unordered_map<uint32_t, uint32_t> symbols_;
  std::unordered_map<std::string, uint32_t> tag_symbols_;
  std::vector<Node> a_, b_;
  EditDistance engine_{0};
};

}  // namespace

TedsScore teds(const TedsTree& prediction, const TedsTree& truth, TedsContent content) {
  TedsScore result;
  result.prediction_elements = prediction.num_elements;
  result.truth_elements = truth.num_elements;
  TedsCosts costs(prediction, truth, content);
  TreeDistanceLimits limits;
  if (costs.is_too_long()) limits.max_pairs = 0;
  const TreeDistance tree = tree_edit_distance(prediction.shape, truth.shape, costs, limits);
  result.distance = tree.distance;
  result.exact = tree.exact;
  const int64_t larger = std::max(prediction.num_elements, truth.num_elements);
  result.score = larger == 0 ? 1.0 : 1.0 - tree.distance / static_cast<double>(larger);
  return result;
}

TedsScore teds(const Table& prediction, const Table& truth, TedsContent content) {
  return teds(teds_tree(prediction), teds_tree(truth), content);
}

TedsScore teds_html(std::string_view prediction, std::string_view truth, TedsContent content) {
  const std::optional<TedsTree> a = teds_tree(prediction);
  const std::optional<TedsTree> b = teds_tree(truth);
  if (!a || !b) return {};
  return teds(*a, *b, content);
}

}  // namespace nvlm::eval
