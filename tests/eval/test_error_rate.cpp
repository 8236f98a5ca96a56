#include <doctest/doctest.h>

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/json.h"
#include "eval/metrics/anls.h"
#include "eval/metrics/error_rate.h"
#include "eval/text/code_points.h"
#include "tests/support/golden.h"

namespace nvlm::eval {
namespace {

std::vector<Json> golden_rows(const std::string& file) {
  std::ifstream stream(test::golden("13_metrics") / file);
  std::vector<Json> rows;
  for (std::string line; std::getline(stream, line);) rows.push_back(parse_json(line, file));
  REQUIRE(!rows.empty());
  return rows;
}

void check_score(double actual, const Json& expected) {
  CHECK(actual == doctest::Approx(expected.get<double>()).epsilon(1e-9));
}

}  // namespace

TEST_CASE("error rates: golden rows") {
  for (const Json& row : golden_rows("cer_wer.jsonl")) {
    CAPTURE(row.at("id").get<int64_t>());
    const auto reference = row.at("ref").get<std::string>();
    const auto hypothesis = row.at("hyp").get<std::string>();
    const ErrorCounts characters = character_errors(reference, hypothesis);
    const ErrorCounts words = word_errors(reference, hypothesis);
    CHECK(characters.distance == row.at("char_distance").get<int64_t>());
    CHECK(characters.reference_length == row.at("ref_chars").get<int64_t>());
    CHECK(characters.hypothesis_length == row.at("hyp_chars").get<int64_t>());
    CHECK(words.distance == row.at("word_distance").get<int64_t>());
    CHECK(words.reference_length == row.at("ref_words").get<int64_t>());
    CHECK(words.hypothesis_length == row.at("hyp_words").get<int64_t>());
    check_score(character_error_rate(reference, hypothesis), row.at("cer"));
    check_score(word_error_rate(reference, hypothesis), row.at("wer"));
    check_score(normalized_edit_distance(reference, hypothesis), row.at("ned"));
  }
}

TEST_CASE("ANLS: golden rows") {
  for (const Json& row : golden_rows("anls.jsonl")) {
    CAPTURE(row.at("id").get<int64_t>());
    const auto answers = row.at("answers").get<std::vector<std::string>>();
    const auto prediction = row.at("prediction").get<std::string>();
    check_score(anls(prediction, answers), row.at("anls"));
    check_score(anls(prediction, answers, AnlsLength::kRaw), row.at("anls_official_raw_length"));
    for (size_t i = 0; i < answers.size(); ++i) {
      check_score(anls_distance(prediction, answers[i]), row.at("normalised_distances").at(i));
    }
  }
  CHECK_THROWS_AS(anls("x", {}), std::invalid_argument);
}

TEST_CASE("error rates: identities") {
  CHECK(character_error_rate("abc", "abc") == 0.0);
  CHECK(character_error_rate("abc", "") == 1.0);
  CHECK(character_error_rate("a", "abcd") == 3.0);
  CHECK(character_error_rate("", "abcd") == 1.0);
  CHECK(normalized_edit_distance("abcd", "a") == normalized_edit_distance("a", "abcd"));
  CHECK(normalized_edit_distance("", "") == 0.0);
  CHECK(word_error_rate("a b", "a\u00a0b") == 0.0);
}

TEST_CASE("code points: bad bytes become U+FFFD one by one, the rest survives") {
  CHECK(decode_utf8("a\xff\xc3") == U"a\ufffd\ufffd");
  CHECK(decode_utf8("\xc0\xaf") == U"\ufffd\ufffd");            // overlong
  CHECK(decode_utf8("\xed\xa0\x80") == U"\ufffd\ufffd\ufffd");  // surrogate
  CHECK(decode_utf8("\xf4\x90\x80\x80") == U"\ufffd\ufffd\ufffd\ufffd");
  const std::u32string all = U"a\u00e9\u6771\U0001F600\U0010FFFF";
  CHECK(decode_utf8(encode_utf8(all)) == all);
  CHECK(collapse_spaces(U" a \t\n b\u3000") == U"a b");
}

TEST_CASE("character errors: huge texts get an upper bound, line by line") {
  const BoundedErrors small = bounded_character_errors("kitten\n", "sitting\n");
  CHECK(small.exact);
  CHECK(small.counts.distance == 3);
  std::string reference;
  std::string hypothesis;
  for (int i = 0; i < 60'000; ++i) {
    reference += "row " + std::to_string(i) + "\n";
    hypothesis += "row " + std::to_string(i) + (i % 1000 == 0 ? "x" : "") + "\n";
  }
  const BoundedErrors lines = bounded_character_errors(reference, hypothesis + "more\n");
  CHECK(!lines.exact);
  CHECK(lines.counts.distance == 60 + 5);
  const std::string long_line(400'000, 'a');
  CHECK(bounded_character_errors(long_line, long_line).counts.distance == 0);
  const BoundedErrors whole = bounded_character_errors(long_line, std::string(400'001, 'b'));
  CHECK(!whole.exact);
  CHECK(whole.counts.distance == 400'001);
}

}  // namespace nvlm::eval
