// How one table looks: rules, fills, colours, font, spacing, margins.
#pragma once

#include <array>
#include <opencv2/core.hpp>
#include <string>

#include "common/random.h"
#include "experiments/data/difficulty.h"
#include "experiments/data/text_shaper.h"

namespace nvlm::experiments {

/// Red, green, blue in 0..1.
using Colour = cv::Vec3d;

enum class TableStyle {
  kRuled,
  kBorderless,
  kThreeLine,  // above, below the header, below
  kZebra,
  kColouredHeader,
  kRowLines
};

struct Appearance {
  TableStyle style = TableStyle::kRuled;
  bool frame = false, columns_ruled = false, rows_ruled = false;
  bool header_line = false, outer_lines = false;  // below the header; above and below the table
  bool zebra = false, header_filled = false;

  TextFont font;
  bool bold_header = false, bold_first_column = false;
  TextSmoothing smoothing;
  double line_spacing = 1;

  Colour ground, text, line, header_ground, header_text, zebra_ground;
  double line_width = 1, header_line_width = 1;

  double pad_x = 6, pad_y = 3;  // pixels on each side of a cell's text
  double stretch = 1;           // of the columns' widths
  bool equal_columns = false;
  double vertical = 0.5;                      // where texts stand in tall cells: 0 top, 1 bottom
  std::array<double, 4> margins{8, 8, 8, 8};  // left, top, right, bottom, pixels
};

/// Draws an appearance that `difficulty` allows.
Appearance random_appearance(const TableDifficulty& difficulty, Random& random);

/// A font, of those that `difficulty` names; sizes are multiples of half a pixel.
TextFont random_font(const TableDifficulty& difficulty, Random& random);
TextSmoothing random_smoothing(const TableDifficulty& difficulty, Random& random);

struct Ink {
  Colour ground, text;
};
/// Ground and text whose luminance differs by at least difficulty.min_contrast.
Ink random_ink(const TableDifficulty& difficulty, Random& random);

/// "full", "horizontal", "partial" or "none", the words of the measured real tables.
std::string borders(const Appearance& appearance);

}  // namespace nvlm::experiments
