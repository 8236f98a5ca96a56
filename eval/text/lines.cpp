#include "eval/text/lines.h"

#include <algorithm>

namespace nvlm::eval {

std::vector<FileLine> non_blank_lines(std::string_view content) {
  std::vector<FileLine> lines;
  int64_t number = 0;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    ++number;
    const std::string_view text = content.substr(begin, end - begin);
    if (text.find_first_not_of(" \t\r") != std::string_view::npos) {
      lines.push_back({text, number, begin, end < content.size()});
    }
    begin = end + 1;
  }
  return lines;
}

}  // namespace nvlm::eval
