// The parts of a tokenizer one by one.
#include "decoder/tokenizer/added_tokens.h"
#include "decoder/tokenizer/bpe_merges.h"
#include "decoder/tokenizer/byte_level_alphabet.h"
#include "decoder/tokenizer/normalizer.h"
#include "decoder/tokenizer/post_processor.h"
#include "decoder/tokenizer/pre_tokenizer.h"
#include "tests/decoder/tokenizer_support.h"

using namespace nvlm::decoder;
using nvlm::Json;
using nvlm::Random;
using Words = std::vector<std::string>;

namespace {

Words split_words(const Json& pre_tokenizer, const std::string& text) {
  const auto splitter = PreTokenizer::from_json({{"pre_tokenizer", pre_tokenizer}}, "test");
  Words words;
  splitter.split(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

Json split_on(const std::string& behavior, const std::string& regex, bool invert = false) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", regex}}},
          {"behavior", behavior},
          {"invert", invert}};
}

/// "text|<id>|text": what an AddedTokenFinder makes of a text.
std::string found(const AddedTokenFinder& finder, const std::string& text, bool as_text = false) {
  std::string result;
  finder.split(
      text, as_text, [&](std::string_view stretch) { result += std::string(stretch) + "|"; },
      [&](int32_t id) { result += std::to_string(id) + "|"; });
  return result;
}

/// Merging by the definition: again and again the best pair, leftmost first.
std::vector<int32_t> merge_slowly(std::vector<int32_t> symbols,
                                  const std::vector<std::array<int32_t, 3>>& merges) {
  while (true) {
    size_t best = merges.size(), at = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      for (size_t m = 0; m < best; ++m) {
        if (merges[m][0] == symbols[i] && merges[m][1] == symbols[i + 1]) best = m, at = i;
      }
    }
    if (best == merges.size()) return symbols;
    symbols[at] = merges[best][2];
    symbols.erase(symbols.begin() + static_cast<int64_t>(at) + 1);
  }
}

}  // namespace

TEST_CASE("UTF-8: broken sequences become one U+FFFD each") {
  const auto lossy = [](std::string bytes) { return take_utf8(bytes, true); };
  CHECK(lossy("a\u00E9\u20AC\U0001F600") == "a\u00E9\u20AC\U0001F600");
  CHECK(lossy("\xC0\xAF") == "\uFFFD\uFFFD");                      // overlong
  CHECK(lossy("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");            // a surrogate
  CHECK(lossy("\xF4\x90\x80\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD");  // beyond U+10FFFF
  CHECK(lossy("\xF0\x9F\x98z") == "\uFFFDz");                      // cut short
  CHECK(lossy("\xE2\x82") == "\uFFFD");
  std::string pending = "ab\xE2\x82";
  CHECK(take_utf8(pending, false) == "ab");
  CHECK(pending == "\xE2\x82");
}

TEST_CASE("UTF-8: all code points survive a round trip") {
  for (char32_t c = 0; c <= 0x10FFFF; c += (c < 0x3000 ? 1 : 37)) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(c, text);
    REQUIRE(valid_utf8_length(text) == text.size());
    REQUIRE(decode_utf8(text) == c);
  }
}

TEST_CASE("byte-level alphabet") {
  CHECK(to_byte_level(" the\n") == "\u0120the\u010A");
  CHECK(from_byte_level("\u0120the\u010A") == " the\n");
  CHECK_FALSE(from_byte_level("a b").has_value());  // a space stands for no byte
  CHECK_FALSE(from_byte_level("\u4F60").has_value());
  CHECK(byte_level_order()[0] == '!');
  std::string all;
  for (int b = 0; b < 256; ++b) all.push_back(static_cast<char>(b));
  CHECK(from_byte_level(to_byte_level(all)) == all);
}

TEST_CASE("split behaviours") {
  // The example of the tokenizers library's documentation.
  const std::string text = "the-final--countdown";
  CHECK(split_words(split_on("Removed", "-"), text) == Words{"the", "final", "countdown"});
  CHECK(split_words(split_on("Isolated", "-"), text) ==
        Words{"the", "-", "final", "-", "-", "countdown"});
  CHECK(split_words(split_on("MergedWithPrevious", "-"), text) ==
        Words{"the-", "final-", "-", "countdown"});
  CHECK(split_words(split_on("MergedWithNext", "-"), text) ==
        Words{"the", "-final", "-", "-countdown"});
  CHECK(split_words(split_on("Contiguous", "-"), text) ==
        Words{"the", "-", "final", "--", "countdown"});
  CHECK(split_words(split_on("Removed", "[a-z]+", true), text) ==
        Words{"the", "final", "countdown"});
  CHECK(split_words({{"type", "Split"},
                     {"pattern", {{"String", "."}}},
                     {"behavior", "Isolated"},
                     {"invert", false}},
                    "a.b") == Words{"a", ".", "b"});
  CHECK(split_words(split_on("Isolated", "(?=[A-Z])"), "aBcD") == Words{"a", "Bc", "D"});
  CHECK(split_words({{"type", "Digits"}, {"individual_digits", true}}, "ab12\u0663") ==
        Words{"ab", "1", "2", "\u0663"});
  CHECK(split_words({{"type", "Digits"}, {"individual_digits", false}}, "ab12c") ==
        Words{"ab", "12", "c"});
  CHECK(split_words(nullptr, "no pre-tokenizer") == Words{"no pre-tokenizer"});
}

TEST_CASE("a prefix space is added where there is none") {
  const Json part = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}};
  CHECK(split_words(part, "a b") == Words{" a", " b"});
  CHECK(split_words(part, " a") == Words{" a"});
  CHECK(split_words(part, "").empty());
}

TEST_CASE("white space and word characters are Oniguruma's") {
  // U+180E is no white space, U+0085 and U+3000 are.
  CHECK(split_words(split_on("Removed", R"(\s)"), "a\u180Eb\u0085c\u3000d") ==
        Words{"a\u180Eb", "c", "d"});
  CHECK(split_words(split_on("Isolated", R"([^\s]+)"), "a b") == Words{"a", " ", "b"});
  // Marks and connectors are word characters: e + U+0301, U+203F.
  CHECK(split_words(split_on("Isolated", R"(\w+)"), "xe\u0301\u203Fy!") ==
        Words{"xe\u0301\u203Fy", "!"});
  CHECK(split_words(split_on("Removed", R"(\W)"), "a!b") == Words{"a", "b"});
  CHECK(split_words(split_on("Isolated", R"([]a]+)"), "b]a") == Words{"b", "]a"});
  CHECK(split_words(split_on("Removed", R"([[:digit:]-])"), "a1-b") == Words{"a", "b"});
  CHECK(split_words(split_on("Removed", R"(\\s)"), R"(a\sb)") == Words{"a", "b"});
  for (const char* pattern : {R"(\h)", R"([\W])", "[a[b]]", "[a&&b]", "[[:alpha", "(", "[a"}) {
    CAPTURE(pattern);
    CHECK_THROWS_WITH_AS(split_words(split_on("Removed", pattern), "a"),
                         doctest::Contains("pre_tokenizer.pattern"), std::runtime_error);
  }
}

TEST_CASE("normalisers") {
  const auto normalized = [](const Json& part, const std::string& text) {
    std::string storage;
    return std::string(Normalizer::from_json({{"normalizer", part}}, "test").apply(text, storage));
  };
  CHECK(normalized({{"type", "NFC"}}, "e\u0301") == "\u00E9");
  CHECK(normalized({{"type", "NFD"}}, "\u00E9") == "e\u0301");
  CHECK(normalized({{"type", "NFKC"}}, "\uFB01") == "fi");
  CHECK(normalized({{"type", "NFKD"}}, "\uFB01\u00E9") == "fie\u0301");
  CHECK(normalized({{"type", "NFC"}}, "e\u0301\xFF") == "\u00E9\xFF");
  const Json llama2 = Json::parse(R"({"type": "Sequence", "normalizers": [
      {"type": "Prepend", "prepend": "_"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "_"}]})");
  CHECK(normalized(llama2, "a  b ") == "_a__b_");
  CHECK(normalized(llama2, "").empty());
  CHECK(normalized(nullptr, "e\u0301") == "e\u0301");
}

TEST_CASE("added tokens: leftmost, then longest") {
  AddedTokenFinder finder;
  finder.add({.id = 1, .content = "<a>"}, "<a>");
  finder.add({.id = 2, .content = "<a><b>", .special = true}, "<a><b>");
  CHECK(found(finder, "x<a>y<a><b><a") == "x|1|y|2|<a|");
  CHECK(found(finder, "") == "");
  CHECK(found(finder, "<a><b>", true) == "<a><b>|");
  CHECK(found(finder, "<a> <a>", true) == "1| |1|");
  CHECK(found(AddedTokenFinder(), "<a>") == "<a>|");
}

TEST_CASE("added tokens: white space and word boundaries") {
  AddedTokenFinder finder;
  finder.add({.id = 1, .content = "<l>", .lstrip = true}, "<l>");
  finder.add({.id = 2, .content = "<r>", .rstrip = true}, "<r>");
  finder.add({.id = 3, .content = "word", .single_word = true}, "word");
  CHECK(found(finder, "a \u3000<l> b") == "a|1| b|");
  CHECK(found(finder, "a <r> \n b") == "a |2|b|");
  CHECK(found(finder, "<r>  <l>") == "2|1|");
  CHECK(found(finder, "a word, words sword \u00E9word word") ==
        "a |3|, words sword \u00E9word |3|");
}

TEST_CASE("merging equals its definition") {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    std::vector<std::array<int32_t, 3>> rules;
    BpeMerges merges;
    for (int32_t next = 4; next < 20; ++next) {  // each rule is new: its result is
      const auto left = static_cast<int32_t>(random.integer(0, next - 1));
      const auto right = static_cast<int32_t>(random.integer(0, next - 1));
      const auto same = [&](const auto& r) { return r[0] == left && r[1] == right; };
      if (std::any_of(rules.begin(), rules.end(), same)) continue;
      rules.push_back({left, right, next});
      merges.add(left, right, next);
    }
    std::vector<int32_t> symbols(static_cast<size_t>(random.integer(0, 40)));
    for (int32_t& symbol : symbols) symbol = static_cast<int32_t>(random.integer(0, 3));
    const auto expected = merge_slowly(symbols, rules);
    merges.apply(symbols);
    CHECK(symbols == expected);
  }
}

TEST_CASE("template: tokens before and after the text") {
  const Json json = Json::parse(R"({"post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A"}},
                 {"SpecialToken": {"id": "</s>", "type_id": 0}}], "pair": [],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]},
                         "</s>": {"id": "</s>", "ids": [2, 3], "tokens": ["</s>", "x"]}}}})");
  const auto processor = PostProcessor::from_json(json, "test");
  CHECK(processor.before == std::vector<int64_t>{1});
  CHECK(processor.after == std::vector<int64_t>{2, 3});
}
