// Scores one predicted table, given as text, against the truth.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "eval/table/table.h"

namespace nvlm::eval {

/// A table found in a model's answer.
struct PredictedTable {
  Table table;
  bool well_formed = false;
};

/// The first Markdown table in `text`, or else its first HTML table. Well-formed: a Markdown table
/// whose body rows all have as many cells as the header, or an HTML table.
/// throws  std::runtime_error beyond the parsers' limits
std::optional<PredictedTable> parse_predicted_table(std::string_view text);

/// What a truth says about spans.
enum class TruthText {
  kWithSpans,  // all: HTML and the like
  kMarkdown    // nothing: they were flattened
};

/// A prediction without a table scores 0, and 1 in character error rate.
struct TableScores {
  double teds = 0.0;
  double teds_structure = 0.0;
  double grits_topology = 0.0;  // F-scores of grits.h
  double grits_content = 0.0;
  double adjacency_f1 = 0.0;          // cell_adjacency.h
  double cell_accuracy = 0.0;         // cell_accuracy.h
  double character_error_rate = 1.0;  // over the Markdown of both; above 1 if far too long
  bool exact_match = false;           // the Markdown of both is equal
  bool has_table = false;
  bool well_formed = false;
  bool exact_distance =
      true;  // false: too large a table; scores are lower bounds, errors upper ones
};

/// By name: teds, teds_structure, grits_topology, grits_content, adjacency_f1, cell_accuracy, cer,
/// exact_match, well_formed.
std::map<std::string, double> named_scores(const TableScores& scores);

/// All scores of one prediction. Cell texts are canonical first (canonical.h). TEDS compares with
/// the spans of `truth`, so a Markdown prediction, which has none, stays below 1 on a truth with
/// spans; so do GriTS and adjacency. Error rate, exact match and cell accuracy compare the
/// flattened tables, the first two as canonical Markdown. throws  std::runtime_error beyond the
/// parsers' limits
/// truth_text  for kMarkdown the prediction is flattened first, as the truth was
TableScores score_table(std::string_view prediction, const Table& truth,
                        TruthText truth_text = TruthText::kWithSpans);

}  // namespace nvlm::eval
