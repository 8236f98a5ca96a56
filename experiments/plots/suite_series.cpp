#include "experiments/plots/suite_series.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>
#include <set>

namespace nvlm::experiments {
namespace {

constexpr const char* kVariantOption = "fusion.variant";

const std::map<std::string, int> kVariantLooks = {{"d", 0}, {"x", 1}, {"h", 2}, {"reversed", 4}};

/// "a" for one word, "{a,b}" for several.
std::string braced(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return words.size() == 1 ? text : "{" + text + "}";
}

std::string run_names(const Suite& suite, std::span<const ArmResult* const> arms) {
  std::vector<std::string> matchings;
  std::map<std::string, std::vector<std::string>> names;
  for (const ArmResult* arm : arms) {
    if (!names.contains(arm->arm.matching)) matchings.push_back(arm->arm.matching);
    names[arm->arm.matching].push_back(arm->arm.arm);
  }
  std::vector<std::string> seeds;
  for (const int64_t seed : suite.seeds) seeds.push_back(std::to_string(seed));
  std::string text;
  for (const std::string& matching : matchings) {
    text += (text.empty() ? "" : ", ") + suite.suite + "/" + matching + "/" +
            braced(names[matching]) + "/seed-" + braced(seeds);
  }
  return text;
}

}  // namespace

std::vector<MatchedArms> by_matching(const SuiteResults& results) {
  std::vector<MatchedArms> groups;
  for (const ArmResult& arm : results.arms) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const MatchedArms& known) {
      return known.matching == arm.arm.matching;
    });
    if (group == groups.end()) group = groups.insert(groups.end(), {arm.arm.matching, {}});
    group->arms.push_back(&arm);
  }
  return groups;
}

std::string matching_title(const std::string& matching) {
  if (matching == "samples") return "equal samples";
  if (matching == "parameters") return "equal trainable parameters";
  if (matching == "flops") return "equal training FLOPs";
  return "";
}

std::string metric_title(const std::string& metric) {
  if (metric == "teds") return "TEDS";
  if (metric == "token_accuracy") return "token accuracy";
  return "nats per token";
}

std::string capital_metric_title(const std::string& metric) {
  std::string title = metric_title(metric);
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  return title;
}

std::string option_of(const SuiteArm& arm, const std::string& option) {
  const auto found = arm.options.find(option);
  return found == arm.options.end() ? "" : found->second;
}

std::string variant_title(const std::string& variant) {
  if (variant == "d") return "NVLM-D";
  if (variant == "x") return "NVLM-X";
  if (variant == "h") return "NVLM-H";
  return variant.empty() ? "mean over seeds" : variant;
}

int variant_look(const std::string& variant) {
  const auto known = kVariantLooks.find(variant);
  return known == kVariantLooks.end() ? 0 : known->second;
}

int look_of(const SuiteResults& results, const SuiteArm& arm) {
  std::set<std::string> variants;
  int num_arms = 0, place = 0;
  for (const ArmResult& other : results.arms) {
    if (other.arm.matching != arm.matching) continue;
    if (other.arm.arm == arm.arm) place = num_arms;
    ++num_arms;
    variants.insert(option_of(other.arm, kVariantOption));
  }
  const auto known = kVariantLooks.find(option_of(arm, kVariantOption));
  const bool by_variant = static_cast<int>(variants.size()) == num_arms;
  return by_variant && known != kVariantLooks.end() ? known->second : place;
}

Series& series_labelled(std::vector<Series>& all, const std::string& label, int look, Marks marks) {
  const auto known = std::find_if(all.begin(), all.end(),
                                  [&](const Series& series) { return series.label == label; });
  if (known != all.end()) return *known;
  return all.emplace_back(Series{label, look, marks, {}});
}

FigurePoint seed_point(double x, const std::vector<double>& seed_values) {
  const double sum = std::accumulate(seed_values.begin(), seed_values.end(), 0.0);
  FigurePoint point{x, sum / static_cast<double>(seed_values.size())};
  if (seed_values.size() > 1) {
    point.low = *std::min_element(seed_values.begin(), seed_values.end());
    point.high = *std::max_element(seed_values.begin(), seed_values.end());
  }
  return point;
}

std::string figure_name(const Suite& suite, const std::string& figure) {
  std::string name = suite.suite + "-" + suite.preset + "-" + figure;
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    c = std::isalnum(byte) != 0 && byte < 128 ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return name;
}

std::string figure_caption(const Suite& suite, const std::string& what,
                           std::span<const ArmResult* const> arms) {
  return what + " Runs " + run_names(suite, arms) + " of preset " + suite.preset + "; " +
         std::to_string(suite.num_items) + " items (" + suite.items_hash.substr(0, 12) +
         "); revision " + suite.revision.substr(0, 12) + ".";
}

std::vector<const ArmResult*> all_arms(const SuiteResults& results) {
  std::vector<const ArmResult*> arms;
  for (const ArmResult& arm : results.arms) arms.push_back(&arm);
  return arms;
}

}  // namespace nvlm::experiments
