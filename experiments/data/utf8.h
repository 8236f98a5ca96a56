// UTF-8 of the texts that we make ourselves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nvlm::experiments {

/// Code points of valid UTF-8. throws std::invalid_argument on malformed input.
std::u32string code_points(std::string_view utf8);

/// Number of code points of valid UTF-8.
int64_t num_code_points(std::string_view utf8);

/// UTF-8 of one code point.
std::string to_utf8(char32_t code_point);

}  // namespace nvlm::experiments
