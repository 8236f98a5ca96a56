// What the rows of a suite say: means, differences, verdicts, claims.
#include "experiments/ablations/suite_results.h"

#include <doctest/doctest.h>

#include <numeric>
#include <stdexcept>

#include "experiments/report/claims.h"
#include "tests/experiments/stored_suites.h"
#include "tests/support/temp_dir.h"

namespace nvlm::experiments {
namespace {

using eval::PairedVerdict;
using test::MadeSuite;
using test::TempDir;

EvaluatedSuite evaluated(const MadeSuite& made) {
  const TempDir dir;
  write_made_suite(dir.path(), made);
  return open_suite(dir.path());
}

/// D, X and H with the given gains, and the comparisons a claim needs.
MadeSuite three_ways(double d, double x, double h) {
  MadeSuite made = test::fusion_suite();
  std::erase_if(made.arms, [](const auto& arm) { return arm.matching != "samples"; });
  std::erase_if(made.comparisons,
                [](const auto& planned) { return planned.matching != "samples"; });
  made.arms[0].gain = d;
  made.arms[1].gain = x;
  made.arms[2].gain = h;
  return made;
}

ClaimVerdict verdict_on(const std::vector<ClaimResult>& claims, const std::string& part) {
  for (const ClaimResult& claim : claims) {
    if (claim.claim.find(part) != std::string::npos) return claim.verdict;
  }
  FAIL("no claim with '" << part << "'");
  return ClaimVerdict::kNotMeasured;
}

}  // namespace

TEST_CASE("suite results: means are those of the rows") {
  const EvaluatedSuite suite = evaluated(three_ways(0.0, -0.08, -0.04));
  const ArmResult& d = find_arm(suite.results, "samples", "d");
  REQUIRE(d.seed_means.size() == 3);
  double sum = 0.0, tokens = 0.0;
  const std::vector<ItemRow>& rows = suite.stored.runs[1].rows;  // D, second seed
  for (const ItemRow& row : rows) {
    sum += row.token_accuracy;
    tokens += static_cast<double>(row.tokens);
  }
  CHECK(d.seed_means[1] == doctest::Approx(sum / static_cast<double>(rows.size())));
  CHECK(d.headline.mean ==
        doctest::Approx(std::accumulate(d.seed_means.begin(), d.seed_means.end(), 0.0) / 3.0));
  CHECK(d.answer_tokens == doctest::Approx(tokens / static_cast<double>(rows.size())));
  CHECK(d.samples == 3200.0);
  CHECK(d.answer.tiles == 5.0);
  CHECK_THROWS_AS(find_arm(suite.results, "flops", "d"), std::invalid_argument);
}

TEST_CASE("suite results: differences, verdicts and Holm over the suite") {
  const EvaluatedSuite suite = evaluated(three_ways(0.0, -0.08, 0.0));
  const std::vector<ComparisonResult>& comparisons = suite.results.comparisons;
  REQUIRE(comparisons.size() == 3);
  CHECK(comparisons[0].arm_label == "NVLM-X");
  CHECK(comparisons[0].baseline_label == "NVLM-D");
  CHECK(comparisons[0].difference == doctest::Approx(-0.08).epsilon(0.15));
  CHECK(comparisons[0].difference == doctest::Approx(comparisons[0].test->mean));
  CHECK(comparisons[0].verdict == PairedVerdict::kWorse);
  CHECK(comparisons[1].verdict == PairedVerdict::kNotDistinguishable);
  CHECK(comparisons[2].verdict == PairedVerdict::kBetter);
  CHECK(comparisons[0].test->num_groups == 15);
  for (const ComparisonResult& comparison : comparisons) {
    CHECK(comparison.adjusted_p >= comparison.test->p_value);
  }
  const bool x_is_smallest = comparisons[0].test->p_value < comparisons[2].test->p_value;
  const ComparisonResult& smallest = comparisons[x_is_smallest ? 0 : 2];
  CHECK(smallest.adjusted_p == doctest::Approx(3.0 * smallest.test->p_value));
}

TEST_CASE("suite results: less is better for nll") {
  MadeSuite made = three_ways(0.0, -0.08, 0.0);
  made.metric = "nll";
  const EvaluatedSuite suite = evaluated(made);
  CHECK(suite.results.comparisons[0].difference > 0.0);
  CHECK(suite.results.comparisons[0].verdict == PairedVerdict::kWorse);
  CHECK(suite.results.effect_of_interest == 0.05);
  CHECK_THROWS_AS(effect_of_interest("bleu"), std::invalid_argument);
}

TEST_CASE("suite results: a comparison that could not have found what matters says so") {
  MadeSuite noisy = three_ways(0.0, 0.0, 0.0);
  noisy.seed_spread = 0.05;
  const SuiteResults results = evaluated(noisy).results;
  for (const ComparisonResult& comparison : results.comparisons) {
    CHECK(comparison.verdict == PairedVerdict::kNotDistinguishable);
    CHECK(comparison.too_weak);
    CHECK(comparison.test->minimum_detectable > 0.02);
    CHECK(too_weak_note(comparison, 0.02).find("and one of 0.02 would matter") !=
          std::string::npos);
  }
  MadeSuite sharp = three_ways(0.0, 0.0, 0.0);
  sharp.seed_spread = 0.0;
  const ComparisonResult sure = evaluated(sharp).results.comparisons[0];
  CHECK(!sure.too_weak);
  CHECK(too_weak_note(sure, 0.02).empty());
}

TEST_CASE("suite results: a single seed gives no verdict") {
  MadeSuite made = three_ways(0.0, -0.3, 0.0);
  made.seeds = {1};
  const SuiteResults results = evaluated(made).results;
  CHECK(!results.comparisons[0].test);
  CHECK(results.comparisons[0].difference < -0.2);
  CHECK(results.comparisons[0].verdict == PairedVerdict::kNotDistinguishable);
  CHECK(too_weak_note(results.comparisons[0], 0.02).find("two seeds") != std::string::npos);
}

TEST_CASE("claims: confirmed, refuted and undecided by the comparisons") {
  const auto judged = [](double d, double x, double h) {
    const std::vector<EvaluatedSuite> suites = {evaluated(three_ways(d, x, h))};
    return judge_claims(suites);
  };
  const auto as_claimed = judged(0.0, -0.08, -0.04);
  CHECK(verdict_on(as_claimed, "fastest") == ClaimVerdict::kConfirmed);
  CHECK(verdict_on(as_claimed, "best at reading") == ClaimVerdict::kConfirmed);
  CHECK(verdict_on(as_claimed, "between") == ClaimVerdict::kConfirmed);
  CHECK(verdict_on(as_claimed, "tags") == ClaimVerdict::kNotMeasured);
  CHECK(verdict_on(as_claimed, "Text ability") == ClaimVerdict::kNotMeasured);

  const auto otherwise = judged(0.0, 0.08, -0.08);
  CHECK(verdict_on(otherwise, "best at reading") == ClaimVerdict::kRefuted);
  CHECK(verdict_on(otherwise, "between") == ClaimVerdict::kRefuted);

  const auto alike = judged(0.0, 0.0, 0.0);
  CHECK(verdict_on(alike, "best at reading") == ClaimVerdict::kNotDistinguishable);
  CHECK(verdict_on(alike, "between") == ClaimVerdict::kNotDistinguishable);
}

TEST_CASE("claims: a claim is judged once per matching, and not without its comparisons") {
  const std::vector<EvaluatedSuite> suites = {evaluated(test::fusion_suite())};
  const auto claims = judge_claims(suites);
  CHECK(claims.size() == 3 * 3 + 2);
  MadeSuite unplanned = three_ways(0.0, -0.08, -0.04);
  unplanned.comparisons.erase(unplanned.comparisons.begin() + 1);  // D against H
  const std::vector<EvaluatedSuite> lacking = {evaluated(unplanned)};
  CHECK(verdict_on(judge_claims(lacking), "best at reading") == ClaimVerdict::kNotMeasured);
}

TEST_CASE("claims: tags, and text ability as an equivalence") {
  const std::vector<EvaluatedSuite> tags = {evaluated(test::tile_tags_suite())};
  CHECK(verdict_on(judge_claims(tags), "tags") == ClaimVerdict::kConfirmed);

  const auto text = [](double gain, double seed_spread, bool planned = true) {
    MadeSuite made;
    made.suite = "text-mix";
    made.metric = "nll";
    made.seed_spread = seed_spread;
    made.arms = {{"none", "before", "before", 0.0, {}},
                 {"none", "mixed", "20% text", gain, {{"data.text_only", "0.2"}}}};
    if (planned) made.comparisons = {{"none", "before", "mixed"}};
    const std::vector<EvaluatedSuite> suites = {evaluated(made)};
    return verdict_on(judge_claims(suites), "Text ability");
  };
  CHECK(text(0.0, 0.0) == ClaimVerdict::kConfirmed);
  CHECK(text(-0.2, 0.0) == ClaimVerdict::kRefuted);
  CHECK(text(0.0, 0.1) == ClaimVerdict::kNotDistinguishable);
  CHECK(text(0.0, 0.0, false) == ClaimVerdict::kNotMeasured);
}

BenchRow bench_row(const std::string& variant, int64_t tiles, double seconds, double p95) {
  BenchRow row;
  row.model = row.variant = variant;
  row.tiles = tiles;
  row.tile_size = 224;
  row.batch = 1;
  row.first_token = seconds;
  row.first_token_p95 = p95;
  row.predicted_first_token = seconds;
  return row;
}

TEST_CASE("claims: the speed of X from a grid, at the most tiles that all were measured with") {
  const auto verdict = [](const std::vector<BenchRow>& rows) {
    return verdict_on(judge_claims({}, rows), "fastest");
  };
  // X is slow at two tiles, which is no high resolution, and D alone was measured with 12.
  std::vector<BenchRow> rows = {bench_row("d", 2, 1.0, 1.1), bench_row("x", 2, 2.0, 2.1),
                                bench_row("h", 2, 1.0, 1.1), bench_row("d", 6, 4.0, 4.2),
                                bench_row("x", 6, 2.0, 2.5), bench_row("h", 6, 3.0, 3.1),
                                bench_row("d", 12, 9.0, 9.1)};
  CHECK(verdict(rows) == ClaimVerdict::kConfirmed);
  rows[4].first_token_p95 = 3.5;  // one repeat in twenty is slower than H
  CHECK(verdict(rows) == ClaimVerdict::kNotDistinguishable);
  rows[4].first_token = 3.2;
  CHECK(verdict(rows) == ClaimVerdict::kRefuted);
  rows.erase(rows.begin() + 5);  // H was not measured with 6
  CHECK(verdict(rows) == ClaimVerdict::kNotMeasured);
}

}  // namespace nvlm::experiments
