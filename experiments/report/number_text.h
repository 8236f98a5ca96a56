// Numbers as a reader of a report wants them.
#pragma once

#include <string>

namespace nvlm::experiments {

/// With so many digits behind the point; what rounds to 0 has no sign.
std::string decimals(double value, int digits);

/// The same with a sign: "+0.0123".
std::string signed_decimals(double value, int digits);

/// 1234567 -> "1.23 M"; below a thousand as it is, with three digits.
std::string short_number(double value);

/// "0.031"; "< 0.001" below that.
std::string p_value_text(double p_value);

}  // namespace nvlm::experiments
