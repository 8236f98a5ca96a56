#include "eval/table/html_entities.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <unordered_map>

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

constexpr size_t kLongestReference = 12;  // "&thetasym;" and "&#x10FFFF;" with some room

/// U+00A0..U+00FF in order.
constexpr std::array<std::string_view, 96> kLatin1Names = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",
    "copy",   "ordf",   "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn",
    "sup2",   "sup3",   "acute",  "micro",  "para",   "middot", "cedil",  "sup1",   "ordm",
    "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde",
    "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave",
    "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde",
    "Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",
    "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil",
    "egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",   "eth",
    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave",
    "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};

struct NamedCodePoint {
  std::string_view name;
  char32_t code_point;
};

constexpr std::array kOtherNames = std::to_array<NamedCodePoint>({
    {"amp", 0x26},      {"lt", 0x3C},       {"gt", 0x3E},       {"quot", 0x22},
    {"apos", 0x27},     {"OElig", 0x152},   {"oelig", 0x153},   {"Scaron", 0x160},
    {"scaron", 0x161},  {"Yuml", 0x178},    {"fnof", 0x192},    {"circ", 0x2C6},
    {"tilde", 0x2DC},   {"Alpha", 0x391},   {"Beta", 0x392},    {"Gamma", 0x393},
    {"Delta", 0x394},   {"Epsilon", 0x395}, {"Zeta", 0x396},    {"Eta", 0x397},
    {"Theta", 0x398},   {"Iota", 0x399},    {"Kappa", 0x39A},   {"Lambda", 0x39B},
    {"Mu", 0x39C},      {"Nu", 0x39D},      {"Xi", 0x39E},      {"Omicron", 0x39F},
    {"Pi", 0x3A0},      {"Rho", 0x3A1},     {"Sigma", 0x3A3},   {"Tau", 0x3A4},
    {"Upsilon", 0x3A5}, {"Phi", 0x3A6},     {"Chi", 0x3A7},     {"Psi", 0x3A8},
    {"Omega", 0x3A9},   {"alpha", 0x3B1},   {"beta", 0x3B2},    {"gamma", 0x3B3},
    {"delta", 0x3B4},   {"epsilon", 0x3B5}, {"zeta", 0x3B6},    {"eta", 0x3B7},
    {"theta", 0x3B8},   {"iota", 0x3B9},    {"kappa", 0x3BA},   {"lambda", 0x3BB},
    {"mu", 0x3BC},      {"nu", 0x3BD},      {"xi", 0x3BE},      {"omicron", 0x3BF},
    {"pi", 0x3C0},      {"rho", 0x3C1},     {"sigmaf", 0x3C2},  {"sigma", 0x3C3},
    {"tau", 0x3C4},     {"upsilon", 0x3C5}, {"phi", 0x3C6},     {"chi", 0x3C7},
    {"psi", 0x3C8},     {"omega", 0x3C9},   {"ensp", 0x2002},   {"emsp", 0x2003},
    {"thinsp", 0x2009}, {"zwnj", 0x200C},   {"zwj", 0x200D},    {"ndash", 0x2013},
    {"mdash", 0x2014},  {"lsquo", 0x2018},  {"rsquo", 0x2019},  {"sbquo", 0x201A},
    {"ldquo", 0x201C},  {"rdquo", 0x201D},  {"bdquo", 0x201E},  {"dagger", 0x2020},
    {"Dagger", 0x2021}, {"bull", 0x2022},   {"hellip", 0x2026}, {"permil", 0x2030},
    {"prime", 0x2032},  {"Prime", 0x2033},  {"lsaquo", 0x2039}, {"rsaquo", 0x203A},
    {"frasl", 0x2044},  {"euro", 0x20AC},   {"trade", 0x2122},  {"larr", 0x2190},
    {"uarr", 0x2191},   {"rarr", 0x2192},   {"darr", 0x2193},   {"harr", 0x2194},
    {"part", 0x2202},   {"empty", 0x2205},  {"prod", 0x220F},   {"sum", 0x2211},
    {"minus", 0x2212},  {"radic", 0x221A},  {"infin", 0x221E},  {"int", 0x222B},
    {"asymp", 0x2248},  {"ne", 0x2260},     {"equiv", 0x2261},  {"le", 0x2264},
    {"ge", 0x2265},     {"sub", 0x2282},    {"sup", 0x2283},    {"sdot", 0x22C5},
});

const std::unordered_map<std::string_view, char32_t>& names() {
  static const auto* const all = [] {
    auto* table = new std::unordered_map<std::string_view, char32_t>();
    for (size_t i = 0; i < kLatin1Names.size(); ++i) {
      table->emplace(kLatin1Names[i], static_cast<char32_t>(0xA0 + i));
    }
    for (const NamedCodePoint& entry : kOtherNames) table->emplace(entry.name, entry.code_point);
    return table;
  }();
  return *all;
}

/// The code point of "65" or "x41"; false if the digits are none. Numbers out of range are kept as
/// 0x110000, which is written as U+FFFD.
bool parse_number(std::string_view digits, char32_t& code_point) {
  const bool hexadecimal = !digits.empty() && (digits.front() | 0x20) == 'x';
  if (hexadecimal) digits.remove_prefix(1);
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, hexadecimal ? 16 : 10);
  if (digits.empty() || stop != end || error != std::errc()) return false;
  code_point = value == 0 || value > 0x10FFFF ? 0x110000 : static_cast<char32_t>(value);
  return true;
}

}  // namespace

size_t decode_html_entity(std::string_view text, std::string& out) {
  const size_t end = text.substr(0, kLongestReference).find(';');
  if (end == std::string_view::npos || end < 2) return 0;
  const std::string_view body = text.substr(1, end - 1);
  char32_t code_point = 0;
  if (body.front() == '#') {
    if (!parse_number(body.substr(1), code_point)) return 0;
  } else {
    const auto found = names().find(body);
    if (found == names().end()) return 0;
    code_point = found->second;
  }
  append_utf8(code_point, out);
  return end + 1;
}

}  // namespace nvlm::eval
