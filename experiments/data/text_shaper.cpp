#include "experiments/data/text_shaper.h"

#include <algorithm>
#include <stdexcept>

#include "experiments/data/utf8.h"

namespace nvlm::experiments {
namespace {

constexpr double kSuperscriptScale = 0.68;
constexpr double kSuperscriptRaise = 0.33;  // of the em size
constexpr double kMiddle = 0.345;           // from the baseline to the middle of a line's box, em

double pixels(int pango_units) { return static_cast<double>(pango_units) / PANGO_SCALE; }

const char* debian_package(const std::string& family) {
  if (family.rfind("DejaVu", 0) == 0) return "fonts-dejavu-core";
  if (family.rfind("Liberation", 0) == 0) return "fonts-liberation";
  return nullptr;
}

}  // namespace

void ShapedText::draw(cairo_t* cairo, double x, double y) const {
  cairo_move_to(cairo, x, y);
  if (as_outlines_) {
    pango_cairo_layout_path(cairo, layout_.get());
    cairo_fill(cairo);
  } else {
    pango_cairo_show_layout(cairo, layout_.get());
  }
}

std::vector<PlacedCharacter> ShapedText::characters() const {
  const std::u32string points = code_points(text_);
  std::vector<PlacedCharacter> placed;
  placed.reserve(points.size());
  int byte = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const char32_t c = points[i];
    if (c != U' ' && c != U'\n') {
      PangoRectangle box;  // of the character; a superscript's own, lifted one
      pango_layout_index_to_pos(layout_.get(), byte, &box);
      placed.push_back({i, c, pixels(box.x) + pixels(box.width) / 2,
                        pixels(box.y) + pixels(box.height) / 2, pixels(box.width),
                        pixels(box.height)});
    }
    byte += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  }
  return placed;
}

TextShaper& TextShaper::of_this_thread() {
  thread_local TextShaper shaper;
  return shaper;
}

TextShaper::TextShaper() {
  fonts_ = pango_cairo_font_map_new();
  context_ = pango_font_map_create_context(fonts_);
  pango_context_set_language(context_, pango_language_from_string("en"));
  pango_context_set_base_dir(context_, PANGO_DIRECTION_LTR);
  set_smoothing({});
}

TextShaper::~TextShaper() {
  g_object_unref(context_);
  g_object_unref(fonts_);
}

void TextShaper::set_smoothing(const TextSmoothing& smoothing) {
  smoothing_ = smoothing;
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_antialias(
      options, smoothing.coloured_edges ? CAIRO_ANTIALIAS_SUBPIXEL : CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_subpixel_order(options, CAIRO_SUBPIXEL_ORDER_RGB);
  const bool hinted = smoothing.hinting > 0 && !smoothing.as_outlines;
  cairo_font_options_set_hint_style(options, !hinted                  ? CAIRO_HINT_STYLE_NONE
                                             : smoothing.hinting == 1 ? CAIRO_HINT_STYLE_SLIGHT
                                                                      : CAIRO_HINT_STYLE_FULL);
  cairo_font_options_set_hint_metrics(options,
                                      hinted ? CAIRO_HINT_METRICS_ON : CAIRO_HINT_METRICS_OFF);
  pango_cairo_context_set_font_options(context_, options);
  cairo_font_options_destroy(options);
  pango_context_set_round_glyph_positions(context_, !smoothing.as_outlines);
}

void TextShaper::require_family(const std::string& family) {
  if (std::find(known_families_.begin(), known_families_.end(), family) != known_families_.end()) {
    return;
  }
  PangoFontFamily** families = nullptr;
  int count = 0;
  pango_font_map_list_families(fonts_, &families, &count);
  bool found = false;
  for (int i = 0; i < count; ++i)
    found = found || family == pango_font_family_get_name(families[i]);
  g_free(families);
  if (!found) {
    const char* package = debian_package(family);
    throw std::runtime_error("data.fonts: the font family '" + family + "' is not installed" +
                             (package ? std::string(" (Debian package ") + package + ")" : ""));
  }
  known_families_.push_back(family);
}

ShapedText TextShaper::shape(const std::string& text, const TextFont& font, Alignment alignment,
                             int64_t raised, double line_spacing) {
  require_family(font.family);
  ShapedText shaped;
  shaped.text_ = text;
  shaped.as_outlines_ = smoothing_.as_outlines;
  shaped.layout_.reset(pango_layout_new(context_));
  PangoLayout* layout = shaped.layout_.get();

  PangoFontDescription* description = pango_font_description_new();
  pango_font_description_set_family(description, font.family.c_str());
  pango_font_description_set_absolute_size(description, font.pixels * PANGO_SCALE);
  pango_font_description_set_weight(description,
                                    font.bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
  pango_font_description_set_style(description,
                                   font.italic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL);
  pango_layout_set_font_description(layout, description);
  pango_font_description_free(description);
  pango_layout_set_auto_dir(layout, FALSE);
  pango_layout_set_line_spacing(layout, static_cast<float>(line_spacing));
  pango_layout_set_alignment(layout, alignment == Alignment::kLeft     ? PANGO_ALIGN_LEFT
                                     : alignment == Alignment::kCentre ? PANGO_ALIGN_CENTER
                                                                       : PANGO_ALIGN_RIGHT);
  pango_layout_set_text(layout, text.data(), static_cast<int>(text.size()));

  PangoAttrList* attributes = pango_attr_list_new();
  pango_attr_list_insert(attributes, pango_attr_fallback_new(FALSE));
  const std::u32string points = code_points(text);
  const size_t raised_from = points.size() - std::min(points.size(), static_cast<size_t>(raised));
  if (raised > 0) {
    size_t start = 0;
    for (size_t i = 0; i < raised_from; ++i) start += to_utf8(points[i]).size();
    const double rise = kSuperscriptRaise * font.pixels;
    for (PangoAttribute* attribute : {pango_attr_scale_new(kSuperscriptScale),
                                      pango_attr_rise_new(static_cast<int>(rise * PANGO_SCALE))}) {
      attribute->start_index = static_cast<guint>(start);
      pango_attr_list_insert(attributes, attribute);
    }
  }
  pango_layout_set_attributes(layout, attributes);
  pango_attr_list_unref(attributes);

  if (pango_layout_get_unknown_glyphs_count(layout) > 0) {
    throw std::runtime_error("data.fonts: '" + font.family + "' lacks a character of '" + text +
                             "'");
  }
  PangoRectangle extent;
  pango_layout_get_extents(layout, nullptr, &extent);
  shaped.width_ = pixels(extent.width);
  shaped.height_ = pixels(extent.height);
  return shaped;
}

}  // namespace nvlm::experiments
