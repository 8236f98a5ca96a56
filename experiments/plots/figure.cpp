#include "experiments/plots/figure.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "common/config_text.h"
#include "eval/table/csv_writer.h"
#include "eval/table/table_of_rows.h"

namespace nvlm::experiments {
namespace {

[[noreturn]] void throw_bad_figure(const Figure& figure, const std::string& what) {
  throw std::invalid_argument("figure '" + figure.name + "': " + what);
}

bool is_drawable(double value, const Axis& axis) {
  return std::isfinite(value) && (axis.log_base == 0 || value > 0.0);
}

void check_point(const Figure& figure, const Panel& panel, const Series& series,
                 const FigurePoint& point) {
  const std::string where = "'" + series.label + "' ";
  if (point.low.has_value() != point.high.has_value()) {
    throw_bad_figure(figure, where + "has half an interval");
  }
  for (const double y : {point.y, point.low.value_or(point.y), point.high.value_or(point.y)}) {
    if (is_drawable(point.x, panel.x) && is_drawable(y, panel.y)) continue;
    throw_bad_figure(figure, where + "has a point at " + std::to_string(point.x) + ", " +
                                 std::to_string(y) + " that its axes cannot show");
  }
  const auto num_categories = static_cast<double>(panel.categories.size());
  const bool needs_category = !panel.categories.empty() || series.marks == Marks::kBars;
  if (needs_category && !(point.x >= 0.0 && point.x < num_categories)) {
    throw_bad_figure(figure, where + "has a point without a category");
  }
}

std::string optional_number(const std::optional<double>& value) {
  return value ? format_config_number(*value) : "";
}

}  // namespace

void check_figure(const Figure& figure) {
  if (figure.name.empty() ||
      figure.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos) {
    throw_bad_figure(figure, "the name is no file name of letters, digits and hyphens");
  }
  if (figure.panels.empty()) throw_bad_figure(figure, "no panels");
  for (const Panel& panel : figure.panels) {
    size_t num_points = 0;
    for (const Series& series : panel.series) {
      num_points += series.points.size();
      for (const FigurePoint& point : series.points) check_point(figure, panel, series, point);
    }
    if (num_points == 0) throw_bad_figure(figure, "the panel '" + panel.title + "' has no points");
  }
}

std::string figure_csv(const Figure& figure) {
  std::vector<std::vector<std::string>> rows = {{"panel", "series", "x", "y", "low", "high"}};
  for (const Panel& panel : figure.panels) {
    for (const Series& series : panel.series) {
      for (const FigurePoint& point : series.points) {
        std::string x = panel.categories.empty() ? format_config_number(point.x)
                                                 : panel.categories[static_cast<size_t>(point.x)];
        std::replace(x.begin(), x.end(), '\n', ' ');
        rows.push_back({panel.title, series.label, x, format_config_number(point.y),
                        optional_number(point.low), optional_number(point.high)});
      }
    }
  }
  return eval::write_csv(eval::table_of_rows(rows));
}

}  // namespace nvlm::experiments
