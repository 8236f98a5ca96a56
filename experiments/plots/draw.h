// Draws figures with the gnuplot program.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "experiments/plots/figure.h"

namespace nvlm::experiments {

/// Writes for each figure <name>.csv (the plotted points), <name>.txt (title and caption) and
/// <name>.gp (the script), then <name>.svg, <name>.png and <name>.pdf; all atomically, replacing
/// what stood there. Makes `folder` if need be.
/// throws  std::runtime_error naming the package where gnuplot is missing, or with what gnuplot
///         said; the .csv, .txt and .gp of all figures are written by then. std::invalid_argument
///         as check_figure, before anything is written, or for two figures of one name
void write_figures(std::span<const Figure> figures, const std::filesystem::path& folder);

/// The panels of each figure as SVG documents.
/// throws  as write_figures
std::vector<std::vector<std::string>> draw_panels(std::span<const Figure> figures);

}  // namespace nvlm::experiments
