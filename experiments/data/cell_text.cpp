#include "experiments/data/cell_text.h"

#include <cmath>
#include <cstdio>

#include "experiments/data/utf8.h"
#include "experiments/data/vocabulary.h"

namespace nvlm::experiments {
namespace {

using Strings = std::vector<std::string>;

const Strings kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
const Strings kUnits = {" kg",   " g",   " mm", " cm",  " m",  " km",  " °C", "°",
                        " m²",   " km²", " µm", " µg",  " ms", " s",   " h",  " V",
                        " W",    " kWh", " Hz", " GB",  " MB", " L",   " ml", " mg/L",
                        " km/h", " %",   "x",   " pcs", " dB", " ppm", " µV"};
const Strings kCurrencies = {"$", "€", "£", "US$ ", "€ ", "£ ", "EUR ", "USD "};
const Strings kCurrencySuffixes = {" €", " $", " EUR", " USD", "€"};
const std::vector<Strings> kMarks = {{"Yes", "No"},
                                     {"yes", "no"},
                                     {"Y", "N"},
                                     {"x", "–"},
                                     {"+", "–"},
                                     {"true", "false"},
                                     {"OK", "–"},
                                     {"pass", "fail"},
                                     {"++", "+", "±", "–"},
                                     {"A", "B", "C", "D"},
                                     {"low", "medium", "high"},
                                     {"*", "**", "–"}};

std::string padded(int64_t value, size_t digits) {
  const std::string text = std::to_string(value);
  return text.size() >= digits ? text : std::string(digits - text.size(), '0') + text;
}

std::string grouped(std::string digits, const std::string& separator) {
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), separator);
  }
  return digits;
}

std::string number_text(const ColumnFormat& format, Random& random) {
  const int64_t digits = random.integer(1, format.magnitude);
  const auto limit = static_cast<int64_t>(std::pow(10.0, static_cast<double>(digits)));
  std::string text = std::to_string(random.integer(digits == 1 ? 0 : limit / 10, limit - 1));
  text = grouped(text, format.thousands);
  if (format.decimals > 0) {
    const bool comma = format.variant == 1 && format.thousands != ",";
    text += comma ? "," : ".";
    for (int64_t i = 0; i < format.decimals; ++i) text += std::to_string(random.integer(0, 9));
  }
  if (format.negative && random.chance(0.3)) text.insert(0, format.variant == 2 ? "–" : "-");
  return text;
}

std::string date_text(int64_t variant, Random& random) {
  const std::string year = std::to_string(random.integer(1950, 2030));
  const int64_t month = random.integer(1, 12), day = random.integer(1, 28);
  const std::string& name = kMonths[static_cast<size_t>(month - 1)];
  switch (variant % 9) {
    case 0:
      return year + "-" + padded(month, 2) + "-" + padded(day, 2);
    case 1:
      return padded(day, 2) + "." + padded(month, 2) + "." + year;
    case 2:
      return padded(month, 2) + "/" + padded(day, 2) + "/" + year;
    case 3:
      return std::to_string(day) + " " + name + " " + year;
    case 4:
      return name + " " + year;
    case 5:
      return std::to_string(day) + " " + name;
    case 6:
      return "Q" + std::to_string(random.integer(1, 4)) + " " + year;
    case 7:
      return std::to_string(day) + "." + std::to_string(month) + "." + year.substr(2);
    default:
      return name + " " + std::to_string(day) + ", " + year;
  }
}

std::string formatted_value(const ColumnFormat& f, Random& random) {
  switch (f.kind) {
    case ColumnKind::kInteger:
    case ColumnKind::kDecimal:
      return number_text(f, random);
    case ColumnKind::kCurrency:
    case ColumnKind::kUnit:
      return f.prefix + number_text(f, random) + f.suffix;
    case ColumnKind::kPercent:
      return number_text(f, random) + (f.variant == 2 ? " %" : "%");
    case ColumnKind::kDate:
      return date_text(f.variant, random);
    case ColumnKind::kYear: {
      const int64_t year = random.integer(1900, 2035);
      return f.variant == 2 ? std::to_string(year) + "/" + padded((year + 1) % 100, 2)
                            : std::to_string(year);
    }
    case ColumnKind::kMark:
      return random.pick(kMarks[static_cast<size_t>(f.variant) % kMarks.size()]);
    case ColumnKind::kRange: {
      const int64_t low = random.integer(0, 98);
      return std::to_string(low) + (f.variant % 2 ? " – " : "–") +
             std::to_string(random.integer(low + 1, low + 100));
    }
    case ColumnKind::kSpread: {
      const std::string middle = number_text(f, random) + (f.variant % 2 ? "±" : " ± ");
      return middle + "0." + std::to_string(random.integer(1, 99));
    }
    case ColumnKind::kProduct: {
      const std::string left = std::to_string(random.integer(1, 99));
      return left + (f.variant % 2 ? "×" : " × ") + std::to_string(random.integer(1, 99));
    }
    case ColumnKind::kTime: {
      std::string time = padded(random.integer(0, 23), 2);
      time += ":" + padded(random.integer(0, 59), 2);
      if (f.variant % 3 == 0) time += ":" + padded(random.integer(0, 59), 2);
      return time;
    }
    default:
      return random_code(random, 8);
  }
}

std::string recased(std::string word, Random& random) {
  const double draw = random.uniform();
  return draw < 0.45 ? word : draw < 0.85 ? capitalised(word) : upper_case(word);
}

std::string invented_text(int64_t max_characters, Random& random) {
  const double draw = random.uniform();
  if (draw < 0.3) return random_code(random, max_characters);
  if (draw < 0.42) return random_characters(random, std::min<int64_t>(max_characters, 8));
  const int64_t longest = std::min<int64_t>(max_characters, 11);
  std::string text = recased(pseudo_word(random, std::min<int64_t>(2, longest), longest), random);
  while (random.chance(0.35)) {
    const std::string next = pseudo_word(random, 2, 8);
    if (static_cast<int64_t>(text.size() + next.size()) + 1 > max_characters) break;
    text += " " + next;
  }
  return text;
}

std::string word_text(int64_t max_characters, Random& random) {
  if (random.chance(0.2)) return random_name(random);
  std::string text = recased(random.pick(english_words()), random);
  while (random.chance(0.5)) {
    const std::string& next = random.pick(english_words());
    if (static_cast<int64_t>(text.size() + next.size()) + 1 > max_characters) break;
    text += " " + next;
  }
  return text;
}

ColumnFormat format_of(ColumnKind kind, Random& random) {
  ColumnFormat f;
  f.kind = kind;
  f.variant = random.integer(0, 11);
  if (kind != ColumnKind::kMark && kind != ColumnKind::kDate) f.variant %= 4;
  f.magnitude = random.integer(1, kind == ColumnKind::kInteger ? 7 : 4);
  f.thousands = random.chance(0.6) ? "," : random.chance(0.4) ? " " : "";
  f.negative = random.chance(0.2);
  if (kind == ColumnKind::kDecimal || kind == ColumnKind::kSpread)
    f.decimals = random.integer(1, 3);
  if (kind == ColumnKind::kPercent || kind == ColumnKind::kUnit) f.decimals = random.integer(0, 2);
  if (kind == ColumnKind::kPercent || kind == ColumnKind::kSpread) f.magnitude = 2;
  if (kind == ColumnKind::kUnit) f.suffix = random.pick(kUnits);
  if (kind == ColumnKind::kSpread || kind == ColumnKind::kCurrency) f.negative = false;
  if (kind == ColumnKind::kCurrency) {
    f.decimals = random.chance(0.5) ? 2 : 0;
    f.magnitude = random.integer(2, 6);
    if (random.chance(0.6)) {
      f.prefix = random.pick(kCurrencies);
    } else {
      f.suffix = random.pick(kCurrencySuffixes);
    }
  }
  return f;
}

}  // namespace

bool is_text(ColumnKind kind) {
  return kind == ColumnKind::kText || kind == ColumnKind::kName || kind == ColumnKind::kCode;
}

ColumnFormat random_column(Random& random, int64_t max_characters) {
  static const std::vector<ColumnKind> kinds = {
      ColumnKind::kText,     ColumnKind::kText,    ColumnKind::kText,    ColumnKind::kName,
      ColumnKind::kCode,     ColumnKind::kInteger, ColumnKind::kInteger, ColumnKind::kInteger,
      ColumnKind::kDecimal,  ColumnKind::kDecimal, ColumnKind::kDecimal, ColumnKind::kCurrency,
      ColumnKind::kCurrency, ColumnKind::kPercent, ColumnKind::kPercent, ColumnKind::kDate,
      ColumnKind::kDate,     ColumnKind::kYear,    ColumnKind::kMark,    ColumnKind::kUnit,
      ColumnKind::kRange,    ColumnKind::kSpread,  ColumnKind::kProduct, ColumnKind::kTime};
  for (int attempt = 0; attempt < 8; ++attempt) {
    const ColumnFormat format = format_of(random.pick(kinds), random);
    if (is_text(format.kind)) return format;
    if (num_code_points(formatted_value(format, random)) <= max_characters) return format;
  }
  return format_of(ColumnKind::kText, random);
}

ColumnFormat random_label_column(Random& random, int64_t max_characters) {
  const double draw = random.uniform();
  if (draw < 0.55) return format_of(ColumnKind::kText, random);
  if (draw < 0.65) return format_of(ColumnKind::kName, random);
  if (draw < 0.75) return format_of(ColumnKind::kCode, random);
  if (draw < 0.85) return format_of(ColumnKind::kYear, random);
  return random_column(random, max_characters);
}

CellText text_value(const TableDifficulty& difficulty, Random& random) {
  const int64_t limit = difficulty.max_line_characters;
  const bool invented = random.chance(difficulty.invented_text);
  for (int attempt = 0; attempt < 12; ++attempt) {
    std::string text = invented ? invented_text(limit, random) : word_text(limit, random);
    if (num_code_points(text) <= limit) {
      return {std::move(text), invented ? CellContent::kInvented : CellContent::kWords};
    }
  }
  return {pseudo_word(random, 1, limit), CellContent::kInvented};
}

CellText column_value(const ColumnFormat& format, const TableDifficulty& difficulty,
                      Random& random) {
  const int64_t limit = difficulty.max_line_characters;
  if (format.kind == ColumnKind::kText) return text_value(difficulty, random);
  if (format.kind == ColumnKind::kCode) {
    return {random_code(random, limit), CellContent::kInvented};
  }
  if (format.kind == ColumnKind::kName && !random.chance(difficulty.invented_text)) {
    for (int attempt = 0; attempt < 4; ++attempt) {
      std::string name = random_name(random);
      if (num_code_points(name) <= limit) return {std::move(name), CellContent::kWords};
    }
  }
  if (format.kind == ColumnKind::kName) {
    return {capitalised(pseudo_word(random, 1 + (limit > 2), std::min<int64_t>(limit, 10))),
            CellContent::kInvented};
  }
  for (int attempt = 0; attempt < 8; ++attempt) {
    std::string text = formatted_value(format, random);
    if (num_code_points(text) <= limit) return {std::move(text), CellContent::kNumber};
  }
  return {std::to_string(random.integer(0, 9)), CellContent::kNumber};
}

CellText heading(const ColumnFormat& format, const TableDifficulty& difficulty, Random& random) {
  const int64_t limit = difficulty.max_line_characters;
  if (random.chance(difficulty.invented_text)) {
    TableDifficulty invented = difficulty;
    invented.invented_text = 1;
    return text_value(invented, random);
  }
  std::string text = random.pick(heading_words());
  const auto append = [&](const std::string& more) {
    if (num_code_points(text) + num_code_points(more) <= limit) text += more;
  };
  if (random.chance(0.2)) append(" " + random.pick(english_words()));
  if (format.kind == ColumnKind::kPercent && random.chance(0.4)) append(" (%)");
  if (format.kind == ColumnKind::kDecimal && random.chance(0.25)) {
    const std::string& unit = random.pick(kUnits);
    append(" (" + unit.substr(unit[0] == ' ') + ")");
  }
  if (random.chance(0.1)) append(" " + std::to_string(random.integer(1, 2030)));
  if (num_code_points(text) <= limit) return {std::move(text), CellContent::kWords};
  return {pseudo_word(random, 1, limit), CellContent::kInvented};
}

}  // namespace nvlm::experiments
