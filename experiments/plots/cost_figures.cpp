// Accuracy against what it costs: training FLOPs, latency and FLOPs of an answer, many answers.
#include <algorithm>
#include <functional>
#include <limits>
#include <set>

#include "experiments/plots/figure_makers.h"
#include "experiments/plots/suite_series.h"

namespace nvlm::experiments {
namespace {

constexpr int kMostSamples = 64;  // of one picture, in the figure over N

double answer_flops(const ArmResult& arm, double num_answers) {
  return arm.answer.encode_flops + arm.answer.prefill_flops +
         num_answers * arm.answer_tokens * arm.answer.decode_flops;
}

using CostOf = std::function<double(const ArmResult&)>;

/// One series per arm's name, one point per matching.
std::vector<Series> points_by_cost(const SuiteResults& results, const CostOf& cost) {
  std::vector<Series> all;
  for (const ArmResult& arm : results.arms) {
    series_labelled(all, arm.arm.label, look_of(results, arm.arm), Marks::kPoints)
        .points.push_back(seed_point(cost(arm), arm.seed_means));
  }
  return all;
}

/// The points that no other is both cheaper and better than, as a staircase.
Series pareto_front(const std::vector<Series>& all, bool smaller_is_better) {
  std::vector<FigurePoint> points;
  for (const Series& series : all) {
    for (const FigurePoint& point : series.points) points.push_back({point.x, point.y});
  }
  const double sign = smaller_is_better ? -1.0 : 1.0;
  std::sort(points.begin(), points.end(), [&](const FigurePoint& a, const FigurePoint& b) {
    return a.x != b.x ? a.x < b.x : sign * a.y > sign * b.y;
  });
  Series front{"Pareto front", 0, Marks::kSteps, {}};
  double best = -std::numeric_limits<double>::infinity();
  for (const FigurePoint& point : points) {
    if (sign * point.y <= best) continue;
    best = sign * point.y;
    front.points.push_back(point);
  }
  return front;
}

Panel pareto_panel(const SuiteResults& results, const std::string& title, const Axis& x,
                   const CostOf& cost) {
  Panel panel{title, x, {metric_title(results.suite.metric)}, {}, points_by_cost(results, cost)};
  panel.series.push_back(pareto_front(panel.series, results.suite.smaller_is_better));
  return panel;
}

/// Whether `cost` is above 0 everywhere and not the same for all arms.
bool has_costs(const SuiteResults& results, const CostOf& cost) {
  std::set<double> costs;
  for (const ArmResult& arm : results.arms) costs.insert(cost(arm));
  return costs.size() > 1 && *costs.begin() > 0.0;
}

std::string points_sentence(const Suite& suite) {
  std::set<std::string> matchings;
  for (const SuiteArm& arm : suite.arms) matchings.insert(arm.matching);
  return std::string(matchings.size() > 1 ? " One point per matching." : "") +
         (suite.seeds.size() > 1 ? " Means over seeds; bars from the lowest to the highest seed."
                                 : "");
}

}  // namespace

std::vector<Figure> accuracy_against_training_flops(const EvaluatedSuite& suite) {
  const SuiteResults& results = suite.results;
  const CostOf cost = [](const ArmResult& arm) { return arm.train_flops; };
  if (!has_costs(results, cost)) return {};
  const Panel panel{"",
                    {"training FLOPs", 10, true},
                    {metric_title(results.suite.metric)},
                    {},
                    points_by_cost(results, cost)};
  return {{figure_name(results.suite, "accuracy-training-flops"),
           capital_metric_title(results.suite.metric) + " against training FLOPs",
           figure_caption(
               results.suite,
               "Matrix-product FLOPs of all training steps." + points_sentence(results.suite),
               all_arms(results)),
           {panel}}};
}

std::vector<Figure> accuracy_against_answer_cost(const EvaluatedSuite& suite) {
  const SuiteResults& results = suite.results;
  const CostOf latency = [](const ArmResult& arm) { return 1e3 * arm.answer.latency_seconds; };
  const CostOf flops = [](const ArmResult& arm) { return answer_flops(arm, 1.0); };
  Figure figure{
      figure_name(results.suite, "accuracy-answer-cost"),
      capital_metric_title(results.suite.metric) + " against the cost of an answer",
      figure_caption(results.suite,
                     "Cost from the picture to the complete answer, mean over items; the "
                     "staircase joins what nothing else is both cheaper and better than." +
                         points_sentence(results.suite),
                     all_arms(results)),
      {}};
  if (has_costs(results, latency)) {
    figure.panels.push_back(
        pareto_panel(results, "latency", {"milliseconds per answer", 10}, latency));
  }
  if (has_costs(results, flops)) {
    figure.panels.push_back(pareto_panel(results, "FLOPs", {"FLOPs per answer", 10, true}, flops));
  }
  if (figure.panels.empty()) return {};
  return {figure};
}

std::vector<Figure> flops_against_samples(const EvaluatedSuite& suite) {
  const MatchedArms group = by_matching(suite.results).front();
  std::set<std::string> variants;
  for (const ArmResult* arm : group.arms) variants.insert(option_of(arm->arm, "fusion.variant"));
  const bool has_flops = std::all_of(group.arms.begin(), group.arms.end(),
                                     [](const auto* arm) { return answer_flops(*arm, 1.0) > 0.0; });
  if (variants.size() < 2 || !has_flops) return {};
  Panel panel{"", {"answers to one picture, N", 2}, {"FLOPs", 10, true}, {}, {}};
  for (const ArmResult* arm : group.arms) {
    Series series{arm->arm.label, look_of(suite.results, arm->arm), Marks::kLines, {}};
    for (int n = 1; n <= kMostSamples; n *= 2) {
      series.points.push_back({static_cast<double>(n), answer_flops(*arm, n)});
    }
    panel.series.push_back(std::move(series));
  }
  return {{figure_name(suite.results.suite, "flops-samples"),
           "FLOPs of N answers to one picture",
           figure_caption(suite.results.suite,
                          "The picture is encoded and read once (encoder and prefill), then N "
                          "answers are generated; exact matrix-product FLOPs.",
                          group.arms),
           {panel}}};
}

}  // namespace nvlm::experiments
