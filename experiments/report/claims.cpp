#include "experiments/report/claims.h"

#include <algorithm>
#include <functional>
#include <iomanip>
#include <sstream>

#include "experiments/plots/suite_series.h"
#include "experiments/report/number_text.h"

namespace nvlm::experiments {
namespace {

using eval::PairedVerdict;

/// Tiles per picture from which one speaks of high resolution.
constexpr double kManyTiles = 4.0;

/// One of two tests on latency; together at 5%.
constexpr double kLatencyConfidence = 0.975;

constexpr const char* kClaimX = "NVLM-X is the fastest at high resolution.";
constexpr const char* kClaimD = "NVLM-D is the best at reading text in pictures (OCR).";
constexpr const char* kClaimH = "NVLM-H stands between the two, or is the best.";
constexpr const char* kClaimTags = "Tile tags help.";
constexpr const char* kClaimText = "Text ability is kept when text-only data are mixed in.";

/// What one arm is against another: the verdict on the first, and the comparison it is from.
struct Standing {
  PairedVerdict verdict;
  double difference;  // first - second
  double adjusted_p;
  const ComparisonResult* comparison;
};

PairedVerdict opposite(PairedVerdict verdict) {
  if (verdict == PairedVerdict::kBetter) return PairedVerdict::kWorse;
  if (verdict == PairedVerdict::kWorse) return PairedVerdict::kBetter;
  return verdict;
}

std::optional<Standing> standing(const SuiteResults& results, const ArmResult& first,
                                 const ArmResult& second) {
  for (const ComparisonResult& comparison : results.comparisons) {
    const SuiteComparison& planned = comparison.planned;
    if (planned.matching != first.arm.matching) continue;
    if (planned.arm == first.arm.arm && planned.baseline == second.arm.arm) {
      return Standing{comparison.verdict, comparison.difference, comparison.adjusted_p,
                      &comparison};
    }
    if (planned.arm == second.arm.arm && planned.baseline == first.arm.arm) {
      return Standing{opposite(comparison.verdict), -comparison.difference, comparison.adjusted_p,
                      &comparison};
    }
  }
  return std::nullopt;
}

/// The first arm of the group whose option has this value, or null.
const ArmResult* arm_with(const MatchedArms& group, const char* option, const std::string& value) {
  for (const ArmResult* arm : group.arms) {
    if (option_of(arm->arm, option) == value) return arm;
  }
  return nullptr;
}

std::string standing_text(const std::string& first, const std::string& second,
                          const Standing& standing) {
  return first + " against " + second + " " + signed_decimals(standing.difference, 4) + ", " +
         eval::verdict_name(standing.verdict) + " (p " + p_value_text(standing.adjusted_p) + ")";
}

std::string place_of(const Suite& suite, const std::string& matching) {
  const std::string title = matching_title(matching);
  return suite.suite + " (" + suite.preset + ")" + (title.empty() ? "" : ", " + title);
}

/// D, X and H of a matching of a suite that compares them.
struct ThreeWays {
  const ArmResult *d = nullptr, *x = nullptr, *h = nullptr;
};

std::optional<ThreeWays> three_ways(const EvaluatedSuite& suite, const MatchedArms& group) {
  if (suite.results.suite.suite != "fusion") return std::nullopt;
  const ThreeWays ways{arm_with(group, "fusion.variant", "d"),
                       arm_with(group, "fusion.variant", "x"),
                       arm_with(group, "fusion.variant", "h")};
  if (ways.d == nullptr || ways.x == nullptr || ways.h == nullptr) return std::nullopt;
  return ways;
}

/// Latency of `arm` less that of X, with its interval over seeds.
eval::MeanInterval saved_seconds(const ArmResult& arm, const ArmResult& x) {
  std::vector<double> differences;
  for (size_t seed = 0; seed < arm.seed_latencies.size(); ++seed) {
    differences.push_back(arm.seed_latencies[seed] - x.seed_latencies[seed]);
  }
  return eval::student_mean(differences, kLatencyConfidence);
}

std::string latency_text(const ArmResult& arm) {
  return arm.arm.label + " " + decimals(arm.answer.latency_seconds, 3) + " s";
}

ClaimResult judge_speed(const ThreeWays& ways, const std::string& where) {
  ClaimResult result{kClaimX, where, ClaimVerdict::kNotDistinguishable, ""};
  result.evidence = "Latency of an answer at " + decimals(ways.x->answer.tiles, 1) +
                    " tiles: " + latency_text(*ways.d) + ", " + latency_text(*ways.x) + ", " +
                    latency_text(*ways.h);
  if (ways.x->answer.latency_seconds <= 0.0) {
    result.verdict = ClaimVerdict::kNotMeasured;
    result.evidence = "No latency was stored";
  } else if (ways.x->answer.tiles < kManyTiles) {
    result.verdict = ClaimVerdict::kNotMeasured;
    result.evidence += "; high resolution begins at " + decimals(kManyTiles, 0);
  } else if (ways.x->seed_latencies.size() >= 2) {
    const eval::MeanInterval over_d = saved_seconds(*ways.d, *ways.x);
    const eval::MeanInterval over_h = saved_seconds(*ways.h, *ways.x);
    if (over_d.low > 0.0 && over_h.low > 0.0) result.verdict = ClaimVerdict::kConfirmed;
    if (over_d.high < 0.0 || over_h.high < 0.0) result.verdict = ClaimVerdict::kRefuted;
    result.evidence += "; X saves " + decimals(over_d.mean, 3) + " s [" + decimals(over_d.low, 3) +
                       ", " + decimals(over_d.high, 3) + "] over D and " +
                       decimals(over_h.mean, 3) + " s [" + decimals(over_h.low, 3) + ", " +
                       decimals(over_h.high, 3) + "] over H";
  }
  return result;
}

/// D, X and H of a grid, measured with the same tiles, size and batch.
struct ThreeRows {
  const BenchRow *d = nullptr, *x = nullptr, *h = nullptr;
};

/// At the most tiles that all three were measured with, nothing below high resolution.
std::optional<ThreeRows> three_rows(std::span<const BenchRow> bench) {
  std::optional<ThreeRows> best;
  const auto peer = [&](const BenchRow& x, const char* variant) {
    const auto found = std::find_if(bench.begin(), bench.end(), [&](const BenchRow& row) {
      return row.variant == variant && row.tiles == x.tiles && row.tile_size == x.tile_size &&
             row.batch == x.batch;
    });
    return found == bench.end() ? nullptr : &*found;
  };
  for (const BenchRow& row : bench) {
    if (row.variant != "x" || static_cast<double>(row.all_tiles()) < kManyTiles) continue;
    const ThreeRows rows{peer(row, "d"), &row, peer(row, "h")};
    if (rows.d == nullptr || rows.h == nullptr) continue;
    if (!best || row.tiles > best->x->tiles) best = rows;
  }
  return best;
}

ClaimResult judge_measured_speed(const ThreeRows& rows) {
  const auto seconds = [](const BenchRow& row) {
    return row.model + " " + decimals(row.first_token, 3) + " s";
  };
  const auto ratio = [&](const BenchRow& row) {
    return decimals(row.first_token / rows.x->first_token, 2) + " times X (the ledger says " +
           decimals(row.predicted_first_token / rows.x->predicted_first_token, 2) + ")";
  };
  ClaimResult result{kClaimX, "bench, " + std::to_string(rows.x->all_tiles()) + " tiles",
                     ClaimVerdict::kNotDistinguishable, ""};
  if (rows.x->first_token_p95 < std::min(rows.d->first_token, rows.h->first_token)) {
    result.verdict = ClaimVerdict::kConfirmed;
  } else if (std::min(rows.d->first_token_p95, rows.h->first_token_p95) < rows.x->first_token) {
    result.verdict = ClaimVerdict::kRefuted;
  }
  result.evidence = "To the first token: " + seconds(*rows.d) + ", " + seconds(*rows.x) + ", " +
                    seconds(*rows.h) + "; D takes " + ratio(*rows.d) + ", H " + ratio(*rows.h);
  return result;
}

/// A claim on `arm` against two others, decided from its standings.
ClaimResult judge_pair(const EvaluatedSuite& suite, const char* claim, const std::string& where,
                       const ArmResult& arm, const ArmResult& first, const ArmResult& second,
                       const std::function<ClaimVerdict(PairedVerdict, PairedVerdict)>& decide) {
  ClaimResult result{claim, where, ClaimVerdict::kNotMeasured, ""};
  const auto a = standing(suite.results, arm, first);
  const auto b = standing(suite.results, arm, second);
  if (a) result.evidence = standing_text(arm.arm.label, first.arm.label, *a);
  if (b) {
    result.evidence += (a ? "; " : "") + standing_text(arm.arm.label, second.arm.label, *b);
  }
  if (a && b) {
    result.verdict = decide(a->verdict, b->verdict);
  } else {
    result.evidence += std::string(a || b ? "; " : "") + "not both comparisons were planned";
  }
  return result;
}

ClaimVerdict best_of_three(PairedVerdict a, PairedVerdict b) {
  if (a == PairedVerdict::kWorse || b == PairedVerdict::kWorse) return ClaimVerdict::kRefuted;
  const bool best = a == PairedVerdict::kBetter && b == PairedVerdict::kBetter;
  return best ? ClaimVerdict::kConfirmed : ClaimVerdict::kNotDistinguishable;
}

ClaimVerdict not_last_of_three(PairedVerdict a, PairedVerdict b) {
  if (a == PairedVerdict::kWorse && b == PairedVerdict::kWorse) return ClaimVerdict::kRefuted;
  const bool ahead = a == PairedVerdict::kBetter || b == PairedVerdict::kBetter;
  return ahead ? ClaimVerdict::kConfirmed : ClaimVerdict::kNotDistinguishable;
}

ClaimVerdict claim_verdict(PairedVerdict verdict) {
  if (verdict == PairedVerdict::kBetter) return ClaimVerdict::kConfirmed;
  if (verdict == PairedVerdict::kWorse) return ClaimVerdict::kRefuted;
  return ClaimVerdict::kNotDistinguishable;
}

void judge_tags(const EvaluatedSuite& suite, const MatchedArms& group,
                std::vector<ClaimResult>& claims) {
  if (suite.results.suite.suite != "tile-tags") return;
  const ArmResult* none = arm_with(group, "fusion.tile_tags", "none");
  const ArmResult* tags = arm_with(group, "fusion.tile_tags", "1d");
  if (none == nullptr || tags == nullptr) return;
  const auto found = standing(suite.results, *tags, *none);
  if (!found) return;
  claims.push_back({kClaimTags, place_of(suite.results.suite, group.matching),
                    claim_verdict(found->verdict),
                    standing_text(tags->arm.label, none->arm.label, *found)});
}

/// Whether the interval excludes a loss that would matter.
bool loses_nothing(const SuiteResults& results, const eval::CrossedMean& difference) {
  return results.suite.smaller_is_better ? difference.high < results.effect_of_interest
                                         : difference.low > -results.effect_of_interest;
}

bool has_text_only_data(const SuiteArm& arm) {
  const std::string share = option_of(arm, "data.text_only");
  return !share.empty() && share.find_first_not_of("0.") != std::string::npos;
}

/// Whether training `mixed`, with text-only data, kept what the model could do before it.
ClaimResult judge_kept_text(const SuiteResults& results, const std::string& where,
                            const ArmResult& mixed, const ArmResult& before) {
  ClaimResult result{kClaimText, where, ClaimVerdict::kNotMeasured, ""};
  const auto found = standing(results, mixed, before);
  if (!found || !found->comparison->test) {
    result.evidence = mixed.arm.label + " against " + before.arm.label +
                      (found ? " cannot be tested" : " was not planned");
    return result;
  }
  result.verdict = ClaimVerdict::kNotDistinguishable;
  if (loses_nothing(results, *found->comparison->test)) {
    result.verdict = ClaimVerdict::kConfirmed;
  } else if (found->verdict == PairedVerdict::kWorse) {
    result.verdict = ClaimVerdict::kRefuted;
  }
  result.evidence = standing_text(mixed.arm.label, before.arm.label, *found) + "; a loss of " +
                    decimals(results.effect_of_interest, 2) + " would matter";
  return result;
}

void judge_text(const EvaluatedSuite& suite, const MatchedArms& group,
                std::vector<ClaimResult>& claims) {
  if (suite.results.suite.suite != "text-mix") return;
  for (const ArmResult* before : group.arms) {
    if (before->arm.arm != "before") continue;
    for (const ArmResult* arm : group.arms) {
      if (!has_text_only_data(arm->arm)) continue;
      claims.push_back(judge_kept_text(suite.results, place_of(suite.results.suite, group.matching),
                                       *arm, *before));
    }
  }
}

}  // namespace

std::string claim_verdict_name(ClaimVerdict verdict) {
  switch (verdict) {
    case ClaimVerdict::kConfirmed:
      return "confirmed";
    case ClaimVerdict::kRefuted:
      return "refuted";
    case ClaimVerdict::kNotDistinguishable:
      return "not distinguishable";
    case ClaimVerdict::kNotMeasured:
      break;
  }
  return "not measured";
}

std::vector<ClaimResult> judge_claims(std::span<const EvaluatedSuite> suites,
                                      std::span<const BenchRow> bench) {
  std::vector<ClaimResult> found;
  if (const auto rows = three_rows(bench)) found.push_back(judge_measured_speed(*rows));
  for (const EvaluatedSuite& suite : suites) {
    for (const MatchedArms& group : by_matching(suite.results)) {
      const std::string where = place_of(suite.results.suite, group.matching);
      if (const auto ways = three_ways(suite, group)) {
        found.push_back(judge_speed(*ways, where));
        found.push_back(
            judge_pair(suite, kClaimD, where, *ways->d, *ways->x, *ways->h, best_of_three));
        found.push_back(
            judge_pair(suite, kClaimH, where, *ways->h, *ways->d, *ways->x, not_last_of_three));
      }
      judge_tags(suite, group, found);
      judge_text(suite, group, found);
    }
  }
  std::vector<ClaimResult> claims;
  for (const char* claim : {kClaimX, kClaimD, kClaimH, kClaimTags, kClaimText}) {
    const size_t before = claims.size();
    std::copy_if(found.begin(), found.end(), std::back_inserter(claims),
                 [&](const ClaimResult& result) { return result.claim == claim; });
    if (claims.size() == before) {
      claims.push_back({claim, "", ClaimVerdict::kNotMeasured, "No suite here measures it"});
    }
  }
  return claims;
}

}  // namespace nvlm::experiments
