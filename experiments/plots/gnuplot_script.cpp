#include "experiments/plots/gnuplot_script.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <sstream>

#include "common/config_text.h"
#include "eval/text/code_points.h"

namespace nvlm::experiments {
namespace {

// Of SVG, in pixels; a panel is as high as that and the lines of its legend.
constexpr int kPanelWidth = 560, kPanelHeight = 400, kLegendLine = 22;
constexpr int kMaxColumns = 3;

constexpr std::array<SeriesLook, 8> kLooks = {{{"#16325c", 1, 7},
                                               {"#c8501e", 2, 5},
                                               {"#2fa58f", 4, 9},
                                               {"#d9b53c", 5, 13},
                                               {"#7a4fa3", 3, 6},
                                               {"#8a8a8a", 2, 4},
                                               {"#6fb7e9", 1, 8},
                                               {"#000000", 3, 12}}};

/// 'text' as gnuplot quotes it: nothing within is interpreted.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c == '\n' ? ' ' : c;
  }
  return out + "'";
}

/// The same for the name of a category, where '\n' breaks the line.
std::string broken_name(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? "\\n" : std::string(1, c);
  }
  return out + "\"";
}

bool has_bars(const Panel& panel) {
  return std::any_of(panel.series.begin(), panel.series.end(),
                     [](const Series& series) { return series.marks == Marks::kBars; });
}

std::string block_name(size_t panel, size_t series) {
  return "$panel" + std::to_string(panel + 1) + "_series" + std::to_string(series + 1);
}

bool has_intervals(const Series& series) {
  return std::any_of(series.points.begin(), series.points.end(),
                     [](const FigurePoint& point) { return point.low.has_value(); });
}

/// The smallest and the largest number that an axis shows.
struct Extent {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

/// How an axis stands in the script.
struct DrawnAxis {
  int log_base = 0;
  double unit = 1.0;  // values are divided by it
  std::string label;
};

DrawnAxis drawn_axis(const Axis& axis, const Extent& extent) {
  DrawnAxis drawn{0, 1.0, axis.label};
  if (axis.log_base > 0 && extent.high >= 10.0 * extent.low) drawn.log_base = axis.log_base;
  if (!axis.has_prefix || drawn.log_base > 0) return drawn;
  static constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};
  size_t prefix = 0;
  while (extent.high >= 1000.0 * drawn.unit && prefix + 1 < std::size(kPrefixes)) {
    drawn.unit *= 1000.0;
    ++prefix;
  }
  if (prefix > 0) drawn.label += std::string(" (") + kPrefixes[prefix] + ")";
  return drawn;
}

struct PanelAxes {
  Extent x_extent, y_extent;
  DrawnAxis x, y;
};

PanelAxes panel_axes(const Panel& panel) {
  PanelAxes axes;
  for (const Series& series : panel.series) {
    for (const FigurePoint& point : series.points) {
      axes.x_extent.include(point.x);
      axes.y_extent.include(point.y);
      axes.y_extent.include(point.low.value_or(point.y));
      axes.y_extent.include(point.high.value_or(point.y));
    }
  }
  if (has_bars(panel)) axes.y_extent.include(0.0);
  axes.x = drawn_axis(panel.x, axes.x_extent);
  axes.y = drawn_axis(panel.y, axes.y_extent);
  return axes;
}

/// x, y, low, high by line; a point without an interval has one of no length.
void write_data(const Panel& panel, size_t index, std::ostream& out) {
  const PanelAxes axes = panel_axes(panel);
  const auto num_series = static_cast<double>(panel.series.size());
  for (size_t s = 0; s < panel.series.size(); ++s) {
    // Series of one category stand beside each other, together 0.8 wide.
    const double shift =
        !panel.categories.empty()
            ? (static_cast<double>(s) - (num_series - 1.0) / 2.0) * 0.8 / num_series
            : 0.0;
    out << block_name(index, s) << " << END\n";
    for (const FigurePoint& point : panel.series[s].points) {
      out << format_config_number((point.x + shift) / axes.x.unit);
      for (const double y : {point.y, point.low.value_or(point.y), point.high.value_or(point.y)}) {
        out << " " << format_config_number(y / axes.y.unit);
      }
      out << "\n";
    }
    out << "END\n";
  }
}

void write_axis(const char* name, const DrawnAxis& axis, bool has_prefix, const Extent& extent,
                std::ostream& out) {
  out << "  set " << name << "label " << quoted(axis.label) << "\n";
  if (axis.log_base > 0) {
    out << "  set logscale " << name << " " << axis.log_base << "\n";
    if (has_prefix) out << "  set format " << name << " '%.0s%c'\n";
  }
  if (extent.low == extent.high) {  // gnuplot has no range for a single value
    const double value = extent.low / axis.unit;
    const double reach = value == 0.0 ? 1.0 : std::abs(value) / 2.0;
    out << "  set " << name << "range [" << format_config_number(value - reach) << ":"
        << format_config_number(value + reach) << "]\n";
  }
}

/// Ticks of categories; there may be negative values, so that 0 gets a line.
void write_categories(const Panel& panel, std::ostream& out) {
  out << "  set xlabel " << quoted(panel.x.label) << "\n  set xtics (";
  for (size_t i = 0; i < panel.categories.size(); ++i) {
    out << (i > 0 ? ", " : "") << broken_name(panel.categories[i]) << " " << i;
  }
  out << ") scale 0\n  set xrange [-0.6:" << panel.categories.size() - 1 << ".6]\n"
      << "  set xzeroaxis lc rgb 'black' lw 1\n";
  const bool has_breaks =
      std::any_of(panel.categories.begin(), panel.categories.end(),
                  [](const std::string& name) { return name.find('\n') != std::string::npos; });
  if (has_breaks) out << "  set bmargin " << (panel.x.label.empty() ? 3.5 : 5.0) << "\n";
}

void write_axes(const Panel& panel, std::ostream& out) {
  const PanelAxes axes = panel_axes(panel);
  write_axis("y", axes.y, panel.y.has_prefix, axes.y_extent, out);
  if (panel.categories.empty()) {
    write_axis("x", axes.x, panel.x.has_prefix, axes.x_extent, out);
    out << "  set offsets graph 0.04, graph 0.04, graph 0.06, graph 0.06\n";
    return;
  }
  write_categories(panel, out);
  if (has_bars(panel)) {
    out << "  set yrange [0:*]\n  set offsets 0, 0, graph 0.08, 0\n";
  } else {
    out << "  set offsets 0, 0, graph 0.06, graph 0.06\n";
  }
}

/// Intervals as lines with caps; gnuplot's own error bars also draw a point, if only a white one.
std::string error_bars(const std::string& data, const std::string& colour) {
  return data + " using 1:3:(0):($4-$3) notitle with vectors heads size graph 0.01,90 lc rgb '" +
         colour + "' lw 1.5";
}

/// The parts of the plot command that draw a series of bars.
std::vector<std::string> bar_parts(const Panel& panel, const std::string& data,
                                   const Series& series) {
  const std::string width = format_config_number(0.72 / static_cast<double>(panel.series.size()));
  std::vector<std::string> parts = {
      data + " using 1:2:(" + width + ") with boxes lc rgb '" + series_look(series.look).colour +
      "' fs solid 0.6 border lc rgb 'black' title " + quoted(series.label)};
  if (has_intervals(series)) {
    parts.push_back(error_bars(data, "black"));
  }
  return parts;
}

/// The parts of the plot command that draw a series over numbers.
std::vector<std::string> curve_parts(const std::string& data, const Series& series) {
  const SeriesLook& look = series_look(series.look);
  const std::string colour = std::string(" lc rgb '") + look.colour + "'";
  const std::string line = colour + " lw 2 dt " + std::to_string(look.dash);
  const std::string marker = " pt " + std::to_string(look.marker) + " ps 1.1";
  const std::string title = " title " + quoted(series.label);
  std::vector<std::string> parts;
  if (has_intervals(series)) {
    parts.push_back(series.marks == Marks::kCurves
                        ? data + " using 1:3:4 with filledcurves notitle" + colour +
                              " fs transparent solid 0.2 noborder"
                        : error_bars(data, look.colour));
  }
  switch (series.marks) {
    case Marks::kLines:
      parts.push_back(data + " using 1:2 with linespoints" + line + marker + title);
      break;
    case Marks::kCurves:
      parts.push_back(data + " using 1:2 with lines" + line + title);
      break;
    case Marks::kPoints:
      parts.push_back(data + " using 1:2 with points" + colour + marker + title);
      break;
    case Marks::kBars:
      break;  // bar_parts
    case Marks::kSteps:
      parts.push_back(data + " using 1:2 with steps lc rgb '#808080' lw 1 dt 3" + title);
      break;
  }
  return parts;
}

std::vector<std::string> plot_parts(const Panel& panel, size_t index, size_t s) {
  const std::string data = block_name(index, s);
  const Series& series = panel.series[s];
  return series.marks == Marks::kBars ? bar_parts(panel, data, series) : curve_parts(data, series);
}

void write_panel(const Panel& panel, size_t index, const std::string& title, std::ostream& out) {
  out << "  reset\n  set encoding utf8\n";
  if (!title.empty()) out << "  set title " << quoted(title) << "\n";
  out << "  set grid y lc rgb '#d0d0d0'\n  set border 3\n  set tics nomirror\n"
      << "  set key above center horizontal reverse Left\n";
  write_axes(panel, out);
  out << "  plot ";
  const char* separator = "";
  for (size_t s = 0; s < panel.series.size(); ++s) {
    if (panel.series[s].points.empty()) continue;
    for (const std::string& part : plot_parts(panel, index, s)) {
      out << separator << part;
      separator = ", ";
    }
  }
  out << "\n";
}

/// The width of a legend's entry, with a sample of the line, at 14 pixels of DejaVu Sans.
int legend_entry_width(const Series& series) {
  return 90 + 9 * static_cast<int>(eval::decode_utf8(series.label).size());
}

int panel_height(const Panel& panel) {
  int widest = 1;
  for (const Series& series : panel.series) widest = std::max(widest, legend_entry_width(series));
  const int columns = std::max(1, kPanelWidth / widest);
  const int entries = static_cast<int>(panel.series.size());
  return kPanelHeight + kLegendLine * ((entries + columns - 1) / columns);
}

std::string svg_terminal(int width, int height) {
  return "set terminal svg noenhanced dynamic size " + std::to_string(width) + "," +
         std::to_string(height) + " font 'DejaVu Sans,14' background 'white'";
}

}  // namespace

const SeriesLook& series_look(int look) {
  return kLooks[static_cast<size_t>(look) % kLooks.size()];
}

std::string figure_script(const Figure& figure) {
  check_figure(figure);
  const auto num_panels = static_cast<int>(figure.panels.size());
  const int columns = num_panels == 4 ? 2 : std::min(num_panels, kMaxColumns);
  const int rows = (num_panels + columns - 1) / columns;
  int row_height = 0;
  for (const Panel& panel : figure.panels) row_height = std::max(row_height, panel_height(panel));
  const int width = columns * kPanelWidth, height = rows * row_height;
  std::ostringstream out;
  out << "# " << quoted(figure.title) << ": gnuplot " << figure.name << ".gp\n";
  for (size_t i = 0; i < figure.panels.size(); ++i) write_data(figure.panels[i], i, out);
  out << "do for [form in 'svg png pdf'] {\n"
      << "  if (form eq 'svg') { " << svg_terminal(width, height) << " }\n"
      << "  if (form eq 'png') { set terminal pngcairo noenhanced size " << 2 * width << ","
      << 2 * height << " font 'DejaVu Sans,22' linewidth 2 pointscale 2 background 'white' }\n"
      << "  if (form eq 'pdf') { set terminal pdfcairo noenhanced size " << columns * 14 << "cm,"
      << 14.0 * height / kPanelWidth << "cm font 'DejaVu Sans,12' background 'white' }\n"
      << "  set output '" << figure.name << ".'.form\n"
      << "  set multiplot layout " << rows << "," << columns << "\n";
  for (size_t i = 0; i < figure.panels.size(); ++i) {
    const Panel& panel = figure.panels[i];
    write_panel(panel, i, num_panels == 1 ? figure.title : panel.title, out);
  }
  out << "  unset multiplot\n  unset output\n}\n";
  return out.str();
}

std::string panels_script(std::span<const Figure> figures) {
  std::ostringstream out;
  for (const Figure& figure : figures) {
    check_figure(figure);
    for (size_t i = 0; i < figure.panels.size(); ++i) {
      write_data(figure.panels[i], i, out);
      out << svg_terminal(kPanelWidth, panel_height(figure.panels[i])) << "\nset output '"
          << figure.name << "-" << i + 1 << ".svg'\n";
      write_panel(figure.panels[i], i, figure.panels[i].title, out);
      out << "unset output\n";
    }
  }
  return out.str();
}

}  // namespace nvlm::experiments
