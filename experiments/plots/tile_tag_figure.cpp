// Tile tags: our bars beside the paper's.
#include <algorithm>
#include <set>

#include "experiments/plots/figure_makers.h"
#include "experiments/plots/suite_series.h"

namespace nvlm::experiments {
namespace {

constexpr const char* kTagOption = "fusion.tile_tags";

/// A row of NVLM's table 1 or 2.
struct PaperRow {
  const char* setting;
  double doc_vqa, ocr_bench;
};

constexpr PaperRow kPaperD[] = {{"low-res", 52.9, 622},
                                {"none", 80.2, 728},
                                {"2-D grid", 86.7, 787},
                                {"2-D box", 86.7, 791},
                                {"1-D", 87.4, 806}};
constexpr PaperRow kPaperX[] = {{"low-res", 62.3, 612}, {"none", 75.4, 682}, {"1-D", 80.9, 744}};

/// Bars at the categories that have their setting's name.
Series paper_series(const std::string& label, int look, std::span<const PaperRow> rows,
                    double PaperRow::*score, const std::vector<std::string>& categories) {
  Series series{label, look, Marks::kBars, {}};
  for (const PaperRow& row : rows) {
    const auto place = std::find(categories.begin(), categories.end(), row.setting);
    series.points.push_back({static_cast<double>(place - categories.begin()), row.*score});
  }
  return series;
}

Panel paper_panel(const std::string& title, const std::string& axis, double PaperRow::*score) {
  Panel panel{title, {"tile tags"}, {axis}, {}, {}};
  for (const PaperRow& row : kPaperD) panel.categories.emplace_back(row.setting);
  panel.series = {paper_series("NVLM-D 34B", 0, kPaperD, score, panel.categories),
                  paper_series("NVLM-X 34B", 1, kPaperX, score, panel.categories)};
  return panel;
}

std::string tag_title(const std::string& tags) {
  if (tags == "1d") return "1-D";
  if (tags == "2d-grid") return "2-D grid";
  if (tags == "2d-box") return "2-D box";
  return tags;
}

Panel our_panel(const SuiteResults& results, const MatchedArms& group) {
  Panel panel{"here: " + metric_title(results.suite.metric),
              {"tile tags"},
              {metric_title(results.suite.metric)},
              {},
              {}};
  for (const ArmResult* arm : group.arms) {
    const std::string variant = option_of(arm->arm, "fusion.variant");
    const std::string tags = tag_title(option_of(arm->arm, kTagOption));
    auto category = std::find(panel.categories.begin(), panel.categories.end(), tags);
    if (category == panel.categories.end()) {
      category = panel.categories.insert(panel.categories.end(), tags);
    }
    series_labelled(panel.series, variant_title(variant), variant_look(variant), Marks::kBars)
        .points.push_back(
            seed_point(static_cast<double>(category - panel.categories.begin()), arm->seed_means));
  }
  return panel;
}

}  // namespace

std::vector<Figure> tile_tag_bars(const EvaluatedSuite& suite) {
  const MatchedArms group = by_matching(suite.results).front();
  std::set<std::string> tags;
  for (const ArmResult* arm : group.arms) tags.insert(option_of(arm->arm, kTagOption));
  if (tags.size() < 2 || tags.contains("")) return {};
  const Suite& plan = suite.results.suite;
  return {
      {figure_name(plan, "tile-tags"),
       "Tile tags, here and in the paper",
       figure_caption(plan,
                      "Left: means over seeds, bars from the lowest to the highest seed. "
                      "Middle and right: NVLM (arXiv 2409.11402), tables 1 and 2. Each on its "
                      "own axis; the scores are not comparable, their order is.",
                      group.arms),
       {our_panel(suite.results, group), paper_panel("NVLM: DocVQA", "DocVQA", &PaperRow::doc_vqa),
        paper_panel("NVLM: OCRBench", "OCRBench", &PaperRow::ocr_bench)}}};
}

}  // namespace nvlm::experiments
