// Tables as the trees that TEDS compares.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/metrics/tree_edit_distance.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// An element of a table, or the table itself.
struct TedsNode {
  std::string tag;
  int32_t row_span = 1, column_span = 1;  // of td only, as PubTabNet has it
  /// Of td only: code points, and for every inline tag kFirstTagToken + its index in tag_tokens.
  std::vector<uint32_t> content;
};

struct TedsTree {
  static constexpr uint32_t kFirstTagToken = 0x110000;

  OrderedTree shape;
  std::vector<TedsNode> nodes;          // in postorder; the last one is the table
  std::vector<std::string> tag_tokens;  // "<b>", "</b>", ...
  int64_t num_elements = 0;             // below the table, inline elements in cells included
};

/// table > tr > td with the spans and texts of `table`, as they are; headers are cells like others.
TedsTree teds_tree(const Table& table);

/// The tree of PubTabNet's metric: the first table directly below html/body, thead, th and all. td
/// is a leaf, every other element an inner node. Nothing if the text does not begin with <html or a
/// doctype or has no html/body/table.
/// throws  std::runtime_error beyond the limits of parse_html
/// source: src/metric.py of ibm-aur-nlp/PubTabNet
std::optional<TedsTree> teds_tree(std::string_view html);

}  // namespace nvlm::eval
