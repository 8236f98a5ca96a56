#include "experiments/data/vocabulary.h"

#include <algorithm>

#include "experiments/data/charset.h"
#include "experiments/data/utf8.h"

namespace nvlm::experiments {
namespace {

using Strings = std::vector<std::string>;

const Strings kGivenNames = {
    "Anna", "Ben",    "Carla", "David", "Elena", "Farid", "Grace", "Hugo",  "Ines",  "Jonas",
    "Kofi", "Lena",   "Marco", "Nadia", "Omar",  "Paula", "Quinn", "Rosa",  "Samir", "Tara",
    "Uwe",  "Vera",   "Wei",   "Xenia", "Yusuf", "Zoe",   "Amina", "Boris", "Chen",  "Dora",
    "Emil", "Fatima", "Greta", "Hana",  "Ivan",  "Julia", "Karim", "Lucas", "Maya",  "Noah"};
const Strings kSurnames = {
    "Keller", "Okafor", "Smith",  "Garcia", "Novak", "Tanaka", "Silva",  "Rossi",   "Larsen",
    "Dubois", "Khan",   "Petrov", "Meyer",  "Costa", "Nguyen", "Cohen",  "Brown",   "Walsh",
    "Yilmaz", "Haddad", "Jensen", "Kumar",  "Lopez", "Moreau", "Olsen",  "Popescu", "Reyes",
    "Sato",   "Taylor", "Weber",  "Adams",  "Baker", "Clark",  "Davies", "Evans",   "Fischer"};
const Strings kOnsets = {"b",  "c",  "d",  "f",  "g",  "h",  "j",  "k",  "l",  "m",  "n",
                         "p",  "qu", "r",  "s",  "t",  "v",  "w",  "x",  "y",  "z",  "br",
                         "ch", "cl", "dr", "fl", "gr", "kn", "pl", "sh", "st", "tr", "th"};
const Strings kVowels = {"a", "e", "i", "o", "u", "a", "e", "i", "o", "ai", "ea", "oo", "ou", "y"};
const Strings kCodas = {"",  "",  "",  "n", "r",  "s",  "t",  "l",  "m",
                        "d", "k", "p", "x", "ck", "nd", "rt", "ss", "ll"};
// Invented words must not hold these by accident.
const Strings kUnwanted = {"arse", "cock", "cunt", "dick", "fag",  "fuc",  "fuk",  "nazi",
                           "nig",  "piss", "puss", "rape", "shit", "slut", "twat", "whor"};
const std::string kDigits = "0123456789";
const std::string kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const std::string kLower = "abcdefghijklmnopqrstuvwxyz";

char any_of(Random& random, const std::string& characters) {
  return characters[static_cast<size_t>(
      random.integer(0, static_cast<int64_t>(characters.size()) - 1))];
}

char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_unwanted(const std::string& word) {
  return std::any_of(kUnwanted.begin(), kUnwanted.end(),
                     [&](const std::string& part) { return word.find(part) != std::string::npos; });
}

std::string syllables(Random& random, size_t length) {
  std::string word;
  while (word.size() < length) {
    if (!word.empty() || random.chance(0.8)) word += random.pick(kOnsets);
    word += random.pick(kVowels);
    if (random.chance(0.5)) word += random.pick(kCodas);
  }
  word.resize(length);
  return word;
}

}  // namespace

std::string random_name(Random& random) {
  const std::string surname =
      random.chance(0.3) ? capitalised(pseudo_word(random, 4, 8)) : random.pick(kSurnames);
  switch (random.integer(0, 3)) {
    case 0:
      return surname;
    case 1:
      return std::string(1, any_of(random, kUpper)) + ". " + surname;
    case 2:
      return surname + ", " + std::string(1, any_of(random, kUpper)) + ".";
    default:
      return random.pick(kGivenNames) + " " + surname;
  }
}

std::string pseudo_word(Random& random, int64_t min_length, int64_t max_length) {
  const auto length = static_cast<size_t>(random.integer(min_length, max_length));
  std::string word;
  do {
    word = syllables(random, length);
  } while (is_unwanted(word));
  return word;
}

std::string random_code(Random& random, int64_t max_length) {
  const int64_t length =
      random.integer(std::min<int64_t>(2, max_length), std::min<int64_t>(max_length, 9));
  std::string code;
  if (random.chance(0.5)) {  // letters, a joint, digits
    const int64_t letters = random.integer(1, std::min<int64_t>(3, length));
    for (int64_t i = 0; i < letters; ++i) code += any_of(random, kUpper);
    if (static_cast<int64_t>(code.size()) + 1 < length && random.chance(0.7)) {
      code += any_of(random, "--/._#:");
    }
    while (static_cast<int64_t>(code.size()) < length) code += any_of(random, kDigits);
    return code;
  }
  const std::string characters =
      random.chance(0.5) ? kUpper + kDigits + kDigits : kUpper + kLower + kDigits;
  while (static_cast<int64_t>(code.size()) < length) code += any_of(random, characters);
  return code;
}

std::string random_characters(Random& random, int64_t max_length) {
  const int64_t length = random.integer(1, max_length);
  std::string text;
  char32_t previous = 0;
  for (int64_t i = 0; i < length; ++i) {
    char32_t c = 0;
    do {
      c = class_character(random.integer(1, kNumClasses - 1));
    } while ((c == U'|' && previous == U'\\') || (c == U'\\' && i + 1 == length));
    text += to_utf8(c);
    previous = c;
  }
  return text;
}

std::string capitalised(std::string word) {
  if (!word.empty()) word[0] = ascii_upper(word[0]);
  return word;
}

std::string upper_case(std::string word) {
  for (char& c : word) c = ascii_upper(c);
  return word;
}

}  // namespace nvlm::experiments
