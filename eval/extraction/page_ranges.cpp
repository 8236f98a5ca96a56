#include "eval/extraction/page_ranges.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include "common/error.h"

namespace nvlm::eval {
namespace {

constexpr int64_t kLastPage = std::numeric_limits<int64_t>::max();

std::optional<int64_t> page_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

PageRange parse_range(std::string_view part) {
  const size_t dash = part.find('-');
  const std::optional<int64_t> first = page_number(part.substr(0, dash));
  std::optional<int64_t> last = first;
  if (dash != std::string_view::npos) {
    last = dash + 1 == part.size() ? kLastPage : page_number(part.substr(dash + 1));
  }
  if (!first || !last || *last < *first) {
    throw UsageError("--pages: '" + std::string(part) +
                     "' is no range of pages, expected for example 1-3,7 or 5-");
  }
  return {*first, *last};
}

}  // namespace

std::vector<PageRange> parse_page_ranges(std::string_view text) {
  std::vector<PageRange> ranges;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    ranges.push_back(parse_range(text.substr(0, comma)));
    if (comma + 1 == text.size()) parse_range("");  // ends with a comma
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return ranges;
}

std::vector<int64_t> select_pages(const std::vector<PageRange>& ranges, int64_t num_pages) {
  std::vector<bool> wanted(static_cast<size_t>(num_pages), ranges.empty());
  for (const PageRange& range : ranges) {
    if (range.first > num_pages) {
      throw std::runtime_error("page " + std::to_string(range.first) +
                               " is asked for, but the document has " + std::to_string(num_pages));
    }
    for (int64_t page = range.first; page <= std::min(range.last, num_pages); ++page) {
      wanted[static_cast<size_t>(page - 1)] = true;
    }
  }
  std::vector<int64_t> pages;
  for (int64_t page = 1; page <= num_pages; ++page) {
    if (wanted[static_cast<size_t>(page - 1)]) pages.push_back(page);
  }
  return pages;
}

}  // namespace nvlm::eval
