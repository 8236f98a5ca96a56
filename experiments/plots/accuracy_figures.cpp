// Accuracy against what is in the picture: tiles, and the height of the print.
#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

#include "experiments/plots/figure_makers.h"
#include "experiments/plots/suite_series.h"

namespace nvlm::experiments {
namespace {

constexpr size_t kMaxHeightBins = 5;

/// Items that are averaged into one point.
struct ItemBin {
  double x = 0.0;
  std::vector<size_t> items;
};

/// One point per bin, of the arm's runs.
std::vector<FigurePoint> binned_points(const EvaluatedSuite& suite, const SuiteArm& arm,
                                       const std::vector<ItemBin>& bins) {
  std::vector<FigurePoint> points;
  for (const ItemBin& bin : bins) {
    std::vector<double> seed_means;
    for (const StoredRun* run : runs_of(suite.stored, arm.matching, arm.arm)) {
      double sum = 0.0;
      for (const size_t item : bin.items) {
        sum += metric_of(run->rows[item], suite.stored.suite.metric);
      }
      seed_means.push_back(sum / static_cast<double>(bin.items.size()));
    }
    points.push_back(seed_point(bin.x, seed_means));
  }
  return points;
}

/// One panel per matching, one series per arm; bins of the arm's items by `bins_of`.
std::vector<Panel> binned_panels(
    const EvaluatedSuite& suite, const Axis& x,
    const std::function<std::vector<ItemBin>(const StoredRun&)>& bins_of) {
  std::vector<Panel> panels;
  for (const MatchedArms& group : by_matching(suite.results)) {
    Panel panel{
        matching_title(group.matching), x, {metric_title(suite.stored.suite.metric)}, {}, {}};
    for (const ArmResult* arm : group.arms) {
      const StoredRun& first = *runs_of(suite.stored, group.matching, arm->arm.arm).front();
      panel.series.push_back({arm->arm.label, look_of(suite.results, arm->arm), Marks::kLines,
                              binned_points(suite, arm->arm, bins_of(first))});
    }
    panels.push_back(std::move(panel));
  }
  return panels;
}

std::vector<ItemBin> bins_by_tiles(const StoredRun& run) {
  std::map<int64_t, ItemBin> bins;
  for (size_t i = 0; i < run.rows.size(); ++i) {
    ItemBin& bin = bins[run.rows[i].tiles];
    bin.x = static_cast<double>(run.rows[i].tiles);
    bin.items.push_back(i);
  }
  std::vector<ItemBin> result;
  for (auto& [tiles, bin] : bins) result.push_back(std::move(bin));
  return result;
}

/// Bins of equally many items in the order of their heights; equal heights are never parted.
std::vector<ItemBin> bins_by_height(const StoredRun& run) {
  std::vector<size_t> order(run.rows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t i) { return run.rows[i].glyph_height <= 0.0; });
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return run.rows[a].glyph_height < run.rows[b].glyph_height;
  });
  const size_t per_bin = (order.size() + kMaxHeightBins - 1) / kMaxHeightBins;
  std::vector<ItemBin> bins;
  for (const size_t item : order) {
    const double height = run.rows[item].glyph_height;
    const bool is_full = bins.empty() || bins.back().items.size() >= per_bin;
    if (is_full && (bins.empty() || run.rows[bins.back().items.back()].glyph_height < height)) {
      bins.emplace_back();
    }
    bins.back().items.push_back(item);
    bins.back().x += height;
  }
  for (ItemBin& bin : bins) bin.x /= static_cast<double>(bin.items.size());
  return bins;
}

bool arms_differ_in_tiles(const SuiteResults& results) {
  double low = results.arms.front().answer.tiles, high = low;
  for (const ArmResult& arm : results.arms) {
    low = std::min(low, arm.answer.tiles);
    high = std::max(high, arm.answer.tiles);
  }
  return high - low > 0.5;
}

/// Arms as points; a series per variant.
std::vector<Panel> panels_of_arms(const EvaluatedSuite& suite, const Axis& x) {
  std::vector<Panel> panels;
  for (const MatchedArms& group : by_matching(suite.results)) {
    Panel panel{
        matching_title(group.matching), x, {metric_title(suite.stored.suite.metric)}, {}, {}};
    for (const ArmResult* arm : group.arms) {
      const std::string variant = option_of(arm->arm, "fusion.variant");
      series_labelled(panel.series, variant_title(variant), variant_look(variant), Marks::kLines)
          .points.push_back(seed_point(arm->answer.tiles, arm->seed_means));
    }
    for (Series& series : panel.series) {
      std::stable_sort(series.points.begin(), series.points.end(),
                       [](const FigurePoint& a, const FigurePoint& b) { return a.x < b.x; });
    }
    panels.push_back(std::move(panel));
  }
  return panels;
}

std::string seeds_sentence(const Suite& suite) {
  return suite.seeds.size() > 1 ? " Means over seeds; bars from the lowest to the highest seed."
                                : "";
}

}  // namespace

std::vector<Figure> accuracy_against_tiles(const EvaluatedSuite& suite) {
  const Suite& plan = suite.stored.suite;
  const Axis x{"tiles per picture"};
  Figure figure{figure_name(plan, "accuracy-tiles"),
                capital_metric_title(plan.metric) + " against tiles",
                "",
                {}};
  std::string what;
  if (arms_differ_in_tiles(suite.results)) {
    what = "The same pictures cut into different numbers of tiles (mean over pictures).";
    figure.panels = panels_of_arms(suite, x);
  } else {
    std::set<int64_t> counts;
    for (const ItemRow& row : suite.stored.runs.front().rows) counts.insert(row.tiles);
    if (counts.size() < 2) return {};
    what = "Items by the number of tiles of their picture.";
    figure.panels = binned_panels(suite, x, bins_by_tiles);
  }
  figure.caption = figure_caption(plan, what + seeds_sentence(plan), all_arms(suite.results));
  return {figure};
}

std::vector<Figure> accuracy_against_glyph_height(const EvaluatedSuite& suite) {
  const Suite& plan = suite.stored.suite;
  if (bins_by_height(suite.stored.runs.front()).size() < 2) return {};
  return {{figure_name(plan, "accuracy-glyph-height"),
           capital_metric_title(plan.metric) + " against the height of the print",
           figure_caption(plan,
                          "Items in bins of about equal size by the mean height of their print." +
                              seeds_sentence(plan),
                          all_arms(suite.results)),
           binned_panels(suite, {"height of the print, pixels"}, bins_by_height)}};
}

}  // namespace nvlm::experiments
