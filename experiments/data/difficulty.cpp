#include "experiments/data/difficulty.h"

#include <stdexcept>

#include "common/error.h"

namespace nvlm::experiments {
namespace {

void expect_field(bool good, const char* field, const char* expected) {
  if (!good) {
    throw std::invalid_argument(std::string("data.difficulty: ") + field + " must be " + expected);
  }
}

}  // namespace

void TableDifficulty::validate() const {
  expect_field(min_rows >= 1 && min_rows <= max_rows, "min_rows", "1 .. max_rows");
  expect_field(min_columns >= 1 && min_columns <= max_columns, "min_columns", "1 .. max_columns");
  expect_field(max_line_characters >= 1, "max_line_characters", "at least 1");
  expect_field(max_lines >= 1, "max_lines", "at least 1");
  expect_field(!fonts.empty(), "fonts", "a list of at least one family");
  expect_field(min_font_pixels >= 4 && min_font_pixels <= max_font_pixels, "min_font_pixels",
               "4 .. max_font_pixels");
  expect_field(max_font_pixels <= 200, "max_font_pixels", "at most 200");
  const std::vector<std::pair<const char*, double>> shares = {
      {"invented_text", invented_text},
      {"empty_cell", empty_cell},
      {"total_row", total_row},
      {"multi_line_cell", multi_line_cell},
      {"span", span},
      {"two_row_header", two_row_header},
      {"footnote_mark", footnote_mark},
      {"italic", italic},
      {"min_contrast", min_contrast},
      {"tint", tint},
      {"dark_header", dark_header},
      {"inverted", inverted},
      {"coloured_edges", coloured_edges},
      {"degradation.chance", degradation.chance},
      {"degradation.min_contrast", degradation.min_contrast}};
  for (const auto& [field, value] : shares) expect_field(value >= 0 && value <= 1, field, "0 .. 1");
  const DegradationLimits& d = degradation;
  expect_field(d.skew_degrees >= 0 && d.skew_degrees <= 45, "degradation.skew_degrees", "0 .. 45");
  expect_field(d.blur_sigma >= 0 && d.noise >= 0, "degradation.blur_sigma and noise", "0 or more");
  expect_field(d.min_scale > 0 && d.min_scale <= 1, "degradation.min_scale", "above 0, at most 1");
  expect_field(d.min_jpeg_quality >= 1 && d.min_jpeg_quality <= 100, "degradation.min_jpeg_quality",
               "1 .. 100");
}

TableDifficulty easy() {
  TableDifficulty d;
  d.name = "easy";
  d.fonts = {"DejaVu Sans", "DejaVu Serif", "Liberation Sans", "Liberation Serif"};
  return d;
}

TableDifficulty tiny() {
  TableDifficulty d = easy();
  d.name = "tiny";
  d.max_rows = 3;
  d.max_columns = 2;
  d.max_line_characters = 5;
  d.total_row = 0;
  d.min_font_pixels = 8;
  return d;
}

TableDifficulty medium() {
  TableDifficulty d = easy();
  d.name = "medium";
  d.min_rows = 3, d.max_rows = 9;
  d.min_columns = 2, d.max_columns = 6;
  d.max_line_characters = 18;
  d.max_lines = 2;
  d.empty_cell = 0.06;
  d.multi_line_cell = 0.06;
  d.span = 0.05;
  d.two_row_header = 0.1;
  d.fonts.insert(d.fonts.end(), {"DejaVu Sans Mono", "Liberation Mono"});
  d.min_font_pixels = 11, d.max_font_pixels = 20;
  d.italic = 0.1;
  d.min_contrast = 0.45;
  d.tint = 0.12;
  d.dark_header = 0.15;
  d.coloured_edges = 0.1;
  d.degradation.chance = 0.35;
  d.degradation.skew_degrees = 1;
  d.degradation.blur_sigma = 0.7;
  d.degradation.noise = 6;
  d.degradation.min_scale = 0.8;
  d.degradation.min_contrast = 0.85;
  d.degradation.min_jpeg_quality = 45;
  return d;
}

TableDifficulty hard() {
  TableDifficulty d = medium();
  d.name = "hard";
  d.min_rows = 4, d.max_rows = 16;
  d.min_columns = 3, d.max_columns = 9;
  d.max_line_characters = 24;
  d.max_lines = 3;
  d.empty_cell = 0.1;
  d.multi_line_cell = 0.12;
  d.span = 0.12;
  d.two_row_header = 0.35;
  d.footnote_mark = 0.04;
  d.min_font_pixels = 8, d.max_font_pixels = 16;
  d.min_contrast = 0.35;
  d.tint = 0.2;
  d.dark_header = 0.25;
  d.inverted = 0.06;
  d.degradation.chance = 0.5;
  d.degradation.skew_degrees = 3;
  d.degradation.blur_sigma = 1.1;
  d.degradation.noise = 14;
  d.degradation.min_scale = 0.5;
  d.degradation.min_contrast = 0.6;
  d.degradation.min_jpeg_quality = 20;
  return d;
}

TableDifficulty difficulty_preset(std::string_view name) {
  if (name == "tiny") return tiny();
  if (name == "easy") return easy();
  if (name == "medium") return medium();
  if (name == "hard") return hard();
  throw UsageError("data.difficulty: '" + std::string(name) +
                   "' is unknown, expected tiny, easy, medium or hard");
}

}  // namespace nvlm::experiments
