#include "eval/tasks/table_scores.h"

#include <string>
#include <utility>

#include "eval/metrics/cell_accuracy.h"
#include "eval/metrics/cell_adjacency.h"
#include "eval/metrics/error_rate.h"
#include "eval/metrics/grits.h"
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

std::map<std::string, double> named_scores(const TableScores& scores) {
  return {{"teds", scores.teds},
          {"teds_structure", scores.teds_structure},
          {"grits_topology", scores.grits_topology},
          {"grits_content", scores.grits_content},
          {"adjacency_f1", scores.adjacency_f1},
          {"cell_accuracy", scores.cell_accuracy},
          {"cer", scores.character_error_rate},
          {"exact_match", scores.exact_match ? 1.0 : 0.0},
          {"well_formed", scores.well_formed ? 1.0 : 0.0}};
}

TableScores score_table(std::string_view prediction, const Table& truth, TruthText truth_text) {
  TableScores scores;
  const std::optional<PredictedTable> predicted = parse_predicted_table(prediction);
  if (!predicted) return scores;
  scores.has_table = true;
  scores.well_formed = predicted->well_formed;

  Table actual = canonical_table(predicted->table);
  if (truth_text == TruthText::kMarkdown) actual = flattened(actual);
  const Table expected = canonical_table(truth);
  const TedsScore full = teds(actual, expected, TedsContent::kCompare);
  const TedsScore structure = teds(actual, expected, TedsContent::kIgnore);
  scores.teds = full.score;
  scores.teds_structure = structure.score;

  const GritsScore topology = grits_topology(actual, expected);
  const GritsScore content = grits_content(actual, expected);
  const CellAccuracy cells = cell_accuracy(actual, expected);
  scores.grits_topology = topology.f_score;
  scores.grits_content = content.f_score;
  scores.adjacency_f1 = cell_adjacency(actual, expected).f1();
  scores.cell_accuracy = cells.accuracy();
  scores.exact_distance =
      full.exact && structure.exact && topology.exact && content.exact && cells.exact;

  const std::string actual_text = write_gfm(actual);
  const std::string expected_text = write_gfm(expected);
  scores.exact_match = actual_text == expected_text;
  const BoundedErrors errors = bounded_character_errors(expected_text, actual_text);
  scores.character_error_rate = errors.counts.rate();
  scores.exact_distance = scores.exact_distance && errors.exact;
  return scores;
}

}  // namespace nvlm::eval
