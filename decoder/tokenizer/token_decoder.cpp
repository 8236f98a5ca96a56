#include "decoder/tokenizer/token_decoder.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <stdexcept>

#include "decoder/tokenizer/byte_level_alphabet.h"
#include "decoder/tokenizer/components.h"
#include "decoder/tokenizer/replacement.h"
#include "decoder/tokenizer/utf8.h"

namespace nvlm::decoder {
namespace {

constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

/// 0x41 of "<0x41>".
std::optional<char> single_byte_value(std::string_view name) {
  if (name.size() != 6 || !name.starts_with("<0x") || name.back() != '>') return std::nullopt;
  uint8_t value = 0;
  const auto [end, error] = std::from_chars(name.data() + 3, name.data() + 5, value, 16);
  if (error != std::errc() || end != name.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

}  // namespace

TokenDecoder TokenDecoder::from_json(const Json& tokenizer, const std::string& file) {
  TokenDecoder result;
  const auto parts = components(tokenizer, "decoder", "decoders", file);
  if (parts.empty()) throw std::runtime_error(file + ": 'decoder' is missing");
  bool fused = false;
  TextGrowth growth;
  for (const Component& part : parts) {
    const auto in_order = [&](bool order_holds) {
      if (!order_holds) {
        throw std::runtime_error(part.where + ": type '" + part.type +
                                 "' is not supported in this place, expected ByteLevel alone or "
                                 "the order Replace, ByteFallback, Fuse, Strip");
      }
    };
    if (part.type == "ByteLevel") {
      in_order(parts.size() == 1);
      result.byte_level_ = true;
    } else if (part.type == "Replace") {
      in_order(!result.byte_fallback_ && !fused);
      const std::string pattern = literal_pattern(part);
      const auto content = json_get<std::string>(*part.json, "content", part.where);
      growth.add_replace(pattern, content, part.where);
      result.replacements_.emplace_back(pattern, content);
    } else if (part.type == "ByteFallback") {
      in_order(!fused);
      result.byte_fallback_ = true;
    } else if (part.type == "Fuse") {
      fused = true;
    } else if (part.type == "Strip") {
      in_order(fused && result.strip_count_ == 0);
      result.strip_content_ = json_get<std::string>(*part.json, "content", part.where);
      result.strip_count_ = json_get<uint32_t>(*part.json, "start", part.where);
      if (json_get<uint32_t>(*part.json, "stop", part.where) != 0) {
        throw std::runtime_error(part.where + ": 'stop' is not 0, which is not supported");
      }
      if (result.strip_content_.empty()) {
        throw std::runtime_error(part.where + ": 'content' is empty");
      }
    } else {
      throw_unsupported(part, "ByteLevel, Replace, ByteFallback, Fuse, Strip or Sequence");
    }
  }
  return result;
}

TokenDecoder::Piece TokenDecoder::piece(std::string_view name) const {
  if (byte_level_) {
    auto bytes = from_byte_level(name);
    return {bytes ? *std::move(bytes) : std::string(name), false};
  }
  std::string text(name);
  for (const auto& [pattern, content] : replacements_) text = replace_all(text, pattern, content);
  if (byte_fallback_) {
    if (const auto byte = single_byte_value(text)) return {std::string(1, *byte), true};
  }
  return {text, false};
}

/// A run of single bytes is text as a whole or, byte by byte, broken.
std::string TokenDecoder::take_single_bytes(State& state) const {
  std::string text;
  if (valid_utf8_length(state.pending) == state.pending.size()) {
    text = state.pending;
  } else {
    for (size_t i = 0; i < state.pending.size(); ++i) text += kReplacementCharacter;
  }
  state.pending.clear();
  return text;
}

std::string TokenDecoder::strip(State& state, std::string text) const {
  size_t begin = 0;
  while (state.at_start && begin < text.size()) {
    state.at_start = state.num_stripped < strip_count_ &&
                     std::string_view(text).substr(begin).starts_with(strip_content_);
    if (!state.at_start) break;
    begin += strip_content_.size();
    ++state.num_stripped;
  }
  return text.substr(begin);
}

std::string TokenDecoder::push(State& state, const Piece& piece) const {
  if (byte_level_) {
    state.pending += piece.bytes;
    return take_utf8(state.pending, /*end_of_text=*/false);
  }
  if (piece.is_single_byte) {
    state.pending += piece.bytes;
    return "";
  }
  return strip(state, take_single_bytes(state) + piece.bytes);
}

std::string TokenDecoder::finish(State& state) const {
  if (byte_level_) return take_utf8(state.pending, /*end_of_text=*/true);
  return strip(state, take_single_bytes(state));
}

}  // namespace nvlm::decoder
