// Parity with the tokenizers library on whole files, string by string.
#include "tests/decoder/tokenizer_support.h"

using nvlm::Json;
using nvlm::decoder::Tokenizer;
using nvlm::test::golden;
using nvlm::test::json_lines;
using Ids = std::vector<int64_t>;

namespace {

void check_encodings(const Tokenizer& tokenizer, const std::string& name) {
  const auto rows = json_lines(golden(name) / "cases.jsonl");
  CHECK(rows.size() == 200);
  for (const Json& row : rows) {
    CAPTURE(row["id"]);
    const auto text = row["text"].get<std::string>();
    const auto ids = row["ids"].get<Ids>(), plain = row["ids_no_special"].get<Ids>();
    CHECK(tokenizer.encode(text, true) == ids);
    CHECK(tokenizer.encode(text) == plain);
    CHECK(tokenizer.decode(plain, false) == row["decoded"].get<std::string>());
    CHECK(tokenizer.decode(ids, true) == row["decoded_skip_special"].get<std::string>());
    const auto as_text = row.value("ids_special_as_text", plain);
    CHECK(tokenizer.encode_as_text(text) == as_text);
  }
}

void check_decodings(const Tokenizer& tokenizer, const std::string& name) {
  const auto rows = json_lines(golden(name) / "decode_only.jsonl");
  CHECK(rows.size() == 60);
  for (const Json& row : rows) {
    const auto ids = row["ids"].get<Ids>();
    CAPTURE(row["ids"].dump());
    CHECK(tokenizer.decode(ids, false) == row["decoded"].get<std::string>());
    CHECK(tokenizer.decode(ids, true) == row["decoded_skip_special"].get<std::string>());
  }
}

void check_chats(const Tokenizer& tokenizer, const std::string& name) {
  const auto rows = json_lines(golden(name) / "chat.jsonl");
  CHECK(!rows.empty());
  for (const Json& row : rows) {
    CHECK(tokenizer.encode(row["text"].get<std::string>()) == row["ids"].get<Ids>());
  }
}

void check_golden(const std::string& name) {
  const Tokenizer tokenizer = nvlm::test::golden_tokenizer(name);
  const Json about = nvlm::read_json(golden(name) / "case.json");
  CHECK(tokenizer.vocab_size() == about["vocab_size"].get<int64_t>());
  check_encodings(tokenizer, name);
  check_decodings(tokenizer, name);
  if (about["rows"].contains("chat.jsonl")) check_chats(tokenizer, name);
}

}  // namespace

TEST_CASE("tokenizer parity: Llama 3") { check_golden("11a_tokenizer_llama3"); }
TEST_CASE("tokenizer parity: Qwen2") { check_golden("11b_tokenizer_qwen2"); }
TEST_CASE("tokenizer parity: Llama 2") { check_golden("11c_tokenizer_llama2"); }
TEST_CASE("tokenizer parity: GPT-2") { check_golden("11d_tokenizer_gpt2"); }

TEST_CASE("both spellings of merges give the same tokenizer") {
  const Tokenizer strings = nvlm::test::golden_tokenizer("11b_tokenizer_qwen2");
  const Tokenizer pairs =
      Tokenizer::from_file(golden("11b_tokenizer_qwen2") / "tokenizer.pairs.json");
  for (const Json& row : json_lines(golden("11b_tokenizer_qwen2") / "cases.jsonl")) {
    const auto text = row["text"].get<std::string>();
    CHECK(pairs.encode(text) == strings.encode(text));
  }
}

TEST_CASE("names, ids and special tokens of Llama 3") {
  Tokenizer tokenizer = nvlm::test::golden_tokenizer("11a_tokenizer_llama3");
  const int64_t bos = tokenizer.id("<|begin_of_text|>");
  CHECK(bos == 2019);
  CHECK(tokenizer.is_special(bos));
  CHECK(tokenizer.token_bytes(bos) == "<|begin_of_text|>");
  CHECK(tokenizer.find("<|begin_of_text|>") == bos);
  CHECK_FALSE(tokenizer.find("no such token").has_value());
  CHECK_THROWS_WITH_AS(tokenizer.id("no such token"), doctest::Contains("'no such token'"),
                       std::out_of_range);
  CHECK_THROWS_AS(tokenizer.token_bytes(-1), std::out_of_range);
  CHECK_THROWS_AS(tokenizer.token_bytes(2275), std::out_of_range);
  const int64_t the = tokenizer.id("Ġthe");
  CHECK(tokenizer.token_bytes(the) == " the");
  CHECK_FALSE(tokenizer.is_special(the));
  CHECK_FALSE(tokenizer.is_special(99999));
  CHECK(tokenizer.decode({the, 99999, the}) == " the the");  // padded vocabularies decode

  Tokenizer moved = std::move(tokenizer);
  CHECK(moved.encode(" the") == Ids{the});
}
