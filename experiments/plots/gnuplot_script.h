// Figures as gnuplot scripts that hold their own data.
#pragma once

#include <span>
#include <string>

#include "experiments/plots/figure.h"

namespace nvlm::experiments {

/// How a series looks; eight of them, which differ in lightness, dash pattern and marker, so that
/// they are told apart without colour.
struct SeriesLook {
  const char* colour;  // "#1b3a6b"
  int dash;            // gnuplot's dash type
  int marker;          // gnuplot's point type
};

/// Looks repeat after eight.
const SeriesLook& series_look(int look);

/// A script that writes <name>.svg, <name>.png and <name>.pdf into the current folder, panels side
/// by side.
/// throws  std::invalid_argument as check_figure
std::string figure_script(const Figure& figure);

/// One script that writes every panel by itself, as <name>-<panel from 1>.svg, for a page that
/// arranges them by its width.
std::string panels_script(std::span<const Figure> figures);

}  // namespace nvlm::experiments
