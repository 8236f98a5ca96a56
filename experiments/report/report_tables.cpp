#include "experiments/report/report_tables.h"

#include <vector>

#include "eval/table/table_of_rows.h"
#include "experiments/plots/suite_series.h"
#include "experiments/report/number_text.h"

namespace nvlm::experiments {
namespace {

using TextRows = std::vector<std::vector<std::string>>;

std::string interval_text(double low, double high, int digits) {
  return "[" + decimals(low, digits) + ", " + decimals(high, digits) + "]";
}

std::string matching_cell(const std::string& matching) {
  const std::string title = matching_title(matching);
  return title.empty() ? "\u2013" : title;
}

/// What is not known is a dash, not a zero.
std::string known_number(double value) { return value > 0.0 ? short_number(value) : "\u2013"; }

}  // namespace

eval::Table claims_table(std::span<const ClaimResult> claims) {
  TextRows rows = {{"claim", "where", "verdict", "evidence"}};
  for (const ClaimResult& claim : claims) {
    rows.push_back({claim.claim, claim.where.empty() ? "\u2013" : claim.where,
                    claim_verdict_name(claim.verdict), claim.evidence + "."});
  }
  return eval::table_of_rows(rows);
}

eval::Table arms_table(const SuiteResults& results) {
  TextRows rows = {{"matching", "arm", metric_title(results.suite.metric), "95% over seeds",
                    "samples", "trainable parameters", "training FLOPs", "FLOPs per answer",
                    "seconds per answer"}};
  for (const ArmResult& arm : results.arms) {
    const double answer_flops = arm.answer.encode_flops + arm.answer.prefill_flops +
                                arm.answer_tokens * arm.answer.decode_flops;
    rows.push_back(
        {matching_cell(arm.arm.matching), arm.arm.label, decimals(arm.headline.mean, 4),
         arm.headline.n > 1 ? interval_text(arm.headline.low, arm.headline.high, 4) : "\u2013",
         short_number(arm.samples), short_number(arm.trainable_parameters),
         known_number(arm.train_flops), known_number(answer_flops),
         known_number(arm.answer.latency_seconds)});
  }
  return eval::table_of_rows(rows);
}

eval::Table comparisons_table(const SuiteResults& results) {
  TextRows rows = {{"matching", "comparison", "difference", "95% interval", "p", "p (Holm)",
                    "detectable", "verdict", "note"}};
  for (const ComparisonResult& comparison : results.comparisons) {
    const auto& test = comparison.test;
    rows.push_back({matching_cell(comparison.planned.matching),
                    comparison.arm_label + " against " + comparison.baseline_label,
                    signed_decimals(comparison.difference, 4),
                    test ? interval_text(test->low, test->high, 4) : "\u2013",
                    test ? p_value_text(test->p_value) : "\u2013",
                    test ? p_value_text(comparison.adjusted_p) : "\u2013",
                    test ? decimals(test->minimum_detectable, 4) : "\u2013",
                    eval::verdict_name(comparison.verdict),
                    too_weak_note(comparison, results.effect_of_interest)});
  }
  return eval::table_of_rows(rows);
}

eval::Table bench_table(std::span<const BenchRow> rows) {
  const auto cell = [](double measured, double predicted) {
    return decimals(1e3 * measured, 1) + " (" + decimals(measured / predicted, 2) + ")";
  };
  TextRows cells = {{"model", "tiles", "tile, px", "batch", "sequence", "memory", "first token, ms",
                     "prompt, ms", "decode, ms", "cache + memory, MB"}};
  for (const BenchRow& row : rows) {
    cells.push_back(
        {row.model, std::to_string(row.tiles) + (row.tiles > 1 ? " + 1" : ""),
         std::to_string(row.tile_size), std::to_string(row.batch), std::to_string(row.sequence),
         std::to_string(row.memory), cell(row.first_token, row.predicted_first_token),
         cell(row.prompt, row.predicted_prompt), cell(row.decode, row.predicted_decode),
         decimals(row.cache_bytes / 1e6, 1) + " + " + decimals(row.memory_bytes / 1e6, 1)});
  }
  return eval::table_of_rows(cells);
}

}  // namespace nvlm::experiments
