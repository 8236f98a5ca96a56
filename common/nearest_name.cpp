#include "common/nearest_name.h"

#include <algorithm>
#include <cctype>

namespace nvlm {
namespace {

std::string folded(const std::string& name) {
  std::string result = name;
  for (char& c : result) {
    c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

// Optimal string alignment distance, one row per character of `a`.
size_t slips_between(const std::string& a, const std::string& b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates) {
  constexpr size_t kLongest = 200;  // nobody mistypes a name this long; keeps the cost bounded
  if (name.size() > kLongest) return "";
  const std::string typed = folded(name);
  std::string best;
  size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    const std::string known = folded(candidate);
    const size_t distance = slips_between(typed, known);
    const size_t allowed = (std::max(typed.size(), known.size()) + 1) / 3;
    if (distance <= allowed && distance < known.size() &&
        (best.empty() || distance < best_distance)) {
      best = candidate;
      best_distance = distance;
    }
  }
  if (!best.empty() || typed.size() < 3) return best;
  for (const std::string& candidate : candidates) {  // an abbreviation
    if (folded(candidate).rfind(typed, 0) == 0) return candidate;
  }
  return "";
}

std::string did_you_mean(const std::string& name, const std::vector<std::string>& candidates) {
  const std::string nearest = nearest_name(name, candidates);
  return nearest.empty() ? "" : "; did you mean '" + nearest + "'?";
}

}  // namespace nvlm
