// Scores of pairs of tables and texts: teds.jsonl, cer_wer.jsonl, anls.jsonl.
#include "eval/metrics/anls.h"
#include "eval/metrics/error_rate.h"
#include "eval/metrics/teds.h"
#include "eval/parity/kinds.h"
#include "eval/table/gfm_parser.h"

namespace nvlm::eval {
namespace {

constexpr Tolerance kScoreTolerance{1e-9, 0};

/// Columns of one file, made when first named.
class ScoreColumns {
 public:
  explicit ScoreColumns(std::string file) : file_(std::move(file)) {}

  /// Compares with `row[key]` where that stands.
  void compare(const JsonRow& row, const char* key, double actual) {
    if (!row.value.contains(key)) return;
    column(key).number(row.where, actual, json_get<double>(row.value, key, row.where));
  }
  RowComparison& column(const std::string& key) {
    return columns_.try_emplace(key, file_ + " " + key, kScoreTolerance).first->second;
  }
  void finish(ParityReport& report) {
    for (auto& [key, column] : columns_) column.finish(report);
  }

 private:
  std::string file_;
  std::map<std::string, RowComparison> columns_;
};

void compare_markdown(const JsonRow& row, ScoreColumns& columns) {
  const auto prediction =
      parse_gfm_table(json_get<std::string>(row.value, "pred_markdown", row.where));
  const auto truth = parse_gfm_table(json_get<std::string>(row.value, "true_markdown", row.where));
  const double score = prediction && truth ? teds(prediction->table, truth->table).score : 0.0;
  columns.column("teds of the markdown")
      .number(row.where, score, json_get<double>(row.value, "teds", row.where));
}

void check_teds(const CaseFolder& folder, ParityReport& report) {
  ScoreColumns columns("teds.jsonl");
  for (const JsonRow& row : read_json_rows(folder.path(), "teds.jsonl")) {
    // What a parser makes of these is its own affair.
    if (json_get_or(row.value, "note", "", row.where).starts_with("malformed")) {
      report.not_compared.push_back(row.where + " (malformed HTML)");
      continue;
    }
    const auto prediction = json_get<std::string>(row.value, "pred_html", row.where);
    const auto truth = json_get<std::string>(row.value, "true_html", row.where);
    const TedsScore full = teds_html(prediction, truth);
    const TedsScore structure = teds_html(prediction, truth, TedsContent::kIgnore);
    columns.compare(row, "teds", full.score);
    columns.compare(row, "teds_s", structure.score);
    columns.compare(row, "distance", full.distance);
    columns.compare(row, "distance_s", structure.distance);
    columns.compare(row, "nodes_pred", static_cast<double>(full.prediction_elements));
    columns.compare(row, "nodes_true", static_cast<double>(full.truth_elements));
    if (row.value.contains("pred_markdown")) compare_markdown(row, columns);
  }
  columns.finish(report);
}

void check_error_rates(const CaseFolder& folder, ParityReport& report) {
  ScoreColumns columns("cer_wer.jsonl");
  for (const JsonRow& row : read_json_rows(folder.path(), "cer_wer.jsonl")) {
    const auto reference = json_get<std::string>(row.value, "ref", row.where);
    const auto hypothesis = json_get<std::string>(row.value, "hyp", row.where);
    const ErrorCounts characters = character_errors(reference, hypothesis);
    const ErrorCounts words = word_errors(reference, hypothesis);
    columns.compare(row, "char_distance", static_cast<double>(characters.distance));
    columns.compare(row, "word_distance", static_cast<double>(words.distance));
    columns.compare(row, "ref_chars", static_cast<double>(characters.reference_length));
    columns.compare(row, "hyp_chars", static_cast<double>(characters.hypothesis_length));
    columns.compare(row, "ref_words", static_cast<double>(words.reference_length));
    columns.compare(row, "hyp_words", static_cast<double>(words.hypothesis_length));
    columns.compare(row, "cer", characters.rate());
    columns.compare(row, "wer", words.rate());
    columns.compare(row, "ned", characters.normalized());
  }
  columns.finish(report);
}

void check_anls(const CaseFolder& folder, ParityReport& report) {
  ScoreColumns columns("anls.jsonl");
  for (const JsonRow& row : read_json_rows(folder.path(), "anls.jsonl")) {
    const auto answers = json_get<std::vector<std::string>>(row.value, "answers", row.where);
    const auto prediction = json_get<std::string>(row.value, "prediction", row.where);
    columns.compare(row, "anls", anls(prediction, answers));
    columns.compare(row, "anls_official_raw_length", anls(prediction, answers, AnlsLength::kRaw));
    const auto distances =
        json_get_or<std::vector<double>>(row.value, "normalised_distances", {}, row.where);
    for (size_t i = 0; i < distances.size() && i < answers.size(); ++i) {
      columns.column("normalised_distances")
          .number(row.where, anls_distance(prediction, answers[i]), distances[i]);
    }
  }
  columns.finish(report);
}

}  // namespace

void check_metrics(const CaseFolder& folder, ParityReport& report) {
  if (folder.has("teds.jsonl")) check_teds(folder, report);
  if (folder.has("cer_wer.jsonl")) check_error_rates(folder, report);
  if (folder.has("anls.jsonl")) check_anls(folder, report);
}

}  // namespace nvlm::eval
