// A regular expression (PCRE2 with Unicode, JIT) that cuts text as the tokenizers library does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct pcre2_real_code_8;

namespace nvlm::decoder {

/// A stretch of a text: a match of the pattern, or what lies between two matches.
struct PatternPiece {
  size_t begin, end;  // bytes; a match may be empty
  bool is_match;
};

/// Immutable; safe to share between threads.
class Pattern {
 public:
  /// A regular expression in Oniguruma's dialect, which `tokenizer.json` uses. \s and \w get
  /// Oniguruma's meaning; what PCRE2 would read differently (\h, \W in a class, nested classes) is
  /// an error.
  /// where   for the error
  /// throws  std::runtime_error "<where>: ..." if it cannot be compiled
  static Pattern regex(const std::string& expression, const std::string& where);

  /// Matches `text` itself.
  static Pattern literal(const std::string& text);

  /// Calls piece(...) in order for the matches in `text`, which must be valid UTF-8, and for what
  /// lies between them.
  /// throws  std::runtime_error if the search exceeds PCRE2's limits
  void cut(std::string_view text, const std::function<void(const PatternPiece&)>& piece) const;

 private:
  struct FreeCode {
    void operator()(pcre2_real_code_8* code) const;
  };
  Pattern(const std::string& expression, uint32_t options, const std::string& where);

  std::unique_ptr<pcre2_real_code_8, FreeCode> code_;
};

}  // namespace nvlm::decoder
