// What happens while training: loss and gates, from the metrics of the runs.
#include <algorithm>
#include <map>
#include <set>

#include "experiments/ablations/metrics_lines.h"
#include "experiments/plots/figure_makers.h"
#include "experiments/plots/suite_series.h"

namespace nvlm::experiments {
namespace {

constexpr const char* kGatePrefix = "gate.";

/// Of one arm: metric -> samples -> one value per seed that has it.
using SeedCurves = std::map<std::string, std::map<double, std::vector<double>>>;

SeedCurves read_curves(const EvaluatedSuite& suite, const SuiteArm& arm) {
  SeedCurves curves;
  for (const StoredRun* run : runs_of(suite.stored, arm.matching, arm.arm)) {
    for (const MetricsLine& line : read_metrics(run->folder)) {
      for (const auto& [name, value] : line) curves[name][line.at("samples")].push_back(value);
    }
  }
  return curves;
}

/// Points where every seed has a value, so that the mean is of the same seeds everywhere.
std::vector<FigurePoint> curve_points(const std::map<double, std::vector<double>>& values,
                                      size_t num_seeds) {
  std::vector<FigurePoint> points;
  for (const auto& [samples, seeds] : values) {
    if (seeds.size() == num_seeds) points.push_back(seed_point(samples, seeds));
  }
  return points;
}

Axis samples_axis() { return {"training samples", 0, true}; }

/// "gate.<block>.<kind>" of the metrics, by block; only the mean, since bands of many blocks would
/// cover each other.
Panel gate_panel(const ArmResult& arm, const SeedCurves& curves, const std::string& kind,
                 size_t num_seeds) {
  Panel panel{arm.arm.label + ": " + (kind == "ffn" ? "feed-forward" : kind),
              samples_axis(),
              {"tanh of the gate"},
              {},
              {}};
  std::map<int, Series> by_block;  // blocks are numbered, and 10 comes after 9
  for (const auto& [name, values] : curves) {
    if (!name.starts_with(kGatePrefix) || !name.ends_with("." + kind)) continue;
    const size_t begin = std::string(kGatePrefix).size();
    const std::string block = name.substr(begin, name.size() - begin - kind.size() - 1);
    if (block.empty() || block.find_first_not_of("0123456789") != std::string::npos) continue;
    const int number = std::stoi(block);
    std::vector<FigurePoint> points = curve_points(values, num_seeds);
    for (FigurePoint& point : points) point = {point.x, point.y};
    by_block[number] = {"block " + block, number, Marks::kCurves, std::move(points)};
  }
  for (auto& [number, series] : by_block) {
    if (!series.points.empty()) panel.series.push_back(std::move(series));
  }
  return panel;
}

}  // namespace

std::vector<Figure> loss_curves(const EvaluatedSuite& suite) {
  const Suite& plan = suite.results.suite;
  Figure figure{figure_name(plan, "loss-curves"), "Training loss", "", {}};
  std::vector<const ArmResult*> shown;
  for (const MatchedArms& group : by_matching(suite.results)) {
    Panel panel{matching_title(group.matching), samples_axis(), {"loss, nats per token"}, {}, {}};
    for (const ArmResult* arm : group.arms) {
      const SeedCurves curves = read_curves(suite, arm->arm);
      const auto loss = curves.find("loss");
      if (loss == curves.end()) continue;
      std::vector<FigurePoint> points = curve_points(loss->second, plan.seeds.size());
      if (points.empty()) continue;
      shown.push_back(arm);
      panel.series.push_back(
          {arm->arm.label, look_of(suite.results, arm->arm), Marks::kCurves, std::move(points)});
    }
    if (!panel.series.empty()) figure.panels.push_back(std::move(panel));
  }
  if (figure.panels.empty()) return {};
  figure.caption =
      figure_caption(plan, "Mean over seeds; bands from the lowest to the highest seed.", shown);
  return {figure};
}

std::vector<Figure> gate_curves(const EvaluatedSuite& suite) {
  const Suite& plan = suite.results.suite;
  std::vector<Figure> figures;
  for (const MatchedArms& group : by_matching(suite.results)) {
    Figure figure{
        figure_name(plan, "gates-" + group.matching), "Gates of cross-attention blocks", "", {}};
    std::vector<const ArmResult*> shown;
    for (const ArmResult* arm : group.arms) {
      const SeedCurves curves = read_curves(suite, arm->arm);
      const size_t before = figure.panels.size();
      for (const char* kind : {"attention", "ffn"}) {
        Panel panel = gate_panel(*arm, curves, kind, plan.seeds.size());
        if (!panel.series.empty()) figure.panels.push_back(std::move(panel));
      }
      if (figure.panels.size() > before) shown.push_back(arm);
    }
    if (figure.panels.empty()) continue;
    const std::string title = matching_title(group.matching);
    if (!title.empty()) figure.title += ", " + title;
    figure.caption = figure_caption(
        plan, "By block, from the first; means over seeds. A gate of 0 keeps a block shut.", shown);
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace nvlm::experiments
