#include "eval/metrics/vqa_answer.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "eval/text/code_points.h"

namespace nvlm::eval {
namespace {

constexpr std::string_view kVqaPunctuation = ";/[]\"{}()=+\\_-><@`,?!";

/// The contractions that the challenge restores. Those with "I" are left out: words are lower case
/// when they are looked up, so its table never finds them.
constexpr std::array kContractions = {
    "ain't",          "aren't",       "can't",        "could've",   "couldn't",      "couldn't've",
    "didn't",         "doesn't",      "don't",        "hadn't",     "hadn't've",     "hasn't",
    "haven't",        "he'd",         "he'd've",      "he's",       "how'd",         "how'll",
    "how's",          "isn't",        "it'd",         "it'd've",    "it'll",         "ma'am",
    "mightn't",       "mightn't've",  "might've",     "mustn't",    "must've",       "needn't",
    "not've",         "o'clock",      "oughtn't",     "'ow's'at",   "shan't",        "she'd've",
    "should've",      "shouldn't",    "shouldn't've", "somebody'd", "somebody'd've", "somebody'll",
    "somebody's",     "someone'd",    "someone'd've", "someone'll", "someone's",     "something'd",
    "something'd've", "something'll", "that's",       "there'd",    "there'd've",    "there're",
    "there's",        "they'd",       "they'd've",    "they'll",    "they're",       "they've",
    "'twas",          "wasn't",       "we'd've",      "we've",      "weren't",       "what'll",
    "what're",        "what's",       "what've",      "when's",     "where'd",       "where's",
    "where've",       "who'd",        "who'd've",     "who'll",     "who's",         "who've",
    "why'll",         "why're",       "why's",        "won't",      "would've",      "wouldn't",
    "wouldn't've",    "y'all",        "y'all'll",     "y'all'd've", "you'd",         "you'd've",
    "you'll",         "you're",       "you've"};

/// Every contraction by the forms that lack one apostrophe.
const std::map<std::string, std::string>& contraction_by_slip() {
  static const std::map<std::string, std::string> table = [] {
    std::map<std::string, std::string> slips;
    for (const std::string contraction : kContractions) {
      for (size_t at = contraction.find('\''); at != std::string::npos;
           at = contraction.find('\'', at + 1)) {
        std::string slip = contraction;
        slips.try_emplace(slip.erase(at, 1), contraction);
      }
    }
    return slips;
  }();
  return table;
}

const std::map<std::string, std::string>& digits_by_word() {
  static const std::map<std::string, std::string> table = {
      {"none", "0"}, {"zero", "0"}, {"one", "1"},   {"two", "2"},   {"three", "3"}, {"four", "4"},
      {"five", "5"}, {"six", "6"},  {"seven", "7"}, {"eight", "8"}, {"nine", "9"},  {"ten", "10"}};
  return table;
}

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

bool has_comma_between_digits(const std::string& text) {
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == ',' && is_ascii_digit(text[i - 1]) && is_ascii_digit(text[i + 1])) return true;
  }
  return false;
}

std::string without_punctuation(const std::string& text) {
  const bool has_number = has_comma_between_digits(text);
  std::array<bool, 256> beside_blank{};
  for (size_t i = 0; i < text.size(); ++i) {
    const bool blank_before = i > 0 && text[i - 1] == ' ';
    const bool blank_after = i + 1 < text.size() && text[i + 1] == ' ';
    if (blank_before || blank_after) beside_blank[static_cast<unsigned char>(text[i])] = true;
  }
  std::string result;
  for (const char c : text) {
    if (kVqaPunctuation.find(c) == std::string_view::npos) {
      result += c;
    } else if (!has_number && !beside_blank[static_cast<unsigned char>(c)]) {
      result += ' ';
    }
  }
  std::string kept;
  for (size_t i = 0; i < result.size(); ++i) {
    const bool digit_follows = i + 1 < result.size() && is_ascii_digit(result[i + 1]);
    if (result[i] != '.' || digit_follows) kept += result[i];
  }
  return kept;
}

}  // namespace

std::string normalize_vqa_answer(std::string_view text, VqaArticles articles) {
  std::string plain(text);
  std::replace_if(
      plain.begin(), plain.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  const auto first = plain.find_first_not_of(' ');
  const auto last = plain.find_last_not_of(' ');
  plain = first == std::string::npos ? "" : plain.substr(first, last - first + 1);

  std::string result;
  for (const std::u32string& piece :
       split_words(decode_utf8(lower_case(without_punctuation(plain))))) {
    std::string word = encode_utf8(piece);
    if (const auto digit = digits_by_word().find(word); digit != digits_by_word().end()) {
      word = digit->second;
    }
    const bool is_article = word == "a" || word == "an" || word == "the";
    if (is_article && articles == VqaArticles::kDrop) continue;
    if (const auto slip = contraction_by_slip().find(word); slip != contraction_by_slip().end()) {
      word = slip->second;
    }
    result += (result.empty() ? "" : " ") + word;
  }
  return result;
}

}  // namespace nvlm::eval
