// Replace steps of a tokenizer.json, and a limit to what a chain of steps makes of a text.
#pragma once

#include <string>
#include <string_view>

namespace nvlm::decoder {

/// All occurrences of `pattern`, which is not empty, from left to right without overlap.
std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content);

/// Twelve steps that each make a blank ten blanks would fill any memory: what steps multiply a
/// text's length by is bounded when they are read.
class TextGrowth {
 public:
  /// Adds a step that makes a text at most `factor` times as long.
  /// where   the step, for the error
  /// throws  std::runtime_error if all steps together may make it more than 1000 times as long
  void add(double factor, const std::string& where);

  /// The same for a Replace step.
  void add_replace(std::string_view pattern, std::string_view content, const std::string& where);

 private:
  double factor_ = 1;
};

}  // namespace nvlm::decoder
