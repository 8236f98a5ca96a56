#include "eval/table/html_tree_builder.h"

#include <algorithm>
#include <stdexcept>

namespace nvlm::eval {
namespace {

template <size_t kCount>
bool is_one_of(std::string_view tag, const std::array<std::string_view, kCount>& tags) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

constexpr std::array<std::string_view, 14> kVoidTags = {"br",    "hr",  "img",  "input", "meta",
                                                        "link",  "col", "area", "embed", "source",
                                                        "track", "wbr", "base", "param"};
constexpr std::array<std::string_view, 3> kSectionTags = {"thead", "tbody", "tfoot"};
constexpr std::array<std::string_view, 2> kCellTags = {"td", "th"};

}  // namespace

HtmlTreeBuilder::HtmlTreeBuilder() {
  HtmlNode root;
  root.tag = "#document";
  document_.nodes.push_back(std::move(root));
  open_.push_back(0);
}

void HtmlTreeBuilder::start(HtmlNode node, bool self_closing, size_t at) {
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

void HtmlTreeBuilder::end(std::string_view tag) {
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

void HtmlTreeBuilder::text(std::string text) {
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

size_t HtmlTreeBuilder::find_open(std::string_view tag,
                                  const std::array<std::string_view, 3>& barriers) const {
  for (size_t level = open_.size() - 1; level > 0; --level) {
    if (open_tag(level) == tag) return level;
    if (is_one_of(open_tag(level), barriers)) return 0;
  }
  return 0;
}

void HtmlTreeBuilder::close_from(size_t level) {
  if (level > 0) open_.resize(level);
}

void HtmlTreeBuilder::close_implied(const std::string& tag, size_t at) {
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

int32_t HtmlTreeBuilder::append(HtmlNode node) {
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

}  // namespace nvlm::eval
