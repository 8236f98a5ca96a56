// Options whose value is a list: "1,2,4".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nvlm::cli {

/// The parts between commas, as they stand. throws  UsageError naming the option if one is empty
std::vector<std::string> comma_list(const std::string& option, const std::string& text);

/// The same as whole numbers of at least `low`.
/// throws  UsageError naming the option and the part that is no such number
std::vector<int64_t> comma_numbers(const std::string& option, const std::string& text, int64_t low);

}  // namespace nvlm::cli
