#include "eval/table/html_document.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "eval/table/html_entities.h"

namespace nvlm::eval {
namespace {

constexpr int32_t kLargestSpan = 65534;  // HTML's own limit for rowspan

template <size_t kCount>
bool is_one_of(std::string_view tag, const std::array<std::string_view, kCount>& tags) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

constexpr std::array<std::string_view, 14> kVoidTags = {"br",    "hr",  "img",  "input", "meta",
                                                        "link",  "col", "area", "embed", "source",
                                                        "track", "wbr", "base", "param"};
constexpr std::array<std::string_view, 3> kSectionTags = {"thead", "tbody", "tfoot"};
constexpr std::array<std::string_view, 2> kCellTags = {"td", "th"};
constexpr std::array<std::string_view, 2> kDroppedTags = {"script", "style"};

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

/// The tree under construction: places each start tag, end tag and text.
class HtmlTreeBuilder {
 public:
  HtmlTreeBuilder() {
    HtmlNode root;
    root.tag = "#document";
    document_.nodes.push_back(std::move(root));
    open_.push_back(0);
  }

  void start(HtmlNode node, bool self_closing, size_t at) {
    const std::string tag = node.tag;
    if ((tag == "html" || tag == "body") && find_open(tag, {}) > 0) return;
    close_implied(tag, at);
    const int32_t index = append(std::move(node));
    if (self_closing || is_one_of(tag, kVoidTags)) return;
    if (static_cast<int64_t>(open_.size()) > kMaxHtmlDepth) {
      throw std::runtime_error("html: tags nested deeper than " + std::to_string(kMaxHtmlDepth) +
                               " at byte " + std::to_string(at));
    }
    open_.push_back(index);
  }

  void end(std::string_view tag) {
    if (tag == "html" || tag == "body") return;  // what follows is read as if it stood before
    size_t found = 0;
    if (tag == "table") {
      found = find_open(tag, {});
    } else if (tag == "tr" || is_one_of(tag, kSectionTags) || is_one_of(tag, kCellTags)) {
      found = find_open(tag, {"table", "", ""});
    } else {
      found = find_open(tag, {"table", "td", "th"});
    }
    if (found > 0) open_.resize(found);
  }

  void text(std::string text) {
    if (text.empty()) return;
    const int32_t last = document_[open_.back()].last_child;
    if (last >= 0 && document_[last].is_text()) {
      document_.nodes[static_cast<size_t>(last)].text += text;
      return;
    }
    HtmlNode node;
    node.text = std::move(text);
    append(std::move(node));
  }

  HtmlDocument take() { return std::move(document_); }

 private:
  const std::string& open_tag(size_t level) const { return document_[open_[level]].tag; }

  /// The level of the innermost open element `tag`, not looking beyond one of `barriers`; or 0.
  size_t find_open(std::string_view tag, const std::array<std::string_view, 3>& barriers) const {
    for (size_t level = open_.size() - 1; level > 0; --level) {
      if (open_tag(level) == tag) return level;
      if (is_one_of(open_tag(level), barriers)) return 0;
    }
    return 0;
  }

  void close_from(size_t level) {
    if (level > 0) open_.resize(level);
  }

  /// Ends what the start of `tag` ends by itself.
  void close_implied(const std::string& tag, size_t at) {
    if (is_one_of(tag, kCellTags)) {
      const size_t td = find_open("td", {"table", "", ""});
      const size_t th = find_open("th", {"table", "", ""});
      close_from(td == 0 ? th : (th == 0 ? td : std::min(td, th)));
      const std::string& parent = open_tag(open_.size() - 1);
      if (parent == "table" || is_one_of(parent, kSectionTags)) {
        HtmlNode row;
        row.tag = "tr";
        start(std::move(row), false, at);
      }
    } else if (tag == "tr") {
      for (const std::string_view ended : {"tr", "caption", "colgroup"}) {
        close_from(find_open(ended, {"table", "", ""}));
      }
    } else if (is_one_of(tag, kSectionTags)) {
      const size_t table = find_open("table", {});
      if (table > 0) open_.resize(table + 1);
    } else if (tag == "p" || tag == "li") {
      close_from(find_open(tag, {"table", "td", "th"}));
    } else if (tag == "body") {
      close_from(find_open("head", {}));
    }
  }

  int32_t append(HtmlNode node) {
    if (static_cast<int64_t>(document_.nodes.size()) >= kMaxHtmlNodes) {
      throw std::runtime_error("html: more than " + std::to_string(kMaxHtmlNodes) +
                               " elements and texts");
    }
    const auto index = static_cast<int32_t>(document_.nodes.size());
    const int32_t parent = open_.back();
    node.parent = parent;
    document_.nodes.push_back(std::move(node));
    HtmlNode& above = document_.nodes[static_cast<size_t>(parent)];
    if (above.last_child >= 0) {
      document_.nodes[static_cast<size_t>(above.last_child)].next_sibling = index;
    } else {
      above.first_child = index;
    }
    above.last_child = index;
    return index;
  }

  HtmlDocument document_;
  std::vector<int32_t> open_;  // from the document down to the innermost open element
};

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
    if (is_one_of(tag, kDroppedTags)) {
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
