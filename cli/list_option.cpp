#include "cli/list_option.h"

#include <charconv>
#include <sstream>

#include "common/error.h"

namespace nvlm::cli {

std::vector<std::string> comma_list(const std::string& option, const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text + ",");
  for (std::string part; std::getline(stream, part, ',');) {
    if (part.empty()) {
      throw UsageError(option + ": '" + text + "', expected values with commas between them");
    }
    parts.push_back(part);
  }
  return parts;
}

std::vector<int64_t> comma_numbers(const std::string& option, const std::string& text,
                                   int64_t low) {
  std::vector<int64_t> numbers;
  for (const std::string& part : comma_list(option, text)) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || value < low) {
      throw UsageError(option + ": '" + part + "', expected a whole number of " +
                       std::to_string(low) + " or more");
    }
    numbers.push_back(value);
  }
  return numbers;
}

}  // namespace nvlm::cli
