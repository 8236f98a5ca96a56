#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/random.h"
#include "eval/metrics/teds.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/html_writer.h"
#include "tests/eval/tables.h"
#include "tests/support/golden.h"

namespace nvlm::eval {
namespace {

std::string as_document(const Table& table) {
  return "<html><body>" + write_html(table) + "</body></html>";
}

template <class Work>
double seconds_of(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The recursive definition on forests, exponential: for tiny trees only.
double forest_distance(const OrderedTree& a, int64_t first_a, int64_t end_a, const OrderedTree& b,
                       int64_t first_b, int64_t end_b, RenameCosts& rename) {
  if (first_a == end_a || first_b == end_b) {
    return static_cast<double>((end_a - first_a) + (end_b - first_b));
  }
  const int64_t root_a = end_a - 1;
  const int64_t root_b = end_b - 1;
  const int64_t leaf_a = a.leftmost[static_cast<size_t>(root_a)];
  const int64_t leaf_b = b.leftmost[static_cast<size_t>(root_b)];
  const double erased = 1.0 + forest_distance(a, first_a, root_a, b, first_b, end_b, rename);
  const double inserted = 1.0 + forest_distance(a, first_a, end_a, b, first_b, root_b, rename);
  const double matched = rename.cost(root_a, root_b) +
                         forest_distance(a, first_a, leaf_a, b, first_b, leaf_b, rename) +
                         forest_distance(a, leaf_a, root_a, b, leaf_b, root_b, rename);
  return std::min({erased, inserted, matched});
}

OrderedTree random_tree(Random& random, int64_t size) {
  OrderedTree tree;
  std::vector<int32_t> open;  // leftmost leaves of the finished subtrees, left to right
  for (int32_t node = 0; node < size; ++node) {
    const bool last = node + 1 == size;
    auto adopted = static_cast<size_t>(random.integer(0, static_cast<int64_t>(open.size())));
    if (last) adopted = open.size();
    const int32_t leaf = adopted == 0 ? node : open[open.size() - adopted];
    open.resize(open.size() - adopted);
    open.push_back(leaf);
    tree.leftmost.push_back(leaf);
  }
  return tree;
}

struct RandomCosts : RenameCosts {
  double cost(int64_t a, int64_t b) override {
    return static_cast<double>((a * 7 + b * 13) % 5) / 4.0;
  }
};

}  // namespace

TEST_CASE("tree edit distance: equals the recursive definition on small trees") {
  Random random(5);
  RandomCosts costs;
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    const OrderedTree a = random_tree(random, random.integer(1, 7));
    const OrderedTree b = random_tree(random, random.integer(1, 7));
    const double expected = forest_distance(a, 0, a.size(), b, 0, b.size(), costs);
    const TreeDistance exact = tree_edit_distance(a, b, costs);
    CHECK(exact.exact);
    CHECK(exact.distance == doctest::Approx(expected).epsilon(1e-12));
    const TreeDistance bound = tree_edit_distance(a, b, costs, {.max_pairs = 0});
    CHECK(!bound.exact);
    CHECK(bound.distance >= expected - 1e-12);
  }
}

TEST_CASE("TEDS: golden rows") {
  std::ifstream stream(test::golden("13_metrics") / "teds.jsonl");
  int num_rows = 0;
  int num_malformed_equal = 0;
  for (std::string line; std::getline(stream, line); ++num_rows) {
    const Json row = parse_json(line, "teds.jsonl");
    CAPTURE(row.at("id").get<int64_t>());
    const auto prediction = row.at("pred_html").get<std::string>();
    const auto truth = row.at("true_html").get<std::string>();
    const TedsScore full = teds_html(prediction, truth);
    const TedsScore structure = teds_html(prediction, truth, TedsContent::kIgnore);
    if (row.at("note").get<std::string>().starts_with("malformed")) {
      num_malformed_equal += std::abs(full.score - row.at("teds").get<double>()) < 1e-9 ? 1 : 0;
      continue;
    }
    CHECK(std::abs(full.score - row.at("teds").get<double>()) < 1e-9);
    CHECK(std::abs(structure.score - row.at("teds_s").get<double>()) < 1e-9);
    if (!row.contains("distance")) continue;
    CHECK(std::abs(full.distance - row.at("distance").get<double>()) < 1e-9);
    CHECK(std::abs(structure.distance - row.at("distance_s").get<double>()) < 1e-9);
    CHECK(full.prediction_elements == row.at("nodes_pred").get<int64_t>());
    CHECK(full.truth_elements == row.at("nodes_true").get<int64_t>());
    if (!row.contains("pred_markdown")) continue;
    const auto parsed_prediction = parse_gfm_table(row.at("pred_markdown").get<std::string>());
    const auto parsed_truth = parse_gfm_table(row.at("true_markdown").get<std::string>());
    REQUIRE(parsed_prediction.has_value());
    REQUIRE(parsed_truth.has_value());
    CHECK(std::abs(teds(parsed_prediction->table, parsed_truth->table).score - full.score) < 1e-9);
  }
  CHECK(num_rows == 60);
  MESSAGE("rows with malformed HTML equal to the reference: ", num_malformed_equal, " of 2");
}

TEST_CASE("TEDS: properties on random tables") {
  Random random(17);
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    const Table a = test::random_spans(random, random.integer(1, 6), random.integer(1, 6));
    const Table b = test::random_spans(random, random.integer(1, 6), random.integer(1, 6));
    REQUIRE_NOTHROW(a.validate());
    const TedsScore full = teds(a, b);
    const TedsScore structure = teds(a, b, TedsContent::kIgnore);
    CHECK(teds(a, a).score == 1.0);
    CHECK(full.score >= -1.0);  // below 0 when hardly a node corresponds
    CHECK(full.score <= structure.score + 1e-12);
    CHECK(structure.score <= 1.0);
    CHECK(teds(b, a).score == doctest::Approx(full.score).epsilon(1e-12));
    CHECK(teds_html(as_document(a), as_document(b)).score ==
          doctest::Approx(full.score).epsilon(1e-12));
  }
}

TEST_CASE("TEDS: one changed cell, one lost row") {
  Random random(2);
  const Table table = test::random_grid(random, 5, 4);
  Table changed = table;
  changed.cells[6].text = "QQQQQQQQQQQQQQQQQQQQQQQQ";
  CHECK(teds(changed, table).distance == doctest::Approx(1.0));
  CHECK(teds(changed, table, TedsContent::kIgnore).score == 1.0);
  Table shorter = table;
  shorter.num_rows = 4;
  shorter.cells.resize(16);
  CHECK(teds(shorter, table).distance == doctest::Approx(5.0));
  CHECK(teds(shorter, table).score == doctest::Approx(1.0 - 5.0 / 25.0));
}

TEST_CASE("TEDS: large tables take bounded time") {
  Random random(23);
  const Table a = test::random_grid(random, 60, 15, 10);
  const Table b = test::random_grid(random, 60, 15, 10);
  TedsScore score;
  double seconds = seconds_of([&] { score = teds(a, b); });
  CHECK(score.exact);
  MESSAGE("60 x 15 cells: ", seconds, " s");

  const Table c = test::random_grid(random, 60, 60, 10);
  seconds = seconds_of([&] { score = teds(c, test::random_grid(random, 60, 60, 10)); });
  CHECK(score.exact);
  MESSAGE("60 x 60 cells: ", seconds, " s");

  const Table d = test::random_grid(random, 500, 500, 4);
  const Table e = test::random_grid(random, 500, 499, 4);
  seconds = seconds_of([&] { score = teds(d, e); });
  CHECK(!score.exact);
  CHECK(score.score > 0.0);
  MESSAGE("500 x 500 cells, bounded: ", seconds, " s");
  CHECK(teds(d, d).score == 1.0);

  Table huge_cell = test::random_grid(random, 2, 2);
  huge_cell.cells[1].text.assign(8'000'000, 'x');
  Table other_cell = huge_cell;
  other_cell.cells[1].text.assign(8'000'000, 'y');
  seconds = seconds_of([&] { score = teds(huge_cell, other_cell); });
  CHECK(score.distance == doctest::Approx(1.0));
  MESSAGE("cells of 8 MB, bounded: ", seconds, " s");
}

}  // namespace nvlm::eval
