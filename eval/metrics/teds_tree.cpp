#include "eval/metrics/teds_tree.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "eval/table/html_document.h"
#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

/// Builds a TedsTree from begin and end of its nodes in document order.
class TedsTreeBuilder {
 public:
  void begin() { first_leaf_.push_back(static_cast<int32_t>(tree_.nodes.size())); }
  void end(TedsNode node) {
    tree_.nodes.push_back(std::move(node));
    tree_.shape.leftmost.push_back(first_leaf_.back());
    first_leaf_.pop_back();
  }
  void count_element() { ++tree_.num_elements; }
  uint32_t token(const std::string& tag) {
    const auto [entry, is_new] =
        tokens_.try_emplace(tag, static_cast<uint32_t>(tree_.tag_tokens.size()));
    if (is_new) tree_.tag_tokens.push_back(tag);
    return TedsTree::kFirstTagToken + entry->second;
  }
  TedsTree take() { return std::move(tree_); }

 private:
  TedsTree tree_;
  std::vector<int32_t> first_leaf_;  // per open node
  std::unordered_map<std::string, uint32_t> tokens_;
};

void append_text(std::string_view text, std::vector<uint32_t>& content) {
  const std::u32string code_points = decode_utf8(text);
  content.insert(content.end(), code_points.begin(), code_points.end());
}

bool begins_like_a_document(std::string_view html) {
  const size_t first = html.find_first_not_of(" \t\n\r\f\v");
  if (first == std::string_view::npos) return false;
  std::string start(html.substr(first, 9));
  std::transform(start.begin(), start.end(), start.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return start.starts_with("<html") || start == "<!doctype";
}

}  // namespace

TedsTree teds_tree(const Table& table) {
  TedsTreeBuilder builder;
  builder.begin();
  size_t next = 0;
  for (int64_t row = 0; row < table.num_rows; ++row) {
    builder.begin();
    for (; next < table.cells.size() && table.cells[next].row == row; ++next) {
      const TableCell& cell = table.cells[next];
      TedsNode node{
          "td", static_cast<int32_t>(cell.row_span), static_cast<int32_t>(cell.column_span), {}};
      append_text(cell.text, node.content);
      builder.begin();
      builder.end(std::move(node));
      builder.count_element();
    }
    builder.end({"tr", 1, 1, {}});
    builder.count_element();
  }
  builder.end({"table", 1, 1, {}});
  return builder.take();
}

std::optional<TedsTree> teds_tree(std::string_view html) {
  if (!begins_like_a_document(html)) return std::nullopt;
  const HtmlDocument document = parse_html(html);
  int32_t table = 0;
  for (const std::string_view tag : {"html", "body", "table"}) {
    table = document.child(table, tag);
    if (table < 0) return std::nullopt;
  }

  TedsTreeBuilder builder;
  TedsNode cell;
  int64_t cell_depth = 0;  // levels of elements open within a cell, the cell included
  int32_t left = -1;       // the element that was left last
  walk_html(
      document, table,
      [&](int32_t index) {
        const HtmlNode& node = document[index];
        if (node.is_text()) {
          // Text after a td of a nested table is lost in the reference.
          const bool after_td =
              left >= 0 && document[left].next_sibling == index && document[left].tag == "td";
          if (cell_depth > 0 && !after_td) append_text(node.text, cell.content);
          return false;
        }
        if (index != table) builder.count_element();
        if (cell_depth > 0) {
          cell.content.push_back(builder.token("<" + node.tag + ">"));
          ++cell_depth;
          return true;
        }
        builder.begin();
        if (node.tag == "td") {
          cell = {"td", node.row_span, node.column_span, {}};
          cell_depth = 1;
        }
        return true;
      },
      [&](int32_t index) {
        const HtmlNode& node = document[index];
        if (node.is_text()) return;
        left = index;
        if (cell_depth > 1) {
          cell.content.push_back(builder.token("</" + node.tag + ">"));
          --cell_depth;
        } else if (cell_depth == 1) {
          builder.end(std::move(cell));
          cell_depth = 0;
        } else {
          builder.end({node.tag, 1, 1, {}});
        }
      });
  return builder.take();
}

}  // namespace nvlm::eval
