// Puts the tags and texts of an HTML page where they belong, one after the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eval/table/html_document.h"

namespace nvlm::eval {

/// The tree under construction. Which elements end by themselves is said at parse_html.
class HtmlTreeBuilder {
 public:
  HtmlTreeBuilder();

  /// A start tag at byte `at` of the page; void elements and self-closing tags hold nothing.
  /// throws  std::runtime_error beyond kMaxHtmlNodes or kMaxHtmlDepth
  void start(HtmlNode node, bool self_closing, size_t at);
  /// An end tag; ignored if no such element is open within the same cell or table.
  void end(std::string_view tag);
  /// Text, joined with the text right before it.
  void text(std::string text);

  HtmlDocument take() { return std::move(document_); }

 private:
  const std::string& open_tag(size_t level) const { return document_[open_[level]].tag; }
  /// The level of the innermost open element `tag`, not looking beyond one of `barriers`; or 0.
  size_t find_open(std::string_view tag, const std::array<std::string_view, 3>& barriers) const;
  void close_from(size_t level);
  /// Ends what the start of `tag` ends by itself.
  void close_implied(const std::string& tag, size_t at);
  int32_t append(HtmlNode node);

  HtmlDocument document_;
  std::vector<int32_t> open_;  // from the document down to the innermost open element
};

}  // namespace nvlm::eval
