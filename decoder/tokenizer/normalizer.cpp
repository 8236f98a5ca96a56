#include "decoder/tokenizer/normalizer.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <limits>
#include <stdexcept>

#include "decoder/tokenizer/components.h"
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

std::string replace_all(std::string_view text, const std::string& pattern,
                        const std::string& content) {
  std::string result;
  size_t position = 0;
  for (size_t hit; (hit = text.find(pattern, position)) != std::string_view::npos;
       position = hit + pattern.size()) {
    result += text.substr(position, hit - position);
    result += content;
  }
  result += text.substr(position);
  return result;
}

}  // namespace

Normalizer Normalizer::from_json(const Json& tokenizer, const std::string& file) {
  using Kind = Step::Kind;
  Normalizer result;
  for (const Component& part : components(tokenizer, "normalizer", "normalizers", file)) {
    if (part.type == "NFC") {
      result.steps_.push_back({Kind::kNfc, {}, {}});
    } else if (part.type == "NFD") {
      result.steps_.push_back({Kind::kNfd, {}, {}});
    } else if (part.type == "NFKC") {
      result.steps_.push_back({Kind::kNfkc, {}, {}});
    } else if (part.type == "NFKD") {
      result.steps_.push_back({Kind::kNfkd, {}, {}});
    } else if (part.type == "Prepend") {
      result.steps_.push_back(
          {Kind::kPrepend, {}, json_get<std::string>(*part.json, "prepend", part.where)});
    } else if (part.type == "Replace") {
      result.steps_.push_back({Kind::kReplace, literal_pattern(part),
                               json_get<std::string>(*part.json, "content", part.where)});
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
