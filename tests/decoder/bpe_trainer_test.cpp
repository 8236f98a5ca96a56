#include "decoder/tokenizer/bpe_trainer.h"

#include "tests/decoder/tokenizer_support.h"

using nvlm::Json;
using nvlm::Random;
using nvlm::decoder::BpeTrainerConfig;
using nvlm::decoder::Tokenizer;
using nvlm::decoder::train_bpe;
using nvlm::test::TempDir;

namespace {

BpeTrainerConfig small_config() {
  BpeTrainerConfig config;
  config.vocab_size = 290;
  config.special_tokens = {"<|begin|>", "<|end|>", "<image>"};
  return config;
}

Tokenizer train(const std::vector<std::string>& texts, const BpeTrainerConfig& config) {
  const TempDir dir;
  train_bpe(texts, config, dir / "tokenizer.json");
  CHECK(dir.num_entries() == 1);
  return Tokenizer::from_file(dir / "tokenizer.json");
}

std::string trained_file(const std::vector<std::string>& texts, const BpeTrainerConfig& config) {
  const TempDir dir;
  train_bpe(texts, config, dir / "tokenizer.json");
  return nvlm::read_text_file(dir / "tokenizer.json");
}

/// The merges that the definition gives: count all pairs anew after each merge.
std::vector<std::string> merges_by_definition(std::vector<std::vector<std::string>> words,
                                              const std::map<std::string, int>& ids, size_t count) {
  std::map<std::string, int> id_of = ids;
  std::vector<std::string> merges;
  while (merges.size() < count) {
    std::map<std::pair<int, int>, int> counts;
    std::map<int, std::string> names;
    for (const auto& [name, id] : id_of) names[id] = name;
    for (const auto& word : words) {
      for (size_t i = 0; i + 1 < word.size(); ++i) ++counts[{id_of[word[i]], id_of[word[i + 1]]}];
    }
    std::pair<int, int> best;
    int best_count = 1;
    for (const auto& [pair, n] : counts) {
      if (n > best_count) best = pair, best_count = n;  // in order: ties keep the smaller pair
    }
    if (best_count < 2) break;
    const std::string left = names[best.first], right = names[best.second];
    merges.push_back(left + " " + right);
    id_of.try_emplace(left + right, static_cast<int>(id_of.size()));
    for (auto& word : words) {
      for (size_t i = 0; i + 1 < word.size(); ++i) {
        if (word[i] != left || word[i + 1] != right) continue;
        word[i] += right;
        word.erase(word.begin() + static_cast<int64_t>(i) + 1);
      }
    }
  }
  return merges;
}

}  // namespace

TEST_CASE("a trained tokenizer gives back any text and any bytes") {
  const Tokenizer tokenizer = train(nvlm::test::training_texts(), small_config());
  CHECK(tokenizer.vocab_size() == 290);
  for (const std::string& text : nvlm::test::training_texts()) {
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
    CHECK(tokenizer.encode(text).size() < text.size());
  }
  for (uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const std::string text = nvlm::test::random_utf8(random, 100);
    const std::string bytes = nvlm::test::random_bytes(random, 100);
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
    CHECK(nvlm::test::joined_bytes(tokenizer, tokenizer.encode(bytes)) == bytes);
  }
}

TEST_CASE("special tokens take the last ids, in order, and are never learned as text") {
  auto texts = nvlm::test::training_texts();
  texts.insert(texts.end(), 50, "<image> a table <|end|>");
  const Tokenizer tokenizer = train(texts, small_config());
  CHECK(tokenizer.id("<|begin|>") == 287);
  CHECK(tokenizer.id("<|end|>") == 288);
  CHECK(tokenizer.id("<image>") == 289);
  for (int64_t id = 0; id < 290; ++id) CHECK(tokenizer.is_special(id) == (id >= 287));
  const auto ids = tokenizer.encode("<image>the<|end|>");
  CHECK(ids.front() == 289);
  CHECK(ids.back() == 288);
  CHECK(tokenizer.decode(ids) == "the");
  CHECK(tokenizer.decode(ids, false) == "<image>the<|end|>");
  CHECK(tokenizer.encode_as_text("<image>").size() > 1);
  CHECK(tokenizer.encode("a", true) == tokenizer.encode("a"));  // no template
}

TEST_CASE("training is deterministic and does not depend on the order of texts") {
  auto texts = nvlm::test::training_texts();
  const std::string once = trained_file(texts, small_config());
  CHECK(trained_file(texts, small_config()) == once);
  std::reverse(texts.begin(), texts.end());
  CHECK(trained_file(texts, small_config()) == once);
}

TEST_CASE("training equals its definition") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    std::vector<std::string> texts;
    std::vector<std::vector<std::string>> words;
    for (int64_t n = random.integer(1, 30); n > 0; --n) {
      std::string word;
      std::vector<std::string> letters;
      for (int64_t k = random.integer(1, 12); k > 0; --k) {
        word.push_back(static_cast<char>(random.integer('a', 'c')));
        letters.emplace_back(1, word.back());
      }
      texts.push_back(word);
      words.push_back(letters);
    }
    BpeTrainerConfig config;
    config.vocab_size = 256 + 25;
    const Json file = Json::parse(trained_file(texts, config));
    const auto merges = file["model"]["merges"].get<std::vector<std::string>>();
    std::map<std::string, int> bytes;
    for (const auto& [name, id] : file["model"]["vocab"].items()) {
      if (id < 256) bytes[name] = id;
    }
    CHECK(merges == merges_by_definition(words, bytes, merges.size()));
    const size_t learned = file["model"]["vocab"].size() - 256;
    CHECK(learned <= 25);
    if (learned < 25) {  // then nothing was left to merge
      CHECK(merges.size() == merges_by_definition(words, bytes, merges.size() + 1).size());
    }
  }
}

TEST_CASE("the written file is complete and uses the pattern given") {
  BpeTrainerConfig config = small_config();
  config.pattern = R"(\p{L}+|\d|.)";
  const Json file = Json::parse(trained_file({"aa 11 aa 11 aa 11"}, config));
  CHECK(file["version"] == "1.0");
  CHECK(file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] == config.pattern);
  CHECK(file["pre_tokenizer"]["pretokenizers"][1]["use_regex"] == false);
  CHECK(file["decoder"]["type"] == "ByteLevel");
  CHECK(file["model"]["merges"] == Json::array({"a a"}));  // "11" is two words
  CHECK(file["added_tokens"].size() == 3);
  CHECK(file["added_tokens"][0]["id"] == 257);  // too little text for 290: ids stay dense
}

TEST_CASE("without text the vocabulary is the bytes") {
  BpeTrainerConfig config;
  config.vocab_size = 256;
  const Tokenizer tokenizer = train({}, config);
  CHECK(tokenizer.vocab_size() == 256);
  CHECK(tokenizer.decode(tokenizer.encode("h\u00E9llo")) == "h\u00E9llo");
}

TEST_CASE("impossible training configurations are refused and write nothing") {
  const auto check_refused = [](auto change, const char* expected) {
    const TempDir dir;
    BpeTrainerConfig config = small_config();
    change(config);
    CHECK_THROWS_WITH(train_bpe({"some text"}, config, dir / "t.json"),
                      doctest::Contains(expected));
    CHECK(dir.num_entries() == 0);
  };
  check_refused([](auto& c) { c.vocab_size = 258; }, "vocab_size is 258, expected at least 259");
  check_refused([](auto& c) { c.min_pair_count = 0; }, "min_pair_count is 0");
  check_refused([](auto& c) { c.special_tokens = {"<a>", "<a>"}; }, "'<a>' is given twice");
  check_refused([](auto& c) { c.special_tokens = {""}; }, "is empty");
  check_refused([](auto& c) { c.special_tokens = {"\xFF"}; }, "not valid UTF-8");
  check_refused([](auto& c) { c.special_tokens = {"a"}; }, "name of an ordinary token");
  check_refused([](auto& c) { c.pattern = "(unclosed"; }, "cannot compile the pattern");
}
