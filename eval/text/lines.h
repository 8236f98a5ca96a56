// The lines of a JSON Lines file.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace nvlm::eval {

struct FileLine {
  std::string_view text;    // without its end
  int64_t number = 0;       // from 1
  size_t begin = 0;         // offset of its first byte
  bool terminated = false;  // a newline follows
};

/// All lines of `content` that hold more than white space. The views point into `content`.
std::vector<FileLine> non_blank_lines(std::string_view content);

}  // namespace nvlm::eval
