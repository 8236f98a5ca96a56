// A tolerant HTML reader for tables from models and data sets: bounded, never recursive.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nvlm::eval {

inline constexpr int64_t kMaxHtmlBytes = int64_t{64} << 20;
inline constexpr int64_t kMaxHtmlNodes = 1'000'000;
inline constexpr int64_t kMaxHtmlDepth = 256;

/// An element, or a text if `tag` is empty.
struct HtmlNode {
  std::string tag;                        // lower case
  std::string text;                       // UTF-8, character references decoded
  int32_t row_span = 1, column_span = 1;  // as written, 0 to 65534; 1 where absent or no number
  int32_t parent = -1, first_child = -1, last_child = -1, next_sibling = -1;

  bool is_text() const { return tag.empty(); }
};

/// The nodes in the order in which they begin. Node 0 is the document itself, with the tag
/// "#document".
struct HtmlDocument {
  std::vector<HtmlNode> nodes;

  const HtmlNode& operator[](int32_t node) const { return nodes[static_cast<size_t>(node)]; }
  /// The first child element with this tag, or -1.
  int32_t child(int32_t node, std::string_view tag) const;
  /// The first element with this tag in document order, or -1.
  int32_t find(std::string_view tag) const;
};

/// Parses HTML, whatever is wrong with it. Comments, declarations, script and style are dropped;
/// open cells, rows, paragraphs and list items are closed where the next one begins; a cell outside
/// a row gets one; end tags without a start are ignored; `<td/>` is an empty cell. Nothing else is
/// added: no html, body or tbody that is not written.
/// throws  std::runtime_error if the text is larger, has more nodes or nests deeper than the limits
HtmlDocument parse_html(std::string_view html);

/// Visits `root` and all below it in document order without recursion: enter(node), which returns
/// whether to visit the children, then the children, then leave(node).
template <class Enter, class Leave>
void walk_html(const HtmlDocument& document, int32_t root, Enter enter, Leave leave) {
  int32_t node = root;
  while (true) {
    if (enter(node) && document[node].first_child >= 0) {
      node = document[node].first_child;
      continue;
    }
    while (true) {
      leave(node);
      if (node == root) return;
      if (document[node].next_sibling >= 0) break;
      node = document[node].parent;
    }
    node = document[node].next_sibling;
  }
}

}  // namespace nvlm::eval
