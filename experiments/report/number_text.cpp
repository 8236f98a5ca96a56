#include "experiments/report/number_text.h"

#include <cmath>
#include <iomanip>
#include <iterator>
#include <sstream>

namespace nvlm::experiments {

std::string decimals(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  const std::string text = out.str();
  const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
  return is_zero && text.front() == '-' ? text.substr(1) : text;
}

std::string signed_decimals(double value, int digits) {
  const std::string text = decimals(value, digits);
  const bool is_zero = text.find_first_not_of("0.") == std::string::npos;
  return is_zero || text.front() == '-' ? text : "+" + text;
}

std::string short_number(double value) {
  if (value == 0.0 || !std::isfinite(value)) return value == 0.0 ? "0" : "\u2013";
  static constexpr const char* kPrefixes[] = {"", " k", " M", " G", " T", " P", " E"};
  size_t prefix = 0;
  double scaled = value;
  // 999.5 would be written as 1.00e3.
  while (std::abs(scaled) >= 999.5 && prefix + 1 < std::size(kPrefixes)) {
    scaled /= 1000.0;
    ++prefix;
  }
  std::ostringstream text;
  if (prefix == 0) {
    text << std::setprecision(3) << scaled;
  } else {
    const double size = std::abs(scaled);
    text << std::fixed << std::setprecision(size < 9.995 ? 2 : size < 99.95 ? 1 : 0) << scaled;
  }
  return text.str() + kPrefixes[prefix];
}

std::string p_value_text(double p_value) {
  return p_value < 0.001 ? "< 0.001" : decimals(p_value, 3);
}

}  // namespace nvlm::experiments
