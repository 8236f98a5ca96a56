// Which pages of a document are asked for: "1-3,7".
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace nvlm::eval {

/// Pages from 1, both ends included.
struct PageRange {
  int64_t first = 1, last = 1;
};

/// "1-3,7" or "5-" (to the end); "" is all pages.
/// throws  UsageError naming the part that is no range
std::vector<PageRange> parse_page_ranges(std::string_view text);

/// The page numbers of a document in ascending order, each once.
/// throws  std::runtime_error if a range has no page in it
std::vector<int64_t> select_pages(const std::vector<PageRange>& ranges, int64_t num_pages);

}  // namespace nvlm::eval
