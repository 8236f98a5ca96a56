#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/random.h"
#include "eval/metrics/cell_accuracy.h"
#include "eval/metrics/cell_adjacency.h"
#include "eval/metrics/common_subsequence.h"
#include "eval/metrics/grits.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/html_parser.h"
#include "eval/text/code_points.h"
#include "tests/eval/tables.h"

namespace nvlm::eval {
namespace {

Table gfm(const std::string& text) { return parse_gfm_table(text)->table; }

int64_t plain_subsequence(const std::u32string& a, const std::u32string& b) {
  std::vector<std::vector<int64_t>> best(a.size() + 1, std::vector<int64_t>(b.size() + 1, 0));
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      best[i][j] =
          a[i - 1] == b[j - 1] ? best[i - 1][j - 1] + 1 : std::max(best[i - 1][j], best[i][j - 1]);
    }
  }
  return best[a.size()][b.size()];
}

Table without_row(const Table& table, int64_t row) {
  Table result{table.num_rows - 1, table.num_columns, {}};
  for (TableCell cell : table.cells) {
    if (cell.row == row) continue;
    if (cell.row > row) --cell.row;
    result.cells.push_back(std::move(cell));
  }
  return result;
}

/// Calls visit(matching) for every order-preserving matching of 0..n-1 with 0..m-1.
void for_each_matching(int64_t n, int64_t m, std::vector<std::pair<int64_t, int64_t>>& matching,
                       const std::function<void()>& visit) {
  visit();
  const int64_t next_n = matching.empty() ? 0 : matching.back().first + 1;
  const int64_t next_m = matching.empty() ? 0 : matching.back().second + 1;
  for (int64_t i = next_n; i < n; ++i) {
    for (int64_t j = next_m; j < m; ++j) {
      matching.emplace_back(i, j);
      for_each_matching(n, m, matching, visit);
      matching.pop_back();
    }
  }
}

/// The largest sum over all matchings, by looking at each.
double largest_sum(int64_t n, int64_t m, const std::function<double(int64_t, int64_t)>& reward) {
  double best = 0.0;
  std::vector<std::pair<int64_t, int64_t>> matching;
  for_each_matching(n, m, matching, [&] {
    double sum = 0.0;
    for (const auto& [i, j] : matching) sum += reward(i, j);
    best = std::max(best, sum);
  });
  return best;
}

template <class Work>
double seconds_taken(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("common subsequence: by hand, and equal to the plain recurrence over many blocks") {
  CHECK(subsequence_similarity("", "") == 1.0);
  CHECK(subsequence_similarity("", "a") == 0.0);
  CHECK(subsequence_similarity("abcde", "ace") == doctest::Approx(2.0 * 3.0 / 8.0));
  CHECK(subsequence_similarity("12.5", "125") == doctest::Approx(6.0 / 7.0));
  CHECK(subsequence_similarity("東a", "a東") == doctest::Approx(0.5));
  Random random(3);
  for (int trial = 0; trial < 60; ++trial) {
    const std::string a = test::random_text(random, random.integer(0, 150));
    const std::string b = test::random_text(random, random.integer(0, 150));
    const std::u32string wide_a = decode_utf8(a);
    const std::u32string wide_b = decode_utf8(b);
    if (wide_a.empty() && wide_b.empty()) continue;
    CHECK(subsequence_similarity(a, b) ==
          doctest::Approx(2.0 * static_cast<double>(plain_subsequence(wide_a, wide_b)) /
                          static_cast<double>(wide_a.size() + wide_b.size())));
  }
}

TEST_CASE("GriTS content: hand-computed") {
  const Table truth = gfm("| a | b |\n|---|---|\n| c | d |");
  CHECK(grits_content(truth, truth).f_score == 1.0);
  // One of four texts shares half of its characters: similarity 3.5 of 4 and 4.
  const GritsScore half = grits_content(gfm("| a | b |\n|---|---|\n| c | dx |"), truth);
  CHECK(half.f_score == doctest::Approx((3.0 + 2.0 / 3.0) / 4.0));
  // A lost row: 2 of 2 predicted, 2 of 4 true.
  const GritsScore lost = grits_content(gfm("| c | d |\n|---|---|"), truth);
  CHECK(lost.precision == doctest::Approx(1.0));
  CHECK(lost.recall == doctest::Approx(0.5));
  CHECK(lost.f_score == doctest::Approx(2.0 * 2.0 / 6.0));
  // A column too many in the middle.
  const GritsScore surplus =
      grits_content(gfm("| a | x | b |\n|---|---|---|\n| c | y | d |"), truth);
  CHECK(surplus.f_score == doctest::Approx(2.0 * 4.0 / 10.0));
  // A span repeats its text: prediction a a / c d against a b / c d.
  const Table spanned = *parse_html_table(
      "<table><tr><td colspan=2>a</td></tr><tr><td>c</td><td>d</td></tr></table>");
  CHECK(grits_content(spanned, truth).f_score == doctest::Approx(3.0 / 4.0));
  CHECK(grits_content(Table{}, Table{}).f_score == 1.0);
  CHECK(grits_content(Table{}, truth).f_score == 0.0);
}

TEST_CASE("GriTS topology: hand-computed") {
  const Table plain = gfm("| a | b |\n|---|---|\n| c | d |");
  const Table spanned = *parse_html_table(
      "<table><tr><td colspan=2>z</td></tr><tr><td>y</td><td>x</td></tr></table>");
  CHECK(grits_topology(gfm("| x | y |\n|---|---|\n| z |  |"), plain).f_score == 1.0);
  // Both positions of the span see a cell of area 2 where the other has area 1: 1/2 each.
  CHECK(grits_topology(plain, spanned).f_score == doctest::Approx(3.0 / 4.0));
  // Against a grid of three rows: four of six positions match.
  const Table taller = gfm("| a | b |\n|---|---|\n| c | d |\n| e | f |");
  const GritsScore score = grits_topology(taller, plain);
  CHECK(score.precision == doctest::Approx(4.0 / 6.0));
  CHECK(score.recall == doctest::Approx(1.0));
}

TEST_CASE("grid alignment: finds lost rows and columns") {
  Random random(8);
  Table truth = test::random_grid(random, 9, 5, 4);
  for (size_t i = 0; i < truth.cells.size(); ++i) truth.cells[i].text += std::to_string(i * 7919);
  const GridAlignment alignment = align_grids(without_row(truth, 4), truth);
  CHECK(alignment.exact);
  CHECK(alignment.columns.size() == 5);
  REQUIRE(alignment.rows.size() == 8);
  for (const auto& [row, true_row] : alignment.rows) CHECK(true_row == (row < 4 ? row : row + 1));
}

TEST_CASE("grid alignment: no matching of rows or columns has a larger sum of best alignments") {
  Random random(41);
  for (int trial = 0; trial < 40; ++trial) {
    CAPTURE(trial);
    const Table a = test::random_grid(random, random.integer(1, 4), random.integer(1, 4), 2);
    const Table b = test::random_grid(random, random.integer(1, 4), random.integer(1, 4), 2);
    const std::vector<std::string> texts_a = grid_texts(a);
    const std::vector<std::string> texts_b = grid_texts(b);
    const auto similarity = [&](int64_t row_a, int64_t column_a, int64_t row_b, int64_t column_b) {
      return subsequence_similarity(texts_a[static_cast<size_t>(row_a * a.num_columns + column_a)],
                                    texts_b[static_cast<size_t>(row_b * b.num_columns + column_b)]);
    };
    const auto row_reward = [&](int64_t i, int64_t j) {
      return largest_sum(a.num_columns, b.num_columns,
                         [&](int64_t k, int64_t l) { return similarity(i, k, j, l); });
    };
    const auto column_reward = [&](int64_t k, int64_t l) {
      return largest_sum(a.num_rows, b.num_rows,
                         [&](int64_t i, int64_t j) { return similarity(i, k, j, l); });
    };
    const GridAlignment alignment = align_grids(a, b);
    double rows = 0.0;
    for (const auto& [i, j] : alignment.rows) rows += row_reward(i, j);
    CHECK(rows == doctest::Approx(largest_sum(a.num_rows, b.num_rows, row_reward)));
    double columns = 0.0;
    for (const auto& [k, l] : alignment.columns) columns += column_reward(k, l);
    CHECK(columns == doctest::Approx(largest_sum(a.num_columns, b.num_columns, column_reward)));
    double sum = 0.0;
    for (const auto& [i, j] : alignment.rows) {
      for (const auto& [k, l] : alignment.columns) sum += similarity(i, k, j, l);
    }
    const auto total = static_cast<double>(a.num_rows * a.num_columns + b.num_rows * b.num_columns);
    CHECK(grits_content(a, b).f_score == doctest::Approx(2.0 * sum / total));
  }
}

TEST_CASE("GriTS: properties on random tables") {
  Random random(31);
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    const Table a = test::random_spans(random, random.integer(1, 6), random.integer(1, 6));
    const Table b = test::random_spans(random, random.integer(1, 6), random.integer(1, 6));
    for (auto* grits : {&grits_topology, &grits_content}) {
      CHECK(grits(a, a).f_score == doctest::Approx(1.0));
      const GritsScore score = grits(a, b);
      CHECK(score.f_score >= 0.0);
      CHECK(score.f_score <= 1.0 + 1e-12);
      CHECK(score.precision * static_cast<double>(a.num_rows * a.num_columns) ==
            doctest::Approx(score.recall * static_cast<double>(b.num_rows * b.num_columns)));
    }
    CHECK(cell_adjacency(a, a).f1() == 1.0);
    CHECK(cell_accuracy(a, a).accuracy() == 1.0);
    CHECK(cell_adjacency(a, b).f1() == doctest::Approx(cell_adjacency(b, a).f1()));
    CHECK(cell_accuracy(a, b).accuracy() <= 1.0);
  }
}

TEST_CASE("grid scores: large tables take bounded time, and say that they are bounds") {
  Random random(23);
  const Table a = test::random_grid(random, 50, 10, 8);
  const Table b = test::random_grid(random, 50, 10, 8);
  GritsScore score;
  double seconds = seconds_taken([&] { score = grits_content(a, b); });
  CHECK(score.exact);
  MESSAGE("GriTS content, 50 x 10 cells: ", seconds, " s");
  seconds = seconds_taken([&] { score = grits_topology(a, b); });
  MESSAGE("GriTS topology, 50 x 10 cells: ", seconds, " s");
  seconds = seconds_taken([&] { cell_adjacency(a, b); });
  MESSAGE("adjacency, 50 x 10 cells: ", seconds, " s");

  const Table huge = test::random_grid(random, 500, 500, 4);
  const Table other = test::random_grid(random, 500, 499, 4);
  seconds = seconds_taken([&] { score = grits_content(huge, other); });
  CHECK(!score.exact);
  CHECK(score.f_score > 0.0);
  CHECK(score.f_score < 1.0);
  CHECK(grits_topology(huge, other).f_score == doctest::Approx(2.0 * 499 / (500.0 + 499.0)));
  CHECK(!cell_accuracy(huge, other).exact);
  CHECK(cell_accuracy(huge, huge).accuracy() == 1.0);
  CHECK(cell_adjacency(huge, huge).f1() == 1.0);
  MESSAGE("GriTS content, 500 x 500 cells, bounded: ", seconds, " s");

  Table long_cell = gfm("| a | b |\n|---|---|");
  Table other_cell = long_cell;
  long_cell.cells[0].text.assign(8'000'000, 'x');
  other_cell.cells[0].text.assign(8'000'000, 'y');
  score = grits_content(long_cell, other_cell);
  CHECK(!score.exact);
  CHECK(score.f_score == doctest::Approx(0.5));
}

TEST_CASE("cell adjacency: hand-computed") {
  // a-b, c-d to the right; a-c, b-d down.
  const Table truth = gfm("| a | b |\n|---|---|\n| c | d |");
  const AdjacencyScore same = cell_adjacency(truth, truth);
  CHECK(same.truth == 4);
  CHECK(same.f1() == 1.0);
  // d misread breaks c-d and b-d.
  const AdjacencyScore misread = cell_adjacency(gfm("| a | b |\n|---|---|\n| c | e |"), truth);
  CHECK(misread.matched == 2);
  CHECK(misread.f1() == doctest::Approx(0.5));
  // A blank between is skipped but counted: a-b with one blank is another relation.
  const AdjacencyScore gap =
      cell_adjacency(gfm("| a |  | b |\n|---|---|---|\n| c |  | d |"), truth);
  CHECK(gap.predicted == 4);
  CHECK(gap.matched == 2);  // a-c and b-d
  // A cell over two columns has one neighbour below in each.
  const Table spanned = *parse_html_table(
      "<table><tr><td colspan=2>h</td></tr><tr><td>c</td><td>d</td></tr></table>");
  CHECK(cell_adjacency(spanned, spanned).truth == 3);  // h-c, h-d, c-d
  CHECK(cell_adjacency(gfm("| x |\n|---|"), truth).f1() == 0.0);
  CHECK(cell_adjacency(gfm("| x |\n|---|"), gfm("| y |\n|---|")).f1() == 1.0);
  CHECK(adjacency_text(" Net (income), 5.5 % ") == "Netincome55");
  CHECK(adjacency_text(" - ") == "-");
}

TEST_CASE("cell accuracy: hand-computed") {
  const Table truth = gfm("| a | b |\n|---|---|\n| c |  |\n| d | e |");
  CHECK(cell_accuracy(truth, truth).accuracy() == 1.0);
  CHECK(cell_accuracy(gfm("| a | b |\n|---|---|\n| d | e |"), truth).accuracy() ==
        doctest::Approx(4.0 / 5.0));
  CHECK(cell_accuracy(gfm("| a | b |\n|---|---|\n| c | x |\n| d | e |"), truth).accuracy() ==
        doctest::Approx(5.0 / 6.0));  // an invented cell costs
  const Table spanned = *parse_html_table(
      "<table><tr><td colspan=2>h</td></tr><tr><td>c</td><td>d</td></tr></table>");
  CHECK(cell_accuracy(gfm("| h |  |\n|---|---|\n| c | d |"), spanned).accuracy() == 1.0);
  CHECK(cell_accuracy(Table{}, Table{}).accuracy() == 1.0);
}

}  // namespace nvlm::eval
