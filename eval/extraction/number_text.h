// Numbers as people write them in tables.
#pragma once

#include <optional>
#include <string_view>

namespace nvlm::eval {

struct NumberText {
  double value = 0;
  int decimals = 0;  // digits after the decimal mark
};

/// The number that a cell's text is, or nothing. Understood: marks before it ("~", "<", U+2264 and
/// the like), sign (also U+2212 and dashes), a pair of round brackets for a negative number, one
/// currency sign or unit of up to three letters before or after (but no single letter that digits
/// are misread as, right after a digit: "1O"), `%`, thousands in groups of three by comma, point,
/// apostrophe or blank, a decimal comma or point, an exponent, and marks of footnotes (`*`,
/// superscript digits, daggers) at the end. One mark followed by exactly three digits ("1,234",
/// "1.234") is taken for thousands if it is a comma, and for a decimal if it is a point; a second
/// reading is not tried.
std::optional<NumberText> parse_number(std::string_view text);

/// Whether the text stands for "no value" in a column of numbers: blank, dashes, "n/a", "NA", "-",
/// "...", "?" and the like.
bool is_no_value(std::string_view text);

}  // namespace nvlm::eval
