#include "decoder/tokenizer/normalizer.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <limits>
#include <stdexcept>

#include "decoder/tokenizer/components.h"
#include "decoder/tokenizer/replacement.h"
#include "decoder/tokenizer/utf8.h"

namespace nvlm::decoder {
namespace {

void expect_icu_success(UErrorCode status) {
  if (U_FAILURE(status)) {
    throw std::runtime_error(std::string("Unicode normalisation: ") + u_errorName(status));
  }
}

/// `text` in the normal form, or nothing if it already is. Broken bytes are kept.
bool normalize_unicode(const icu::Normalizer2& form, std::string_view text, std::string& result) {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    throw std::invalid_argument("Unicode normalisation: text of " + std::to_string(text.size()) +
                                " bytes, expected less than 2 GiB");
  }
  const auto piece = [](std::string_view view) {
    return icu::StringPiece(view.data(), static_cast<int32_t>(view.size()));
  };
  bool changed = false;
  for_each_utf8_run(text, [&](std::string_view stretch, bool valid) {
    UErrorCode status = U_ZERO_ERROR;
    changed = changed || (valid && !form.isNormalizedUTF8(piece(stretch), status));
    expect_icu_success(status);
  });
  if (!changed) return false;
  result.clear();
  icu::StringByteSink<std::string> sink(&result);
  for_each_utf8_run(text, [&](std::string_view stretch, bool valid) {
    if (!valid) {
      result += stretch;
      return;
    }
    UErrorCode status = U_ZERO_ERROR;
    form.normalizeUTF8(0, piece(stretch), sink, nullptr, status);
    expect_icu_success(status);
  });
  return true;
}

// Most that a normal form multiplies the bytes of a text by.
// source: Unicode, UAX #15, "Maximum Expansion Factor" (UTF-8)
constexpr double kComposedGrowth = 3, kCompatibilityGrowth = 11;

}  // namespace

Normalizer Normalizer::from_json(const Json& tokenizer, const std::string& file) {
  using Kind = Step::Kind;
  Normalizer result;
  TextGrowth growth;
  for (const Component& part : components(tokenizer, "normalizer", "normalizers", file)) {
    if (part.type == "NFC") {
      growth.add(kComposedGrowth, part.where);
      result.steps_.push_back({Kind::kNfc, {}, {}});
    } else if (part.type == "NFD") {
      growth.add(kComposedGrowth, part.where);
      result.steps_.push_back({Kind::kNfd, {}, {}});
    } else if (part.type == "NFKC") {
      growth.add(kCompatibilityGrowth, part.where);
      result.steps_.push_back({Kind::kNfkc, {}, {}});
    } else if (part.type == "NFKD") {
      growth.add(kCompatibilityGrowth, part.where);
      result.steps_.push_back({Kind::kNfkd, {}, {}});
    } else if (part.type == "Prepend") {
      result.steps_.push_back(
          {Kind::kPrepend, {}, json_get<std::string>(*part.json, "prepend", part.where)});
    } else if (part.type == "Replace") {
      const std::string pattern = literal_pattern(part);
      const auto content = json_get<std::string>(*part.json, "content", part.where);
      growth.add_replace(pattern, content, part.where);
      result.steps_.push_back({Kind::kReplace, pattern, content});
    } else {
      throw_unsupported(part, "NFC, NFD, NFKC, NFKD, Prepend, Replace or Sequence");
    }
  }
  return result;
}

std::string_view Normalizer::apply(std::string_view text, std::string& storage) const {
  const auto unicode = [&](const icu::Normalizer2* (*form)(UErrorCode&)) {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* const normalizer = form(status);
    expect_icu_success(status);
    std::string normalized;
    if (!normalize_unicode(*normalizer, text, normalized)) return;
    storage = std::move(normalized);
    text = storage;
  };
  if (text.empty()) return text;
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Step::Kind::kNfc:
        unicode(icu::Normalizer2::getNFCInstance);
        break;
      case Step::Kind::kNfd:
        unicode(icu::Normalizer2::getNFDInstance);
        break;
      case Step::Kind::kNfkc:
        unicode(icu::Normalizer2::getNFKCInstance);
        break;
      case Step::Kind::kNfkd:
        unicode(icu::Normalizer2::getNFKDInstance);
        break;
      case Step::Kind::kPrepend:
        storage = step.content + std::string(text);
        text = storage;
        break;
      case Step::Kind::kReplace:
        storage = replace_all(text, step.pattern, step.content);
        text = storage;
        break;
    }
  }
  return text;
}

}  // namespace nvlm::decoder
