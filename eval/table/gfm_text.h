// How the text of a cell stands in a Markdown table: as it is, or escaped so that it renders.
#pragma once

#include <string>
#include <string_view>

namespace nvlm::eval {

enum class GfmText {
  /// Only `\|` and `<br>` have a meaning. What models are trained to write and scores are of.
  kLiteral,
  /// Markup within the text is escaped too, so that a viewer shows it and does not interpret it.
  kEscaped
};

/// A cell's text as it stands between two pipes: `|` is `\|`, a line break `<br>`. With kEscaped, a
/// backslash also goes before whatever would be markup: `<` that begins a tag, `&` that begins a
/// character reference, `*`, '`', `_` at the edge of a word, `~~`, `](`, and `\` before
/// punctuation. All else stays as it is ("a < b", "R&D", "snake_case").
std::string write_gfm_text(std::string_view text, GfmText style);

/// The inverse, for a cell whose `\|` have been resolved already: `<br>`, `<br/>` and `<br />` are
/// line breaks; with kEscaped, a backslash before ASCII punctuation is dropped and character
/// references are decoded. source: CommonMark 2.4 and 2.5
std::string read_gfm_text(std::string_view cell, GfmText style);

}  // namespace nvlm::eval
