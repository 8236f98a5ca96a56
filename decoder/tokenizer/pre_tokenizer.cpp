#include "decoder/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "decoder/tokenizer/components.h"
#include "decoder/tokenizer/utf8.h"

namespace nvlm::decoder {

const char* const kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

constexpr const char* kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// The {"String": ...} or {"Regex": ...} of a Split.
Pattern split_pattern(const Component& split) {
  const auto pattern = json_get<Json>(*split.json, "pattern", split.where);
  const std::string where = split.where + ".pattern";
  if (pattern.is_object() && pattern.contains("String")) {
    return Pattern::literal(literal_pattern(split));
  }
  return Pattern::regex(json_get<std::string>(pattern, "Regex", where), where);
}

}  // namespace

PreTokenizer PreTokenizer::from_json(const Json& tokenizer, const std::string& file) {
  PreTokenizer result;
  for (const Component& part : components(tokenizer, "pre_tokenizer", "pretokenizers", file)) {
    if (result.byte_level_) {
      throw std::runtime_error(part.where + ": type '" + part.type +
                               "' after ByteLevel is not supported");
    }
    if (part.type == "Split") {
      const auto behavior = json_get<std::string>(*part.json, "behavior", part.where);
      result.steps_.push_back({split_pattern(part), parse_behavior(behavior, part.where),
                               json_get_or(*part.json, "invert", false, part.where)});
    } else if (part.type == "Digits") {
      const bool single = json_get_or(*part.json, "individual_digits", false, part.where);
      result.steps_.push_back(
          {Pattern::regex(single ? R"(\p{N})" : R"(\p{N}+)", part.where), {}, false});
    } else if (part.type == "ByteLevel") {
      if (json_get<bool>(*part.json, "add_prefix_space", part.where)) result.steps_.push_back({});
      if (json_get_or(*part.json, "use_regex", true, part.where)) {
        result.steps_.push_back({Pattern::regex(kGpt2Pattern, part.where), {}, false});
      }
      result.byte_level_ = true;
    } else {
      throw_unsupported(part, "Split, ByteLevel, Digits or Sequence");
    }
  }
  return result;
}

PreTokenizer PreTokenizer::from_pattern(const std::string& pattern, const std::string& where) {
  PreTokenizer result;
  result.steps_.push_back({Pattern::regex(pattern, where), {}, false});
  result.byte_level_ = true;
  return result;
}

PreTokenizer::Behavior PreTokenizer::parse_behavior(const std::string& name,
                                                    const std::string& where) {
  if (name == "Isolated") return Behavior::kIsolated;
  if (name == "Removed") return Behavior::kRemoved;
  if (name == "MergedWithPrevious") return Behavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return Behavior::kMergedWithNext;
  if (name == "Contiguous") return Behavior::kContiguous;
  throw std::runtime_error(where + ": 'behavior' is '" + name +
                           "', expected Isolated, Removed, MergedWithPrevious, MergedWithNext or "
                           "Contiguous");
}

/// What becomes of the pieces under `behavior`; is_match no longer matters afterwards.
std::vector<PatternPiece> PreTokenizer::arrange(std::vector<PatternPiece> pieces,
                                                Behavior behavior) {
  if (behavior == Behavior::kIsolated) return pieces;
  if (behavior == Behavior::kRemoved) {
    std::erase_if(pieces, [](const PatternPiece& piece) { return piece.is_match; });
    return pieces;
  }
  const bool backwards = behavior == Behavior::kMergedWithNext;
  if (backwards) std::reverse(pieces.begin(), pieces.end());
  std::vector<PatternPiece> merged;
  for (const PatternPiece& piece : pieces) {
    // is_match of a merged piece is that of the piece added last.
    const bool joins = !merged.empty() && (behavior == Behavior::kContiguous
                                               ? piece.is_match == merged.back().is_match
                                               : piece.is_match && !merged.back().is_match);
    if (joins) {
      merged.back() = {std::min(merged.back().begin, piece.begin),
                       std::max(merged.back().end, piece.end), piece.is_match};
    } else {
      merged.push_back(piece);
    }
  }
  if (backwards) std::reverse(merged.begin(), merged.end());
  return merged;
}

void PreTokenizer::run(size_t step, std::string_view text,
                       const std::function<void(std::string_view)>& word) const {
  if (text.empty()) return;
  if (step == steps_.size()) return word(text);
  if (!steps_[step].pattern) {
    if (text.front() == ' ') return run(step + 1, text, word);
    return run(step + 1, " " + std::string(text), word);
  }
  const auto go_on = [&](const PatternPiece& piece) {
    run(step + 1, text.substr(piece.begin, piece.end - piece.begin), word);
  };
  if (steps_[step].behavior == Behavior::kIsolated) {
    return steps_[step].pattern->cut(text, go_on);
  }
  std::vector<PatternPiece> pieces;
  steps_[step].pattern->cut(text, [&](const PatternPiece& piece) {
    pieces.push_back({piece.begin, piece.end, piece.is_match != steps_[step].invert});
  });
  for (const PatternPiece& piece : arrange(std::move(pieces), steps_[step].behavior)) {
    go_on(piece);
  }
}

void PreTokenizer::split(std::string_view text,
                         const std::function<void(std::string_view)>& word) const {
  if (steps_.empty()) return run(0, text, word);
  for_each_utf8_run(text, [&](std::string_view stretch, bool valid) {
    run(valid ? 0 : steps_.size(), stretch, word);
  });
}

}  // namespace nvlm::decoder
