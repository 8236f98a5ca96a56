#include "eval/extraction/number_text.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }

bool is_minus(char32_t c) { return c == U'-' || c == 0x2212 || c == 0x2012 || c == 0x2013; }

bool is_currency(char32_t c) { return u_charType(static_cast<UChar32>(c)) == U_CURRENCY_SYMBOL; }

bool is_footnote_mark(char32_t c) {
  return c == U'*' || c == 0x2020 || c == 0x2021 || c == 0xB9 || c == 0xB2 || c == 0xB3 ||
         (c >= 0x2070 && c <= 0x2079);
}

/// "about", "less than" and the like before a number.
bool is_comparison(char32_t c) {
  return c == U'~' || c == U'<' || c == U'>' || c == 0x2248 || c == 0x2264 || c == 0x2265 ||
         c == 0xB1;
}

/// A blank of any width, or an apostrophe, between groups of three digits.
bool is_group_mark(char32_t c) { return c == U'\'' || c == 0x2019 || is_unicode_space(c); }

void trim(std::u32string_view& text) {
  while (!text.empty() && is_unicode_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_unicode_space(text.back())) text.remove_suffix(1);
}

/// Takes a sign away; true if it was a minus.
bool take_sign(std::u32string_view& text) {
  if (text.empty() || !(is_minus(text.front()) || text.front() == U'+')) return false;
  const bool minus = text.front() != U'+';
  text.remove_prefix(1);
  trim(text);
  return minus;
}

/// Takes a currency sign, or up to three letters that a blank follows, from the front.
void take_unit_before(std::u32string_view& text) {
  size_t letters = 0;
  while (letters < text.size() && u_isalpha(static_cast<UChar32>(text[letters]))) ++letters;
  if (letters == 0 && !text.empty() && is_currency(text.front())) {
    text.remove_prefix(1);
  } else if (letters >= 1 && letters <= 3 && letters < text.size() &&
             is_unicode_space(text[letters])) {
    text.remove_prefix(letters);
  }
  trim(text);
}

/// Takes footnote marks, then `%`, a currency sign or up to three letters, from the end.
void take_unit_after(std::u32string_view& text) {
  while (!text.empty() && is_footnote_mark(text.back())) text.remove_suffix(1);
  trim(text);
  if (text.empty()) return;
  const char32_t last = text.back();
  if (last == U'%' || last == 0x2030 || last == 0xB0 || is_currency(last)) {
    text.remove_suffix(1);
  } else {
    size_t letters = 0;
    while (letters < text.size() &&
           u_isalpha(static_cast<UChar32>(text[text.size() - 1 - letters]))) {
      ++letters;
    }
    const bool misread = letters == 1 && text.size() > 1 && is_digit(text[text.size() - 2]) &&
                         std::u32string_view(U"OoDlISZB").find(last) != std::u32string_view::npos;
    if (letters <= 3 && !misread) text.remove_suffix(letters);
    if (letters > 0 && !text.empty() && text.back() == 0xB0) text.remove_suffix(1);  // °C
  }
  trim(text);
}

/// Takes "e-5" from the end and returns the exponent; 0 without one.
int take_exponent(std::u32string_view& text) {
  size_t digits = 0;
  while (digits < text.size() && digits < 3 && is_digit(text[text.size() - 1 - digits])) ++digits;
  std::u32string_view head = text.substr(0, text.size() - digits);
  const bool negative = !head.empty() && is_minus(head.back());
  if (!head.empty() && (negative || head.back() == U'+')) head.remove_suffix(1);
  if (digits == 0 || head.size() < 2 || (head.back() | 0x20) != U'e') return 0;
  const int exponent = std::atoi(encode_utf8(text.substr(text.size() - digits)).c_str());
  head.remove_suffix(1);
  text = head;
  return negative ? -exponent : exponent;
}

struct Digits {
  std::string whole, fraction;
};

/// Digits with marks of thousands and decimals.
std::optional<Digits> read_digits(std::u32string_view text) {
  std::vector<std::string> groups(1);
  std::u32string marks;  // between the groups; blanks and apostrophes are one kind
  for (const char32_t c : text) {
    if (is_digit(c)) {
      groups.back() += static_cast<char>(c);
    } else if (c == U'.' || c == U',' || is_group_mark(c)) {
      marks += is_group_mark(c) ? U' ' : c;
      groups.emplace_back();
    } else {
      return std::nullopt;
    }
  }
  Digits digits;
  const bool mixed = marks.size() > 1 && marks.back() != marks.front();
  const bool single_decimal =
      marks.size() == 1 &&
      (marks[0] == U'.' || (marks[0] == U',' && (groups[1].size() != 3 || groups[0].size() > 3 ||
                                                 groups[0].empty() || groups[0] == "0")));
  if (mixed || single_decimal) {
    if (marks.back() == U' ') return std::nullopt;
    digits.fraction = groups.back();
    if (digits.fraction.empty()) return std::nullopt;
    groups.pop_back();
    marks.pop_back();
  }
  for (const char32_t mark : marks) {
    if (mark != marks.front()) return std::nullopt;
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    const bool grouped = i == 0 ? marks.empty() || (!groups[0].empty() && groups[0].size() <= 3)
                                : groups[i].size() == 3;
    if (!grouped) return std::nullopt;
    digits.whole += groups[i];
  }
  if (digits.whole.empty() && digits.fraction.empty()) return std::nullopt;
  return digits;
}

}  // namespace

std::optional<NumberText> parse_number(std::string_view text) {
  constexpr size_t kMaxNumberBytes = 64;
  if (text.size() > kMaxNumberBytes) return std::nullopt;
  const std::u32string code_points = decode_utf8(text);
  std::u32string_view rest = code_points;
  trim(rest);
  while (!rest.empty() && is_comparison(rest.front())) rest.remove_prefix(1);
  trim(rest);
  bool negative = false;
  if (rest.size() > 2 && rest.front() == U'(' && rest.back() == U')') {
    negative = true;
    rest = rest.substr(1, rest.size() - 2);
    trim(rest);
  }
  negative ^= take_sign(rest);
  take_unit_before(rest);
  negative ^= take_sign(rest);
  take_unit_after(rest);
  const int exponent = take_exponent(rest);
  if (rest.empty()) return std::nullopt;
  const std::optional<Digits> digits = read_digits(rest);
  if (!digits) return std::nullopt;
  NumberText number;
  number.decimals = static_cast<int>(digits->fraction.size()) - exponent;
  number.value = std::strtod(
      ("0" + digits->whole + "." + digits->fraction + "e" + std::to_string(exponent)).c_str(),
      nullptr);
  if (!std::isfinite(number.value)) return std::nullopt;
  if (negative) number.value = -number.value;
  return number;
}

bool is_no_value(std::string_view text) {
  static const std::set<std::string, std::less<>> kWords = {"na",    "n/a", "n.a.", "n. a.", "nil",
                                                            "none",  "nd",  "n.d.", "tbd",   "k.a.",
                                                            "k. a.", "x",   "(x)",  "?"};
  const std::u32string code_points = collapse_spaces(decode_utf8(text));
  const bool only_marks = std::all_of(code_points.begin(), code_points.end(), [](char32_t c) {
    return is_minus(c) || c == 0x2014 || c == U'.' || c == 0x2026 || c == U'*' || c == U' ' ||
           c == U':' || c == U'/';
  });
  return only_marks || kWords.contains(lower_case(encode_utf8(code_points)));
}

}  // namespace nvlm::eval
