#include "eval/tasks/table_scores.h"

#include <string>
#include <utility>

#include "eval/metrics/error_rate.h"
#include "eval/metrics/teds.h"
#include "eval/table/canonical.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/gfm_writer.h"
#include "eval/table/html_parser.h"

namespace nvlm::eval {

std::optional<PredictedTable> parse_predicted_table(std::string_view text) {
  if (std::optional<GfmTable> gfm = parse_gfm_table(text)) {
    const bool well_formed = !gfm->is_ragged();
    return PredictedTable{std::move(gfm->table), well_formed};
  }
  std::optional<Table> html = parse_html_table(text);
  if (!html) return std::nullopt;
  return PredictedTable{*std::move(html), true};
}

TableScores score_table(std::string_view prediction, const Table& truth) {
  TableScores scores;
  const std::optional<PredictedTable> predicted = parse_predicted_table(prediction);
  if (!predicted) return scores;
  scores.has_table = true;
  scores.well_formed = predicted->well_formed;

  const Table actual = canonical_table(predicted->table);
  const Table expected = canonical_table(truth);
  const TedsScore full = teds(actual, expected, TedsContent::kCompare);
  const TedsScore structure = teds(actual, expected, TedsContent::kIgnore);
  scores.teds = full.score;
  scores.teds_structure = structure.score;
  scores.exact_distance = full.exact && structure.exact;

  const std::string actual_text = write_gfm(actual);
  const std::string expected_text = write_gfm(expected);
  scores.exact_match = actual_text == expected_text;
  scores.character_error_rate = character_error_rate(expected_text, actual_text);
  return scores;
}

}  // namespace nvlm::eval
