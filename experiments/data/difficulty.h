// How hard the synthetic tables are: sizes, contents, fonts, colours, degradations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nvlm::experiments {

/// Ranges of what happens to a finished picture. Each kind happens with probability `chance`; its
/// strength is then uniform up to the limit. A limit of 0 (or 1 for scale and contrast) = never.
struct DegradationLimits {
  double chance = 0;
  double skew_degrees = 0;
  double blur_sigma = 0;           // pixels
  double noise = 0;                // standard deviation in grey levels
  double min_scale = 1;            // down to this scale and up again
  double min_contrast = 1;         // factor around mid-grey
  int64_t min_jpeg_quality = 100;  // 1..99; 100 = never
};

/// Probabilities are per table unless noted.
struct TableDifficulty {
  std::string name;

  int64_t min_rows = 2, max_rows = 5;  // header rows included
  int64_t min_columns = 2, max_columns = 4;
  int64_t max_line_characters = 10;  // per line of a cell
  int64_t max_lines = 1;             // per cell

  double invented_text = 0.5;  // per text cell: pseudo-word, code or random string
  double empty_cell = 0.04;    // per body cell
  double total_row = 0.15;
  double multi_line_cell = 0;  // per text cell
  double span = 0;             // per body row; also of merged labels over several rows
  double two_row_header = 0;
  double footnote_mark = 0;  // per cell

  std::vector<std::string> fonts;
  double min_font_pixels = 15, max_font_pixels = 22;  // em size
  double italic = 0;

  double min_contrast = 0.78;  // text against ground, 0..1
  double tint = 0.03;          // how far colours leave grey, 0..1
  double dark_header = 0;      // light text on a dark header row
  double inverted = 0;         // light text on a dark ground
  double coloured_edges = 0;   // sub-pixel (LCD) antialiasing

  DegradationLimits degradation;

  /// throws std::invalid_argument naming the first field out of range
  void validate() const;
};

/// 2-3 rows x 2 columns, cells of up to 5 characters, 8-22 px, clean: what a decoder of a million
/// parameters learns to read within a minute.
TableDifficulty tiny();
/// 2-5 rows x 2-4 columns, one line of up to 10 characters, 4 families, 15-22 px, clean.
TableDifficulty easy();
/// 3-9 rows x 2-6 columns, up to 18 characters, monospaced and italic too, 11-20 px, mild damage.
TableDifficulty medium();
/// 4-16 rows x 3-9 columns, spans, several lines, two-row headers, footnotes, 8-16 px, damage.
TableDifficulty hard();

/// `tiny`, `easy`, `medium` or `hard`. throws UsageError for other names.
TableDifficulty difficulty_preset(std::string_view name);

}  // namespace nvlm::experiments
