#include "eval/table/html_document.h"

#include <algorithm>
#include <stdexcept>

#include "eval/table/html_entities.h"
#include "eval/table/html_tree_builder.h"

namespace nvlm::eval {
namespace {

constexpr int32_t kLargestSpan = 65534;  // HTML's own limit for rowspan

bool is_dropped(std::string_view tag) { return tag == "script" || tag == "style"; }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

/// The digits at the start of an attribute's value; 1 if there are none.
int32_t parse_span(std::string_view value) {
  while (!value.empty() && is_space(value.front())) value.remove_prefix(1);
  if (value.empty() || value.front() < '0' || value.front() > '9') return 1;
  int32_t span = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') break;
    span = std::min(span * 10 + (c - '0'), kLargestSpan);
  }
  return span;
}

/// Cuts the text into tags and texts, each in one pass over its bytes.
class HtmlScanner {
 public:
  explicit HtmlScanner(std::string_view html) : html_(html) {}

  HtmlDocument scan() {
    while (at_ < html_.size()) {
      if (html_[at_] != '<' || !scan_markup()) scan_text();
    }
    return builder_.take();
  }

 private:
  char peek(size_t offset) const {
    return at_ + offset < html_.size() ? html_[at_ + offset] : '\0';
  }

  void skip_past(std::string_view end) {
    const size_t found = html_.find(end, at_);
    at_ = found == std::string_view::npos ? html_.size() : found + end.size();
  }

  /// Reads the markup at '<'; false if it is none, so that the '<' is text.
  bool scan_markup() {
    if (html_.substr(at_, 4) == "<!--") {
      at_ += 4;
      skip_past("-->");
    } else if (peek(1) == '!' || peek(1) == '?') {
      skip_past(">");
    } else if (peek(1) == '/' && is_letter(peek(2))) {
      at_ += 2;
      const std::string tag = scan_name();
      skip_past(">");
      builder_.end(tag);
    } else if (is_letter(peek(1))) {
      scan_start_tag();
    } else {
      return false;
    }
    return true;
  }

  std::string scan_name() {
    const size_t end = std::min(html_.find_first_of(" \t\n\r\f/>", at_), html_.size());
    std::string name = lowered(html_.substr(at_, end - at_));
    at_ = end;
    return name;
  }

  void scan_start_tag() {
    const size_t begin = at_++;
    HtmlNode node;
    node.tag = scan_name();
    bool self_closing = false;
    bool has_row_span = false;
    bool has_column_span = false;
    while (true) {
      while (at_ < html_.size() && (is_space(html_[at_]) || html_[at_] == '/')) {
        self_closing = html_[at_++] == '/';
      }
      if (at_ >= html_.size()) return;  // the text ends within the tag: no tag
      if (html_[at_] == '>') break;
      self_closing = false;
      const size_t end = std::min(html_.find_first_of(" \t\n\r\f/>=", at_ + 1), html_.size());
      const std::string name = lowered(html_.substr(at_, std::min<size_t>(end - at_, 16)));
      at_ = end;
      const std::string_view value = scan_value();
      if (name == "rowspan" && !has_row_span) {
        node.row_span = parse_span(value);
        has_row_span = true;
      } else if (name == "colspan" && !has_column_span) {
        node.column_span = parse_span(value);
        has_column_span = true;
      }
    }
    ++at_;
    const std::string tag = node.tag;
    if (is_dropped(tag)) {
      if (!self_closing) skip_element(tag);
    } else {
      builder_.start(std::move(node), self_closing, begin);
    }
  }

  /// The value of an attribute whose name ended at at_; empty if it has none.
  std::string_view scan_value() {
    size_t next = at_;
    while (next < html_.size() && is_space(html_[next])) ++next;
    if (next >= html_.size() || html_[next] != '=') return {};
    at_ = next + 1;
    while (at_ < html_.size() && is_space(html_[at_])) ++at_;
    if (at_ >= html_.size()) return {};
    const char quote = html_[at_];
    const bool quoted = quote == '"' || quote == '\'';
    const size_t begin = quoted ? at_ + 1 : at_;
    const size_t end = std::min(
        quoted ? html_.find(quote, begin) : html_.find_first_of(" \t\n\r\f>", begin), html_.size());
    at_ = quoted ? std::min(end + 1, html_.size()) : end;
    return html_.substr(begin, end - begin);
  }

  /// Drops everything up to the end tag of a script or style.
  void skip_element(const std::string& tag) {
    while (at_ < html_.size()) {
      skip_past("</");
      if (lowered(html_.substr(at_, tag.size())) == tag) {
        skip_past(">");
        return;
      }
    }
  }

  void scan_text() {
    std::string text;
    do {  // the first byte is text, even if it is '<'
      const size_t length = html_[at_] == '&' ? decode_html_entity(html_.substr(at_), text) : 0;
      if (length == 0) text.push_back(html_[at_]);
      at_ += length == 0 ? 1 : length;
    } while (at_ < html_.size() && html_[at_] != '<');
    builder_.text(std::move(text));
  }

  std::string_view html_;
  size_t at_ = 0;
  HtmlTreeBuilder builder_;
};

}  // namespace

int32_t HtmlDocument::child(int32_t node, std::string_view tag) const {
  for (int32_t at = (*this)[node].first_child; at >= 0; at = (*this)[at].next_sibling) {
    if ((*this)[at].tag == tag) return at;
  }
  return -1;
}

int32_t HtmlDocument::find(std::string_view tag) const {
  const auto found = std::find_if(nodes.begin(), nodes.end(),
                                  [tag](const HtmlNode& node) { return node.tag == tag; });
  return found == nodes.end() ? -1 : static_cast<int32_t>(found - nodes.begin());
}

HtmlDocument parse_html(std::string_view html) {
  if (static_cast<int64_t>(html.size()) > kMaxHtmlBytes) {
    throw std::runtime_error("html: a text of " + std::to_string(html.size()) +
                             " bytes, expected at most " + std::to_string(kMaxHtmlBytes));
  }
  return HtmlScanner(html).scan();
}

}  // namespace nvlm::eval
