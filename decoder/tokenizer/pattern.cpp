#include "decoder/tokenizer/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <stdexcept>

#include "decoder/tokenizer/utf8.h"

namespace nvlm::decoder {
namespace {

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

/// PCRE2's spelling of the escape `\letter` where the dialects differ, `\letter` itself elsewhere,
/// empty if there is none.
std::string translated_escape(char letter, bool in_class) {
  const std::string word = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
  switch (letter) {
    case 's':  // PCRE2's own \s holds U+180E, which is no white space since Unicode 6.3
      return R"(\p{White_Space})";
    case 'S':
      return R"(\P{White_Space})";
    case 'w':  // PCRE2's own \w lacks marks and connecting punctuation
      return in_class ? word : "[" + word + "]";
    case 'W':
      return in_class ? "" : "[^" + word + "]";
    case 'h':  // a hexadecimal digit there, horizontal space here
    case 'H':
      return "";
    default:
      return std::string("\\") + letter;
  }
}

/// Rewrites Oniguruma's dialect as PCRE2's; see Pattern::regex.
std::string to_pcre2(std::string_view source, const std::string& where) {
  const auto reject = [&](std::string_view what) {
    throw std::runtime_error(where + ": " + std::string(what) +
                             " is not supported in the pattern " + std::string(source));
  };
  std::string result = "(*LF)";  // what ends a line, whatever the library was built with
  bool in_class = false;
  for (size_t i = 0; i < source.size(); ++i) {
    const char next = i + 1 < source.size() ? source[i + 1] : '\0';
    if (source[i] == '\\' && i + 1 < source.size()) {
      const std::string escape = translated_escape(next, in_class);
      if (escape.empty()) reject(std::string("'\\") + next + "'");
      result += escape;
      ++i;
    } else if (in_class && source[i] == '[' && next == ':') {  // [:space:]
      const size_t end = source.find(":]", i + 2);
      if (end == std::string_view::npos) reject("an unclosed '[:'");
      result += source.substr(i, end + 2 - i);
      i = end + 1;
    } else if (in_class && source[i] == '[') {
      reject("a class inside a class");
    } else if (in_class && source[i] == '&' && next == '&') {
      reject("'&&' in a class");
    } else if (!in_class && source[i] == '[') {
      in_class = true;
      result += '[';
      if (next == '^') result += source[++i];
      if (i + 1 < source.size() && source[i + 1] == ']') {  // in first place not the end
        result += "\\]";
        ++i;
      }
    } else {
      if (in_class && source[i] == ']') in_class = false;
      result += source[i];
    }
  }
  return result;
}

struct FreeMatchData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

}  // namespace

void Pattern::FreeCode::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Pattern Pattern::regex(const std::string& expression, const std::string& where) {
  // In Oniguruma ^ and $ always match at line ends, too.
  return Pattern(to_pcre2(expression, where), PCRE2_UCP | PCRE2_MULTILINE, where);
}

Pattern Pattern::literal(const std::string& text) {
  return Pattern(text, PCRE2_LITERAL, "pattern '" + text + "'");
}

Pattern::Pattern(const std::string& expression, uint32_t options, const std::string& where) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                            PCRE2_UTF | options, &error, &offset, nullptr));
  if (code_ == nullptr) {
    throw std::runtime_error(where + ": cannot compile the pattern " + expression + ": " +
                             pcre2_message(error) + " at byte " + std::to_string(offset));
  }
  pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);  // where that fails, it is only slower
}

void Pattern::cut(std::string_view text,
                  const std::function<void(const PatternPiece&)>& piece) const {
  const std::unique_ptr<pcre2_match_data, FreeMatchData> data(pcre2_match_data_create(1, nullptr));
  if (data == nullptr) throw std::bad_alloc();
  const PCRE2_SIZE* range = pcre2_get_ovector_pointer(data.get());

  size_t done = 0;  // everything before has been handed out
  size_t search_from = 0;
  bool matched_before = false;
  while (search_from <= text.size()) {
    const auto match = [&](uint32_t options) {
      return pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                         search_from, PCRE2_NO_UTF_CHECK | options, data.get(), nullptr);
    };
    int status = match(0);
    if (status == PCRE2_ERROR_JIT_STACKLIMIT) status = match(PCRE2_NO_JIT);  // uses the heap
    if (status == PCRE2_ERROR_NOMATCH) break;
    if (status < 0) throw std::runtime_error("tokenizer pattern: " + pcre2_message(status));
    const size_t begin = range[0], end = range[1];
    if (begin >= end && matched_before && end == done) {  // no empty match right behind another
      if (search_from == text.size()) break;
      search_from += utf8_sequence(text, search_from).length;
      continue;
    }
    if (begin > done) piece({done, begin, false});
    piece({begin, end, true});
    done = search_from = end;
    matched_before = true;
  }
  if (done < text.size()) piece({done, text.size(), false});
}

}  // namespace nvlm::decoder
