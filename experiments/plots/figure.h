// A figure as plain data, before anything is drawn.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nvlm::experiments {

struct FigurePoint {
  double x = 0.0, y = 0.0;
  std::optional<double> low = {}, high = {};  // of y; both or neither
};

/// How the points of a series are drawn.
enum class Marks {
  kLines,   // markers joined by lines; low and high as error bars
  kCurves,  // lines without markers; low and high as a band
  kPoints,  // markers alone; low and high as error bars
  kSteps,   // a thin grey staircase without markers, such as a Pareto front
  kBars     // bars from 0, for categories
};

/// Points of one colour, marker and dash pattern.
struct Series {
  std::string label;
  /// Which look (series_look); the same method has the same one in all figures.
  int look = 0;
  Marks marks = Marks::kLines;
  std::vector<FigurePoint> points;
};

struct Axis {
  std::string label;
  /// Base of a logarithmic axis, used where the values span at least a decade (a shorter one would
  /// have no ticks); 0: linear.
  int log_base = 0;
  /// Large numbers get a prefix of SI: 2.5 (T) or, on a logarithmic axis, 10T in place of 1e+13.
  bool has_prefix = false;
};

/// One pair of axes.
struct Panel {
  std::string title;  // empty where the figure has one panel
  Axis x, y;
  /// Not empty: x = 0, 1, ... stand for these, and series are drawn beside each other. '\n' breaks
  /// a name.
  std::vector<std::string> categories;
  std::vector<Series> series;
};

struct Figure {
  std::string name;  // of its files: lower-case letters, digits and hyphens
  std::string title;
  std::string caption;  // what is shown, of which runs
  std::vector<Panel> panels;
};

/// throws  std::invalid_argument naming the figure: a name that is no file name, no panel, a panel
///         without points, a number that is not finite or (on a logarithmic axis) not above 0, half
///         an interval, a bar without a category
void check_figure(const Figure& figure);

/// The plotted points: panel, series, x (a bar's category), y, low, high; numbers read back to the
/// same bits.
std::string figure_csv(const Figure& figure);

}  // namespace nvlm::experiments
