#include "common/config_text.h"

#include <charconv>
#include <cmath>
#include <system_error>

#include "common/error.h"

namespace nvlm {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// The position behind the quoted string that starts at `begin`, or the end of the text.
size_t end_of_quotes(std::string_view text, size_t begin) {
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

// Calls `visit(position)` for every character of a value that is not in quotes; quotes open only at
// the start of an entry. Stops when `visit` returns false.
template <class Visit>
void outside_quotes(std::string_view text, const Visit& visit) {
  bool entry_start = true;
  for (size_t i = 0; i < text.size();) {
    if (entry_start && text[i] == '"') {
      i = end_of_quotes(text, i);
      entry_start = false;
      continue;
    }
    if (!visit(i)) return;
    if (text[i] == ',') {
      entry_start = true;
    } else if (kBlanks.find(text[i]) == std::string_view::npos) {
      entry_start = false;
    }
    ++i;
  }
}

std::string_view without_comment(std::string_view value) {
  size_t end = value.size();
  outside_quotes(value, [&](size_t i) {
    const bool comment =
        value[i] == '#' && (i == 0 || kBlanks.find(value[i - 1]) != std::string_view::npos);
    if (comment) end = i;
    return !comment;
  });
  return trimmed(value.substr(0, end));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string quoted(const std::string& value) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (c == '\r') {
      result += "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      result += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      result += c;
    }
  }
  return result + "\"";
}

bool has_control_or_edge_blank(const std::string& value) {
  if (trimmed(value).size() != value.size()) return true;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return true;
  }
  return false;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

ConfigText read_config_text(std::string_view text, const std::string& where) {
  ConfigText result;
  std::string section;
  int number = 0;
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);  // byte order mark
  while (!text.empty()) {
    ++number;
    const size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    const auto throw_bad_line = [&](const std::string& expected) {
      throw UsageError(where + ":" + std::to_string(number) + ": '" + std::string(line) +
                       "', expected " + expected);
    };
    if (line[0] == '[') {
      const std::string_view header = without_comment(line);
      if (header.size() < 3 || header.back() != ']') throw_bad_line("[section]");
      section = trimmed(header.substr(1, header.size() - 2));
      result.sections.push_back({section, "", number});
      continue;
    }
    const size_t equals = line.find('=');
    const std::string key(trimmed(line.substr(0, equals)));
    if (equals == std::string_view::npos || key.empty()) {
      throw_bad_line("[section] or key = value");
    }
    result.lines.push_back({section.empty() ? key : section + "." + key,
                            std::string(without_comment(trimmed(line.substr(equals + 1)))),
                            number});
  }
  return result;
}

std::string quote_config_string(const std::string& value) {
  const bool plain = !has_control_or_edge_blank(value) && value.find('#') == std::string::npos &&
                     value.find('"') == std::string::npos;
  return plain ? value : quoted(value);
}

std::optional<std::string> unquote_config_string(std::string_view text) {
  if (text.empty() || text[0] != '"') return std::string(text);
  if (text.size() < 2 || text.back() != '"' || end_of_quotes(text, 0) != text.size()) {
    return std::nullopt;
  }
  const std::string_view inside = text.substr(1, text.size() - 2);
  std::string result;
  for (size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != '\\') {
      result += inside[i];
      continue;
    }
    if (++i == inside.size()) return std::nullopt;
    switch (inside[i]) {
      case '"':
      case '\\':
        result += inside[i];
        break;
      case 'n':
        result += '\n';
        break;
      case 't':
        result += '\t';
        break;
      case 'r':
        result += '\r';
        break;
      case 'x': {
        if (i + 2 >= inside.size()) return std::nullopt;
        const int high = hex_digit(inside[i + 1]);
        const int low = hex_digit(inside[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        result += static_cast<char>(high * 16 + low);
        i += 2;
        break;
      }
      default:
        return std::nullopt;
    }
  }
  return result;
}

std::string join_config_list(const std::vector<std::string>& entries) {
  std::string result;
  for (const std::string& entry : entries) {
    if (!result.empty()) result += ", ";
    const bool needs_quotes = entry.empty() || entry.find(',') != std::string::npos;
    result += needs_quotes ? quoted(entry) : quote_config_string(entry);
  }
  return result;
}

std::optional<std::vector<std::string>> split_config_list(std::string_view text) {
  std::vector<std::string> entries;
  if (trimmed(text).empty()) return entries;
  bool valid = true;
  const auto take = [&](std::string_view part) {
    std::optional<std::string> entry = unquote_config_string(trimmed(part));
    valid = valid && entry.has_value() && !trimmed(part).empty();
    entries.push_back(entry.value_or(""));
  };
  size_t begin = 0;
  outside_quotes(text, [&](size_t i) {
    if (text[i] == ',') {
      take(text.substr(begin, i - begin));
      begin = i + 1;
    }
    return true;
  });
  take(text.substr(begin));
  if (!valid) return std::nullopt;
  return entries;
}

std::string format_config_number(double value) {
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end);
}

std::optional<double> parse_config_double(std::string_view text) {
  const std::optional<double> value = parse_number<double>(text);
  return value && !std::isnan(*value) ? value : std::nullopt;
}

std::optional<int64_t> parse_config_integer(std::string_view text) {
  return parse_number<int64_t>(text);
}

}  // namespace nvlm
