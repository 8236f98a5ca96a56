// Character references of HTML: &amp; &#65; &#x41; and the names of HTML 4.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nvlm::eval {

/// Reads the reference at the start of `text` (which begins with '&'), appends its UTF-8 to `out`
/// and returns its length in bytes. 0, with nothing appended, if it is none: unknown, or without
/// ';'.
size_t decode_html_entity(std::string_view text, std::string& out);

}  // namespace nvlm::eval
