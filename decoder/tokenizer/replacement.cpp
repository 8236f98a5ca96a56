#include "decoder/tokenizer/replacement.h"

#include <algorithm>
#include <stdexcept>

namespace nvlm::decoder {

std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content) {
  std::string result;
  size_t position = 0;
  for (size_t hit; (hit = text.find(pattern, position)) != std::string_view::npos;
       position = hit + pattern.size()) {
    result += text.substr(position, hit - position);
    result += content;
  }
  result += text.substr(position);
  return result;
}

void TextGrowth::add(double factor, const std::string& where) {
  constexpr double kMost = 1000;
  factor_ *= std::max(factor, 1.0);
  if (factor_ <= kMost) return;
  throw std::runtime_error(where +
                           ": with the steps before it, it may make a text more than 1000 "
                           "times as long");
}

void TextGrowth::add_replace(std::string_view pattern, std::string_view content,
                             const std::string& where) {
  add(static_cast<double>(content.size()) / static_cast<double>(pattern.size()), where);
}

}  // namespace nvlm::decoder
