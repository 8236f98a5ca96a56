#include "experiments/data/appearance.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nvlm::experiments {
namespace {

Colour tinted(double luminance, double tint, Random& random) {
  Colour colour;
  for (int c = 0; c < 3; ++c) {
    colour[c] = std::clamp(luminance + random.uniform(-tint, tint), 0.0, 1.0);
  }
  return colour;
}

Colour mixed(const Colour& a, const Colour& b, double share_of_b) {
  return a * (1 - share_of_b) + b * share_of_b;
}

/// A visible colour of about the given luminance.
Colour hue(double luminance, double strength, Random& random) {
  const int strong = static_cast<int>(random.integer(0, 2));
  Colour colour;
  for (int c = 0; c < 3; ++c) {
    colour[c] = std::clamp(luminance + (c == strong ? strength : -strength / 2), 0.0, 1.0);
  }
  return colour;
}

void choose_lines(Appearance& look, Random& random) {
  look.style = random.pick(std::vector<TableStyle>{
      TableStyle::kRuled, TableStyle::kRuled, TableStyle::kBorderless, TableStyle::kThreeLine,
      TableStyle::kZebra, TableStyle::kColouredHeader, TableStyle::kRowLines});
  switch (look.style) {
    case TableStyle::kRuled:
      look.frame = look.columns_ruled = look.rows_ruled = true;
      look.header_filled = random.chance(0.3);
      break;
    case TableStyle::kBorderless:
      look.header_line = random.chance(0.25);
      break;
    case TableStyle::kThreeLine:
      look.outer_lines = look.header_line = true;
      break;
    case TableStyle::kZebra:
      look.zebra = true;
      look.header_filled = random.chance(0.5);
      look.frame = random.chance(0.2);
      look.header_line = random.chance(0.3);
      break;
    case TableStyle::kColouredHeader:
      look.header_filled = true;
      look.rows_ruled = random.chance(0.4);
      look.columns_ruled = look.frame = look.rows_ruled && random.chance(0.4);
      break;
    case TableStyle::kRowLines:
      look.rows_ruled = look.header_line = true;
      look.outer_lines = random.chance(0.6);
      break;
  }
}

void choose_colours(Appearance& look, const TableDifficulty& difficulty, Random& random) {
  const Ink ink = random_ink(difficulty, random);
  look.ground = ink.ground;
  look.text = ink.text;
  look.line = mixed(look.ground, look.text, random.uniform(0.3, 1.0));
  look.zebra_ground = mixed(look.ground, look.text, random.uniform(0.04, 0.12));
  look.header_ground = mixed(look.ground, look.text, random.uniform(0.05, 0.18));
  look.header_text = look.text;
  if (!look.header_filled) return;
  const double ground = (look.ground[0] + look.ground[1] + look.ground[2]) / 3;
  if (random.chance(difficulty.dark_header)) {
    look.header_ground = hue(random.uniform(0.1, 0.4), random.uniform(0, 0.25), random);
    look.header_text = tinted(random.uniform(0.92, 1.0), 0, random);
  } else if (random.chance(0.6) && ground > 0.5) {
    look.header_ground = hue(ground - 0.12, random.uniform(0.03, 0.12), random);
  }
}

void choose_spacing(Appearance& look, const TableDifficulty& difficulty, Random& random) {
  const double em = look.font.pixels;
  const bool separated = look.columns_ruled;
  look.pad_x = em * (separated ? random.uniform(0.25, 0.9) : random.uniform(0.5, 1.2));
  look.pad_y = em * random.uniform(look.rows_ruled ? 0.12 : 0.04, 0.5);
  look.stretch = random.chance(0.35) ? random.uniform(1.05, 1.6) : 1;
  look.equal_columns = random.chance(0.12);
  look.vertical = random.pick(std::vector<double>{0, 0.5, 0.5, 1});
  look.line_spacing = random.uniform(0.9, 1.15);
  look.line_width = random.chance(0.75) ? 1 : 2;
  look.header_line_width = look.line_width * (random.chance(0.3) ? 2 : 1);
  for (double& margin : look.margins) margin = random.uniform(2, 16);
}

}  // namespace

TextFont random_font(const TableDifficulty& difficulty, Random& random) {
  TextFont font;
  font.family = random.pick(difficulty.fonts);
  const auto low = static_cast<int64_t>(std::ceil(2 * difficulty.min_font_pixels));
  const auto high = static_cast<int64_t>(std::floor(2 * difficulty.max_font_pixels));
  // Half pixels keep the number of opened fonts small.
  font.pixels = static_cast<double>(random.integer(std::min(low, high), high)) / 2;
  // The slanted faces of DejaVu are in another package; Liberation has its own.
  font.italic = random.chance(difficulty.italic) && font.family.rfind("Liberation", 0) == 0;
  return font;
}

TextSmoothing random_smoothing(const TableDifficulty& difficulty, Random& random) {
  TextSmoothing smoothing;
  smoothing.as_outlines = random.chance(0.35);
  smoothing.hinting = random.integer(0, 2);
  smoothing.coloured_edges = random.chance(difficulty.coloured_edges);
  return smoothing;
}

Ink random_ink(const TableDifficulty& difficulty, Random& random) {
  const double contrast = difficulty.min_contrast;
  const bool white_paper = random.chance(0.4);
  // Squares favour what documents look like: light ground, dark text, little colour.
  const double grey = random.uniform(), ink_draw = random.uniform(), tint_draw = random.uniform();
  const double darkest_ground =
      std::max(contrast, 1 - 0.5 * (1 - contrast) - 0.5 * difficulty.tint);
  const double light = white_paper ? 1 : 1 - grey * grey * (1 - darkest_ground);
  const double dark = std::max(0.0, light - contrast) * ink_draw * ink_draw;
  // Each of the two may move by half of what is left above the least contrast.
  const double room = std::max(0.0, light - dark - contrast) / 2;
  const double tint =
      white_paper ? 0 : std::min(difficulty.tint * tint_draw * tint_draw * 1.5, room);
  Ink ink;
  ink.ground = tinted(light, tint, random);
  ink.text = tinted(dark, tint, random);
  if (random.chance(difficulty.inverted)) std::swap(ink.ground, ink.text);
  return ink;
}

Appearance random_appearance(const TableDifficulty& difficulty, Random& random) {
  Appearance look;
  choose_lines(look, random);
  choose_colours(look, difficulty, random);
  look.font = random_font(difficulty, random);
  look.smoothing = random_smoothing(difficulty, random);
  look.bold_header = random.chance(0.5);
  look.bold_first_column = random.chance(0.08);
  choose_spacing(look, difficulty, random);
  return look;
}

std::string borders(const Appearance& look) {
  if (look.columns_ruled && look.rows_ruled) return "full";
  if (look.rows_ruled) return "horizontal";
  return look.frame || look.columns_ruled || look.header_line || look.outer_lines ? "partial"
                                                                                  : "none";
}

}  // namespace nvlm::experiments
