// Replace steps of tokenizers, and that no chain of them can fill the memory.
#include "decoder/tokenizer/replacement.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace nvlm::decoder {
namespace {

TEST_CASE("replace_all: left to right, without overlap, never in what it wrote") {
  CHECK(replace_all("aaa", "aa", "b") == "ba");
  CHECK(replace_all("a b  c", " ", "\u2581") == "a\u2581b\u2581\u2581c");
  CHECK(replace_all("aa", "a", "aa") == "aaaa");
  CHECK(replace_all("abc", "x", "y") == "abc");
  CHECK(replace_all("", "a", "b").empty());
  CHECK(replace_all("xax", "x", "") == "a");
}

TEST_CASE("steps that may make a text more than 1000 times as long are refused") {
  TextGrowth growth;
  growth.add_replace(" ", std::string(10, ' '), "step 0");
  growth.add_replace("abc", "a", "step 1");  // shorter counts as no growth, not as room
  growth.add_replace(" ", std::string(100, ' '), "step 2");
  growth.add(1, "step 3");
  CHECK_THROWS_WITH_AS(growth.add_replace("a", "bb", "step 4"), doctest::Contains("step 4: "),
                       std::runtime_error);
}

}  // namespace
}  // namespace nvlm::decoder
