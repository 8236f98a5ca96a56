#include "eval/table/gfm_text.h"

#include "eval/table/html_entities.h"

namespace nvlm::eval {
namespace {

bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_ascii_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

/// Bytes of a word; those above ASCII count, as most of them are letters.
bool is_word_byte(char c) {
  return is_ascii_letter(c) || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

/// The character at `at`, or a blank outside the text.
char char_at(std::string_view text, size_t at) { return at < text.size() ? text[at] : ' '; }

/// Length of the `<br>` at the start of `text`, or 0.
size_t line_break_length(std::string_view text) {
  const bool maybe =
      text.size() > 3 && text[0] == '<' && (text[1] | 0x20) == 'b' && (text[2] | 0x20) == 'r';
  if (!maybe) return 0;
  const size_t end = text.find_first_not_of(" \t/", 3);
  return end != std::string_view::npos && text[end] == '>' ? end + 1 : 0;
}

bool begins_entity(std::string_view text) {
  std::string ignored;
  return decode_html_entity(text, ignored) > 0;
}

/// Whether the character at `at` would be read as markup, or as the escape of what follows it.
bool is_markup(std::string_view text, size_t at) {
  const char next = char_at(text, at + 1);
  const char previous = at == 0 ? ' ' : text[at - 1];
  switch (text[at]) {
    case '*':
    case '`':
      return true;
    case '<':
      return is_ascii_letter(next) || next == '/' || next == '!' || next == '?';
    case '&':
      return begins_entity(text.substr(at));
    case '_':
      return !(is_word_byte(previous) && is_word_byte(next));
    case '~':
      return next == '~' || previous == '~';
    case ']':
      return next == '(' || next == '[';
    case '\\':
      return is_ascii_punctuation(next);
    default:
      return false;
  }
}

}  // namespace

std::string write_gfm_text(std::string_view text, GfmText style) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n' || c == '\r') {
      if (c == '\r' && char_at(text, at + 1) == '\n') ++at;
      out += "<br>";
      continue;
    }
    if (c == '|' || (style == GfmText::kEscaped && is_markup(text, at))) out += '\\';
    out += c;
  }
  return out;
}

std::string read_gfm_text(std::string_view cell, GfmText style) {
  std::string text;
  for (size_t at = 0; at < cell.size();) {
    if (const size_t length = line_break_length(cell.substr(at)); length > 0) {
      text += '\n';
      at += length;
      continue;
    }
    if (style == GfmText::kEscaped) {
      if (cell[at] == '\\' && is_ascii_punctuation(char_at(cell, at + 1))) {
        text += cell[at + 1];
        at += 2;
        continue;
      }
      const size_t length = cell[at] == '&' ? decode_html_entity(cell.substr(at), text) : 0;
      if (length > 0) {
        at += length;
        continue;
      }
    }
    text += cell[at++];
  }
  return text;
}

}  // namespace nvlm::eval
