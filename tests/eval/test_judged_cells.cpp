#include <doctest/doctest.h>

#include "eval/metrics/judged_cells.h"
#include "eval/table/gfm_parser.h"

namespace nvlm::eval {
namespace {

Table with_probabilities(std::string_view markdown) {
  Table table = parse_gfm_table(markdown)->table;
  double probability = 0.0;
  for (TableCell& cell : table.cells) cell.probability = probability += 0.01;
  return table;
}

}  // namespace

TEST_CASE("judge_cells: a lost row does not condemn the rows below it") {
  const Table truth = with_probabilities("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |");
  const Table predicted = with_probabilities("| a | b |\n|---|---|\n| 3 | 4 |\n| 5 | x |");
  const std::vector<Judged> judged = judge_cells(predicted, truth);
  REQUIRE(judged.size() == 6);
  for (size_t i = 0; i < 5; ++i) CHECK(judged[i].correct);
  CHECK_FALSE(judged[5].correct);
  CHECK(judged[5].confidence == doctest::Approx(0.06));
}

TEST_CASE("judge_cells: blanks are cells, surplus columns are wrong, white space is not") {
  Table truth = with_probabilities("| a  b |  |\n|---|---|\n| 1 | 2 |");
  const Table predicted = with_probabilities("| a b | | z |\n|---|---|---|\n| 1 | 2 | |");
  std::vector<bool> correct;
  for (const Judged& cell : judge_cells(predicted, truth)) correct.push_back(cell.correct);
  CHECK(correct == std::vector<bool>{true, true, false, true, true, false});
}

TEST_CASE("judge_cells: cells without a probability are left out") {
  Table predicted = with_probabilities("| a |\n|---|\n| 1 |");
  predicted.cells[0].probability.reset();
  const std::vector<Judged> judged =
      judge_cells(predicted, with_probabilities("| b |\n|---|\n| 1 |"));
  REQUIRE(judged.size() == 1);
  CHECK(judged[0].correct);
  CHECK(judge_cells(Table{}, predicted).empty());
}

}  // namespace nvlm::eval
