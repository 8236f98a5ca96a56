// nvlm plot: figures from stored suites, from `nvlm bench`, and of a model's attention.
#include <iomanip>
#include <iostream>

#include "cli/options.h"
#include "cli/plot_attention.h"
#include "cli/suite_folders.h"
#include "experiments/plots/draw.h"
#include "experiments/plots/efficiency_figures.h"
#include "experiments/plots/figure_makers.h"

namespace nvlm::cli {
namespace {

void list_figures() {
  for (const experiments::FigureMaker& maker : experiments::figure_makers()) {
    std::cout << std::left << std::setw(26) << maker.name << maker.shows << "\n";
  }
}

std::vector<experiments::Figure> chosen_figures(
    const std::vector<experiments::EvaluatedSuite>& suites, const std::vector<std::string>& names) {
  std::vector<experiments::Figure> figures;
  const auto take = [&](std::vector<experiments::Figure> more) {
    for (experiments::Figure& figure : more) figures.push_back(std::move(figure));
  };
  for (const std::string& name : names) {
    take(parse_option("--figure", name, [&](const std::string& text) {
      return experiments::figures_named(suites, text);
    }));
  }
  if (!names.empty()) return figures;
  for (const experiments::EvaluatedSuite& suite : suites) take(experiments::all_figures(suite));
  return figures;
}

}  // namespace

int run_plot(const Arguments& arguments) {
  std::vector<std::string> names;
  std::string out, bench;
  bool list = false;
  AttentionOptions attention;
  VerbOptions options(
      "plot [options] DIR...",
      "Draws the figures of suites that `nvlm ablate` stored: SVG, PNG and PDF by gnuplot, and "
      "beside each the plotted points (.csv), title and caption with the runs (.txt), and the "
      "script (.gp).",
      "nvlm plot runs/fusion-lab-quick --out runs/fusion-lab-quick/plots");
  options.add()("figure,f", po::value(&names)->value_name("NAME")->composing(),
                "a figure of --list; may be repeated; default: all that the suites allow")(
      "out,o", po::value(&out)->value_name("DIR"), "folder to write to")(
      "bench", po::value(&bench)->value_name("DIR"),
      "folder of `nvlm bench`: draws speed and memory against tiles")(
      "list", po::bool_switch(&list), "list the figures");
  add_attention_options(options, attention);
  options.positional("suite");
  const auto values = options.parse(arguments);
  if (!values) return 0;
  if (list) {
    list_figures();
    return 0;
  }
  if (out.empty()) throw UsageError("plot: expected --out with a folder to write to");
  std::vector<experiments::Figure> figures;
  if (!bench.empty()) {
    figures = experiments::efficiency_against_tiles(experiments::read_bench(bench));
    figures.push_back(experiments::paper_throughput_bars());
  }
  if (!attention.model.empty()) figures.push_back(draw_attention(attention, out));
  const auto folders = (*values)["suite"].as<std::vector<std::string>>();
  if ((bench.empty() && attention.model.empty()) || !folders.empty()) {
    const auto suites = open_suites("plot", folders);
    for (experiments::Figure& figure : chosen_figures(suites, names)) {
      figures.push_back(std::move(figure));
    }
  }
  experiments::write_figures(figures, out);
  for (const experiments::Figure& figure : figures) {
    std::cout << (std::filesystem::path(out) / figure.name).string() << ".svg\n";
  }
  return 0;
}

}  // namespace nvlm::cli
