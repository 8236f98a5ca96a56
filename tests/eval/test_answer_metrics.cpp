#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "eval/metrics/answer_match.h"
#include "eval/metrics/containment.h"
#include "eval/metrics/relaxed_accuracy.h"
#include "eval/metrics/text_likelihood.h"
#include "eval/metrics/vqa_accuracy.h"
#include "eval/metrics/vqa_answer.h"

namespace nvlm::eval {

using Answers = std::vector<std::string>;

TEST_CASE("VQA answers: the official normal form") {
  const auto check = [](const char* text, const char* expected) {
    CAPTURE(text);
    CHECK(normalize_vqa_answer(text) == expected);
  };
  check("  The Cat\n", "cat");
  check("Two dogs.", "2 dogs");
  check("none", "0");
  check("1,000", "1000");  // a comma between digits: punctuation vanishes
  check("red,blue", "red blue");
  check("red, blue", "red blue");  // beside a blank: removed
  check("3.14", "3.14");
  check("e.g.", "eg");
  check("U.S. 5", "us 5");
  check("dont", "don't");
  check("couldnt've", "couldn't've");
  check("couldn'tve", "couldn't've");
  check("twas", "'twas");
  check("well-known", "well known");
  check("what - ever", "what ever");
  check("an apple a day", "apple day");
  check("?", "");
  check("$5:30", "$5:30");  // neither sign is in the list
  check("École", "école");
  CHECK(normalize_vqa_answer("A", VqaArticles::kKeep) == "a");
}

TEST_CASE("VQA accuracy: leave one annotator out") {
  Answers answers(10, "no");
  CHECK(vqa_accuracy("yes", answers) == 0.0);
  const std::vector<double> expected = {0.0, 0.3, 0.6, 0.9, 1.0, 1.0};
  for (size_t matches = 1; matches < expected.size(); ++matches) {
    answers[matches - 1] = "Yes.";
    CHECK(vqa_accuracy("yes", answers) == doctest::Approx(expected[matches]));
  }
  CHECK(vqa_accuracy("two", Answers{"2"}) == 1.0);
  CHECK_THROWS_AS(vqa_accuracy("x", Answers{}), std::invalid_argument);
}

TEST_CASE("relaxed accuracy: 5% of numbers, equality of the rest") {
  CHECK(relaxed_match("104.9", "100"));
  CHECK(relaxed_match("95", "100"));
  CHECK(!relaxed_match("106", "100"));
  CHECK(relaxed_match("-95", "-100"));
  CHECK(!relaxed_match("95", "-100"));
  CHECK(relaxed_match("12%", "0.12"));
  CHECK(!relaxed_match("12", "12%"));
  CHECK(relaxed_match("0", "0"));  // by equality of the texts
  CHECK(!relaxed_match("0.0", "0"));
  CHECK(relaxed_match(" Blue\n", "blue"));
  CHECK(!relaxed_match("1,000", "1000"));
  CHECK(!relaxed_match("nan", "5"));
  CHECK(!relaxed_match("", "5"));
}

TEST_CASE("containment: OCRBench") {
  CHECK(contains_answer("The word is\nCENTRE.", Answers{"centre"}));
  CHECK(contains_answer("net income", Answers{"x", "Net\nIncome"}));
  CHECK(!contains_answer("cent re", Answers{"centre"}));
  CHECK(contains_answer("x ^ 2 +\n1", Answers{"x^2+1"}, ContainmentRule::kFormula));
  CHECK(!contains_answer("X^2", Answers{"x^2"}, ContainmentRule::kFormula));
  CHECK_THROWS_AS(contains_answer("x", Answers{}), std::invalid_argument);
}

TEST_CASE("exact match and choices") {
  CHECK(exact_match(" New  York", Answers{"Boston", "new york"}));
  CHECK(!exact_match("new york.", Answers{"new york"}));
  CHECK(choice_match("(b)", "B"));
  CHECK(choice_match("A.", "A"));
  CHECK(!choice_match("", "A"));
  CHECK(!choice_match("the", "A"));
  CHECK(!choice_match("B. a cat", "B"));
  CHECK(choice_match("Two", "2"));
}

TEST_CASE("text likelihood: by hand") {
  const std::vector<double> halves(8, std::log(0.5));
  const TextLikelihood coins = text_likelihood(halves, 4);
  CHECK(coins.mean() == doctest::Approx(std::log(2.0)));
  CHECK(coins.perplexity() == doctest::Approx(2.0));
  CHECK(coins.bits_per_byte() == doctest::Approx(2.0));
  const std::vector<double> mixed = {std::log(0.5), std::log(0.125)};
  CHECK(text_likelihood(mixed, 2).perplexity() == doctest::Approx(4.0));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(std::isinf(text_likelihood(std::vector<double>{-infinity}, 1).perplexity()));
  CHECK_THROWS_AS(text_likelihood({}, 1), std::invalid_argument);
  CHECK_THROWS_AS(text_likelihood(halves, 0), std::invalid_argument);
  CHECK_THROWS_AS(text_likelihood(std::vector<double>{0.1}, 1), std::invalid_argument);
  CHECK_THROWS_AS(text_likelihood(std::vector<double>{std::nan("")}, 1), std::invalid_argument);
}

}  // namespace nvlm::eval
