// The text of configuration files: lines, sections, quotes, lists, numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nvlm {

/// One `key = value` line of a file, with the section put before the key.
struct ConfigLine {
  std::string key;    // "train.steps"
  std::string value;  // as written, without comment and blanks around it
  int line = 0;       // counted from 1
};

/// What a file holds.
struct ConfigText {
  std::vector<ConfigLine> lines;
  std::vector<ConfigLine> sections;  // key = the section's name
};

/// Splits text into lines of `[section]` and `key = value`. A comment begins with # or ; at the
/// start of a line, or with # after a blank; not inside double quotes.
/// throws  UsageError "<where>:<line>: ..." for a line that is neither
ConfigText read_config_text(std::string_view text, const std::string& where);

/// `value` as it can stand after `key =`: in double quotes with escapes (\" \\ \n \t \r \xHH) where
/// reading would not give the same bytes otherwise.
std::string quote_config_string(const std::string& value);
/// The inverse; text that does not begin with a double quote stands for itself.
/// Nothing if the quotes or escapes are malformed.
std::optional<std::string> unquote_config_string(std::string_view text);

/// A list as `a, b`, entries quoted where needed, and its inverse. Empty text is an empty list.
std::string join_config_list(const std::vector<std::string>& entries);
std::optional<std::vector<std::string>> split_config_list(std::string_view text);

/// Shortest text that reads back to the same bits, and strict inverses: no blanks, no rest.
std::string format_config_number(double value);
std::optional<double> parse_config_double(std::string_view text);
std::optional<int64_t> parse_config_integer(std::string_view text);

}  // namespace nvlm
