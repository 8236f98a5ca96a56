#include "experiments/report/report.h"

#include <stdexcept>
#include <vector>

#include "eval/table/gfm_writer.h"
#include "experiments/plots/draw.h"
#include "experiments/plots/efficiency_figures.h"
#include "experiments/plots/figure_makers.h"
#include "experiments/plots/suite_series.h"
#include "experiments/report/claims.h"
#include "experiments/report/html_parts.h"
#include "experiments/report/page_style.h"
#include "experiments/report/report_tables.h"

namespace nvlm::experiments {
namespace {

constexpr const char* kReportTitle = "Three ways to give a decoder eyes: the comparison";

constexpr const char* kMethod =
    "Arms are compared on the same held-out items and seeds. Differences, intervals and p-values "
    "take seeds and documents as random (crossed variance components, Student's t), so they speak "
    "of other seeds and other tables; p is adjusted by Holm over all planned comparisons of a "
    "suite, and the verdict follows the adjusted p at 5%. \"Detectable\" is the difference that "
    "such a comparison finds four times in five.";

constexpr const char* kBenchMethod =
    "Medians on one machine; in brackets measured / predicted. The prediction is the ledger's "
    "exact "
    "count of operations (for decoding, of bytes) at the speed that NVLM-D with the most tiles "
    "reached, so that row is 1 by construction.";

void check_suites(std::span<const EvaluatedSuite> suites) {
  if (suites.empty()) throw std::invalid_argument("report: no suites");
}

std::string suite_title(const Suite& suite) { return suite.suite + ", " + suite.preset; }

/// What was run, in a sentence.
std::string suite_facts(const Suite& suite) {
  return std::to_string(suite.arms.size()) + " arms, " + std::to_string(suite.seeds.size()) +
         " seeds, " + std::to_string(suite.num_items) + " held-out items, revision " +
         suite.revision.substr(0, 12) + ". Headline metric: " + metric_title(suite.metric) +
         (suite.smaller_is_better ? " (less is better)." : " (more is better).");
}

/// The commands that make the runs and the report again.
std::string regeneration(const EvaluatedSuite& suite) {
  const Suite& plan = suite.results.suite;
  const std::string folder = suite.stored.folder.lexically_normal().string();
  return "nvlm ablate " + plan.suite + " --preset " + plan.preset + " --out " + folder +
         "\nnvlm report " + folder + " --out report.html";
}

/// All suites' figures, drawn.
struct DrawnFigure {
  Figure figure;
  std::vector<std::string> panels;  // SVG documents
};

std::vector<DrawnFigure> drawn(const std::vector<Figure>& figures) {
  if (figures.empty()) return {};
  const std::vector<std::vector<std::string>> panels = draw_panels(figures);
  std::vector<DrawnFigure> all;
  for (size_t i = 0; i < figures.size(); ++i) all.push_back({figures[i], panels[i]});
  return all;
}

std::string figure_html(const DrawnFigure& drawn, const std::string& prefix) {
  const Figure& figure = drawn.figure;
  std::string out = "<figure>\n<h3>" + html_text(figure.title) + "</h3>\n<div class=\"panels\">\n";
  for (size_t i = 0; i < drawn.panels.size(); ++i) {
    const std::string& panel = figure.panels[i].title;
    out += inline_svg(drawn.panels[i], prefix + std::to_string(i + 1) + "-",
                      figure.title + (panel.empty() ? "" : ": " + panel)) +
           "\n";
  }
  return out + "</div>\n<figcaption>" + html_text(figure.caption) + "</figcaption>\n</figure>\n";
}

/// prefix  of the identifiers in the drawings
std::string figures_html(const std::vector<Figure>& figures, const std::string& prefix) {
  std::string out;
  size_t number = 0;
  for (const DrawnFigure& figure : drawn(figures)) {
    out += figure_html(figure, prefix + "f" + std::to_string(++number) + "p");
  }
  return out;
}

std::vector<Figure> efficiency_figures(std::span<const BenchRow> bench) {
  std::vector<Figure> figures = efficiency_against_tiles(bench);
  figures.push_back(paper_throughput_bars());
  return figures;
}

std::string efficiency_html(std::span<const BenchRow> bench) {
  return "<section>\n<h2>Speed and memory</h2>\n<p>" + html_text(kBenchMethod) + "</p>\n" +
         html_table(bench_table(bench)) + figures_html(efficiency_figures(bench), "b") +
         "</section>\n";
}

std::string suite_html(const EvaluatedSuite& suite, size_t number) {
  const SuiteResults& results = suite.results;
  std::string out = "<section>\n<h2>" + html_text(suite_title(results.suite)) + "</h2>\n<p>" +
                    html_text(results.suite.question) + "</p>\n<p class=\"quiet\">" +
                    html_text(suite_facts(results.suite)) + "</p>\n<h3>Arms</h3>\n" +
                    html_table(arms_table(results));
  if (!results.comparisons.empty()) {
    out += "<h3>Comparisons</h3>\n" + html_table(comparisons_table(results));
  }
  out += figures_html(all_figures(suite), "s" + std::to_string(number));
  return out + "<h3>To regenerate</h3>\n<pre><code>" + html_text(regeneration(suite)) +
         "</code></pre>\n</section>\n";
}

}  // namespace

std::string html_report(std::span<const EvaluatedSuite> suites, std::span<const BenchRow> bench) {
  check_suites(suites);
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      html_text(kReportTitle) + "</title>\n<style>" + kPageStyle + "</style>\n</head>\n<body>\n" +
      "<h1>" + html_text(kReportTitle) + "</h1>\n<p>" + html_text(kMethod) +
      "</p>\n<section>\n<h2>Claims and evidence</h2>\n" +
      html_table(claims_table(judge_claims(suites, bench))) + "</section>\n";
  for (size_t i = 0; i < suites.size(); ++i) out += suite_html(suites[i], i + 1);
  if (!bench.empty()) out += efficiency_html(bench);
  return out + "</body>\n</html>\n";
}

std::string markdown_report(std::span<const EvaluatedSuite> suites,
                            std::span<const BenchRow> bench) {
  check_suites(suites);
  const auto table = [](const eval::Table& cells) {
    return eval::write_gfm(cells, eval::GfmText::kEscaped) + "\n";
  };
  std::string out = std::string("# ") + kReportTitle + "\n\n" + kMethod +
                    "\n\n## Claims and evidence\n\n" +
                    table(claims_table(judge_claims(suites, bench)));
  for (const EvaluatedSuite& suite : suites) {
    const SuiteResults& results = suite.results;
    out += "\n## " + suite_title(results.suite) + "\n\n" + results.suite.question + "\n\n" +
           suite_facts(results.suite) + "\n\n" + table(arms_table(results));
    if (!results.comparisons.empty()) out += "\n" + table(comparisons_table(results));
    for (const Figure& figure : all_figures(suite)) {
      out += "\n**" + figure.title + "** (`" + figure.name + "`). " + figure.caption + "\n";
    }
    out += "\n```\n" + regeneration(suite) + "\n```\n";
  }
  if (bench.empty()) return out;
  out +=
      std::string("\n## Speed and memory\n\n") + kBenchMethod + "\n\n" + table(bench_table(bench));
  for (const Figure& figure : efficiency_figures(bench)) {
    out += "\n**" + figure.title + "** (`" + figure.name + "`). " + figure.caption + "\n";
  }
  return out;
}

}  // namespace nvlm::experiments
