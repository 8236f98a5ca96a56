// Agreement, verdict and choice, by hand.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "common/random.h"
#include "eval/extraction/agreement.h"
#include "eval/extraction/choose_reading.h"
#include "eval/extraction/verdict.h"
#include "tests/eval/tables.h"

namespace nvlm::eval {
namespace {

using Words = std::vector<std::string>;

/// One row of cells with probabilities (negative: unknown).
Table one_row(const std::vector<std::pair<std::string, double>>& cells) {
  Table table{1, static_cast<int64_t>(cells.size()), {}};
  for (size_t i = 0; i < cells.size(); ++i) {
    table.cells.push_back({cells[i].first, 0, static_cast<int64_t>(i)});
    if (cells[i].second >= 0) table.cells.back().probability = cells[i].second;
  }
  return table;
}

TableProof proof_of(std::vector<std::optional<double>> confidence, bool with_failed_check = false) {
  TableProof proof;
  proof.confidence = std::move(confidence);
  proof.checks.push_back({"totals",
                          with_failed_check ? CheckResult::kFail : CheckResult::kPass,
                          with_failed_check ? "do not add up" : "",
                          {}});
  return proof;
}

bool mentions(const std::vector<std::string>& texts, const std::string& words) {
  for (const std::string& text : texts) {
    if (text.find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("agreement: equal words, similar words, words used once") {
  const Table table = one_row({{"Oats and rye", -1}, {"12", -1}, {"12", -1}, {"-", -1}, {"", -1}});
  const Words words{"rye", "12", "Oots", "and", "|"};
  const Agreement agreement = measure_agreement(table, words);
  REQUIRE(agreement.cells.size() == 5);
  // Oats ~ Oots: 3/4 over 4 letters; and, rye: equal, 3 letters each
  CHECK(agreement.cells[0].value() == doctest::Approx((4 * 0.75 + 3 + 3) / 10));
  CHECK(agreement.cells[1].value() == 1.0);
  CHECK(agreement.cells[2].value() == 0.0);  // the only 12 is taken
  CHECK_FALSE(agreement.cells[3].has_value());
  CHECK_FALSE(agreement.cells[4].has_value());
  CHECK(agreement.table_words == 5);
  CHECK(agreement.picture_words == 4);
  CHECK(agreement.same_words == 3);
  CHECK(agreement.found() == doctest::Approx(3.0 / 5));
  CHECK(agreement.covered() == doctest::Approx(3.0 / 4));
}

TEST_CASE("agreement: the best pairs are made first, whatever the order") {
  const Table table = one_row({{"abcdef", -1}, {"abcdxx", -1}});
  for (const Words& words : {Words{"abcdxy", "abcdeg"}, Words{"abcdeg", "abcdxy"}}) {
    const Agreement agreement = measure_agreement(table, words);
    CHECK(agreement.cells[0].value() == doctest::Approx(5.0 / 6));
    CHECK(agreement.cells[1].value() == doctest::Approx(5.0 / 6));
  }
  const Words dashes{
      "\xE2\x80\x93"
      "5"};
  CHECK(measure_agreement(one_row({{"-5", -1}}), dashes).cells[0] == 1.0);
  CHECK(measure_agreement(Table{}, Words{}).found() == 1.0);
  CHECK(measure_agreement(one_row({{"x", -1}}), Words{}).found() == 0.0);
}

TEST_CASE("agreement: a table agrees with its own shuffled words") {
  Random random(61);
  for (int trial = 0; trial < 100; ++trial) {
    const Table table = test::random_grid(random, random.integer(1, 6), random.integer(1, 6));
    Words words;
    for (const TableCell& cell : table.cells) words.push_back(cell.text);
    for (size_t i = words.size(); i > 1; --i) {
      std::swap(words[i - 1], words[static_cast<size_t>(random.integer(0, int64_t(i) - 1))]);
    }
    const Agreement agreement = measure_agreement(table, words);
    CHECK(agreement.found() == 1.0);
    CHECK(agreement.covered() == 1.0);
    for (const auto& cell : agreement.cells) CHECK(cell.value_or(1.0) == doctest::Approx(1.0));
  }
}

TEST_CASE("agreement is bounded for many words") {
  Random random(67);
  Table table{20000, 1, {}};
  Words words;
  for (int64_t i = 0; i < 20000; ++i) {
    table.cells.push_back({"w" + std::to_string(random.integer(0, 99'999'999)), i, 0});
    words.push_back("w" + std::to_string(random.integer(0, 99'999'999)));
  }
  const Agreement agreement = measure_agreement(table, words);  // 10 s and more if unbounded
  CHECK(agreement.table_words == 20000);
}

TEST_CASE("combined confidence") {
  CHECK(combined_confidence(0.8, 0.4).value() == doctest::Approx(0.6));
  CHECK(combined_confidence(0.8, std::nullopt) == 0.8);
  CHECK_FALSE(combined_confidence(std::nullopt, 1.0).has_value());
}

TEST_CASE("proof: confidence of each cell, with and without the independent reader") {
  const Table table = one_row({{"abc", 0.9}, {"xyz", 0.7}, {"", 0.8}, {"q", -1}});
  const TableProof alone = prove_table(table, false, std::nullopt);
  CHECK_FALSE(alone.agreement.has_value());
  CHECK(alone.mean_confidence().value() == doctest::Approx(0.8));
  CHECK(alone.lowest_confidence() == 0.7);
  const TableProof verified = prove_table(table, false, Words{"abc"});
  CHECK(verified.confidence[0].value() == doctest::Approx(0.95));
  CHECK(verified.confidence[1].value() == doctest::Approx(0.35));
  CHECK(verified.confidence[2].value() == 0.8);
  CHECK_FALSE(verified.confidence[3].has_value());
  CHECK_FALSE(TableProof{}.mean_confidence().has_value());
}

TEST_CASE("verdict: ok, check, fail, with reasons") {
  const Table table = one_row({{"a", 1}, {"b", 1}});
  CHECK(judge_table(table, proof_of({0.95, 0.97}), std::nullopt).status == TableStatus::kOk);
  CHECK(judge_table(table, proof_of({0.95, 0.97}), std::nullopt).reasons.empty());

  const Verdict unsure = judge_table(table, proof_of({0.95, 0.45}), std::nullopt);
  CHECK(unsure.status == TableStatus::kCheck);
  CHECK(mentions(unsure.reasons, "mean confidence 0.70"));
  CHECK(mentions(unsure.reasons, "confidence 0.45 at row 1, column 2"));
  CHECK(judge_table(table, proof_of({0.3, 0.3}), std::nullopt).status == TableStatus::kFail);

  const Verdict below = judge_table(table, proof_of({0.95, 0.97}), 0.99);
  CHECK(below.status == TableStatus::kFail);
  CHECK(mentions(below.reasons, "confidence 0.96, at least 0.99"));

  const Verdict failed_check = judge_table(table, proof_of({0.95, 0.97}, true), std::nullopt);
  CHECK(failed_check.status == TableStatus::kCheck);
  CHECK(mentions(failed_check.reasons, "totals: do not add up"));

  const Verdict unknown = judge_table(table, proof_of({std::nullopt, std::nullopt}), std::nullopt);
  CHECK(unknown.status == TableStatus::kOk);
  CHECK(mentions(unknown.notes, "no confidence"));
  const Verdict unproven = judge_table(table, proof_of({std::nullopt, std::nullopt}), 0.5);
  CHECK(unproven.status == TableStatus::kFail);
  CHECK(mentions(unproven.reasons, "confidence unknown"));

  CHECK(judge_table(one_row({{"", 1}}), proof_of({1.0}), std::nullopt).status ==
        TableStatus::kFail);
}

TEST_CASE("verdict: an independent reader that sees something else") {
  const Table table = one_row({{"alpha", -1}, {"beta", -1}, {"gamma", -1}, {"delta", -1}});
  const auto status = [&](const Words& words) {
    return judge_table(table, prove_table(table, false, words), std::nullopt).status;
  };
  CHECK(status({"alpha", "beta", "gamma", "delta"}) == TableStatus::kOk);
  CHECK(status({"alpha", "beta", "gamma"}) == TableStatus::kOk);
  CHECK(status({"alpha", "beta"}) == TableStatus::kCheck);
  CHECK(status({"alpha"}) == TableStatus::kFail);
}

TEST_CASE("choice between the model's reading and the rules'") {
  TableProof sure = proof_of({0.95});
  const TableProof unsure = proof_of({0.6});
  const TableProof rules = proof_of({0.9});
  const TableProof broken = proof_of({0.99}, true);
  CHECK(choose_reading(&sure, &rules).choice == ReadingChoice::kModel);
  CHECK(choose_reading(&unsure, &rules).choice == ReadingChoice::kRules);
  CHECK(choose_reading(&broken, &rules).choice == ReadingChoice::kRules);
  CHECK(choose_reading(&unsure, &broken).choice ==
        ReadingChoice::kRules);  // a doubtful model proves nothing
  CHECK(choose_reading(nullptr, &broken).choice == ReadingChoice::kRules);
  CHECK(choose_reading(&unsure, nullptr).choice == ReadingChoice::kModel);
  CHECK_THROWS_AS(choose_reading(nullptr, nullptr), std::invalid_argument);
  sure.agreement = Agreement{{}, 20, 20, 19};
  CHECK(choose_reading(&sure, &rules).choice == ReadingChoice::kModel);
  sure.agreement = Agreement{{}, 10, 40, 10};  // right, but a quarter of the picture
  CHECK(choose_reading(&sure, &rules).choice == ReadingChoice::kRules);
  CHECK_FALSE(choose_reading(&sure, &rules).reason.empty());
}

}  // namespace nvlm::eval
