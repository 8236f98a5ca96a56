#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "eval/readers/cell_probabilities.h"

namespace nvlm::eval {
namespace {

/// A text in pieces, each with a probability.
struct Spoken {
  std::string text;
  std::vector<AnswerToken> tokens;

  void say(const std::string& piece, double probability) {
    tokens.push_back(
        {{text.size(), text.size() + piece.size()}, static_cast<float>(std::log(probability))});
    text += piece;
  }
};

}  // namespace

TEST_CASE("cell probabilities: the product of a cell's tokens, its closing pipe included") {
  Spoken spoken;
  spoken.say("| ", 0.9);  // the blank already belongs to the first cell
  spoken.say("a", 0.8);
  spoken.say(" |", 0.5);
  spoken.say(" b | c", 0.7);  // belongs to two cells
  spoken.say("", 0.9);        // half a character, finished by the next token
  spoken.say("d |\n", 0.6);
  spoken.say("| --- | --- | --- |\n", 0.1);  // belongs to none
  spoken.say("| 1 |", 0.4);
  spoken.say("", 0.3);  // the end of the answer
  std::optional<GfmTable> gfm = parse_gfm_table(spoken.text);
  REQUIRE(gfm);
  set_cell_probabilities(*gfm, spoken.tokens);
  const std::vector<TableCell>& cells = gfm->table.cells;
  REQUIRE(cells.size() == 6);
  CHECK(*cells[0].probability == doctest::Approx(0.9 * 0.8 * 0.5));
  CHECK(*cells[1].probability == doctest::Approx(0.7));
  CHECK(cells[2].text == "cd");
  CHECK(*cells[2].probability == doctest::Approx(0.7 * 0.9 * 0.6));
  CHECK(*cells[3].probability == doctest::Approx(0.4));
  CHECK_FALSE(cells[4].probability.has_value());  // padded
  CHECK_FALSE(cells[5].probability.has_value());
}

TEST_CASE("gfm sources: each cell's bytes, pipes escaped or missing") {
  const std::string text = "intro\n\na \\| b | c\n--|--\n| 1 | \n";
  const std::optional<GfmTable> gfm = parse_gfm_table(text);
  REQUIRE(gfm);
  const auto source = [&](size_t cell) {
    const ByteRange range = gfm->sources.at(cell);
    return text.substr(range.begin, range.end - range.begin);
  };
  CHECK(source(0) == "a \\| b |");
  CHECK(source(1) == " c");
  CHECK(source(2) == " 1 |");
  CHECK(source(3).empty());
}

}  // namespace nvlm::eval
