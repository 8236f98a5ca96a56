// The arms of a suite side by side, and the differences between them.
#include <algorithm>

#include "experiments/plots/figure_makers.h"
#include "experiments/plots/suite_series.h"

namespace nvlm::experiments {
namespace {

/// The place of `name` among the categories, added at the end if it is new.
double category_of(const std::string& name, std::vector<std::string>& categories) {
  const auto known = std::find(categories.begin(), categories.end(), name);
  const auto place = known - categories.begin();
  if (known == categories.end()) categories.push_back(name);
  return static_cast<double>(place);
}

/// "equal training FLOPs" over two lines.
std::string broken_matching_title(const std::string& matching) {
  std::string title = matching_title(matching);
  const size_t blank = title.rfind(' ');
  if (blank != std::string::npos) title[blank] = '\n';
  return title.empty() ? " " : title;
}

/// The series of this label, added at the end if it is new.
Series& series_of(const std::string& label, int look, std::vector<Series>& all) {
  for (Series& series : all) {
    if (series.label == label) return series;
  }
  return all.emplace_back(Series{label, look, Marks::kPoints, {}});
}

}  // namespace

std::vector<Figure> headline_points(const EvaluatedSuite& suite) {
  const SuiteResults& results = suite.results;
  const std::string metric = metric_title(results.suite.metric);
  Panel panel{"", {}, {metric}, {}, {}};
  for (const ArmResult& arm : results.arms) {
    FigurePoint point{category_of(broken_matching_title(arm.arm.matching), panel.categories),
                      arm.headline.mean};
    if (arm.headline.n > 1) {
      point.low = arm.headline.low;
      point.high = arm.headline.high;
    }
    series_of(arm.arm.label, look_of(results, arm.arm), panel.series).points.push_back(point);
  }
  return {{figure_name(results.suite, "headline"),
           capital_metric_title(results.suite.metric) + " of all arms",
           figure_caption(results.suite,
                          results.suite.seeds.size() > 1
                              ? "Means over seeds with 95% intervals over seeds (Student's t)."
                              : "One seed.",
                          all_arms(results)),
           {panel}}};
}

std::vector<Figure> difference_points(const EvaluatedSuite& suite) {
  const SuiteResults& results = suite.results;
  Panel panel{"", {}, {"difference in " + metric_title(results.suite.metric)}, {}, {}};
  for (const ComparisonResult& comparison : results.comparisons) {
    if (!comparison.test) continue;
    const SuiteComparison& planned = comparison.planned;
    const std::string title = matching_title(planned.matching);
    Series& series = series_of(title.empty() ? "difference" : title,
                               static_cast<int>(panel.series.size()), panel.series);
    series.points.push_back(
        {category_of(planned.arm + "\nvs " + planned.baseline, panel.categories),
         comparison.difference, comparison.test->low, comparison.test->high});
  }
  if (panel.series.empty()) return {};
  return {
      {figure_name(results.suite, "differences"),
       "Differences in " + metric_title(results.suite.metric),
       figure_caption(
           results.suite,
           "The first of each pair less the second, with 95% intervals over seeds and documents; " +
               std::string(results.suite.smaller_is_better ? "less" : "more") + " is better.",
           all_arms(results)),
       {panel}}};
}

}  // namespace nvlm::experiments
