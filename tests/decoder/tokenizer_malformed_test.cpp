// Malformed and unsupported tokenizer files: one clear line that names file and field.
#include <algorithm>

#include "decoder/tokenizer/bpe_trainer.h"
#include "tests/decoder/tokenizer_support.h"

using nvlm::Json;
using nvlm::decoder::Tokenizer;
using nvlm::test::TempDir;

namespace {

/// A small valid file.
Json valid_file() {
  static const Json file = [] {
    const TempDir dir;
    nvlm::decoder::BpeTrainerConfig config;
    config.vocab_size = 300;
    config.special_tokens = {"<s>", "</s>"};
    nvlm::decoder::train_bpe(nvlm::test::training_texts(), config, dir / "tokenizer.json");
    return nvlm::read_json(dir / "tokenizer.json");
  }();
  return file;
}

void check_refused(const std::string& content, const std::string& expected) {
  CAPTURE(expected);
  const TempDir dir;
  nvlm::write_file_atomically(dir / "tokenizer.json", content);
  try {
    Tokenizer::from_file(dir / "tokenizer.json");
    FAIL_CHECK("not refused");
  } catch (const std::runtime_error& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find("tokenizer.json: ") != std::string::npos);
    CHECK(message.find(expected) != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
  }
}

/// The valid file with `value` at the JSON pointer.
void check_refused_with(const char* pointer, const Json& value, const std::string& expected) {
  Json file = valid_file();
  file[Json::json_pointer(pointer)] = value;
  check_refused(file.dump(), expected);
}

void check_refused_without(const char* parent, const char* key, const std::string& expected) {
  Json file = valid_file();
  file[Json::json_pointer(parent)].erase(key);
  check_refused(file.dump(), expected);
}

}  // namespace

TEST_CASE("tokenizer files that are no tokenizer") {
  CHECK_THROWS_AS(Tokenizer::from_file("/does/not/exist.json"), std::runtime_error);
  check_refused("", "not valid JSON");
  check_refused("{\"model\": ", "not valid JSON");
  check_refused("\xFF\xFE{}", "not valid JSON");
  check_refused("[1, 2]", "no JSON object");
  check_refused("{}", "'model' is missing");
  check_refused(valid_file().dump().substr(0, 1000), "not valid JSON");
}

TEST_CASE("tokenizer files with a broken model") {
  check_refused_without("", "model", "'model' is missing");
  check_refused_with("/model", 3, "'model' is no object");
  check_refused_with("/model/type", "Unigram", "model: 'type' is \"Unigram\", expected \"BPE\"");
  check_refused_with("/model/dropout", 0.1, "'dropout'");
  check_refused_with("/model/end_of_word_suffix", "</w>", "'end_of_word_suffix'");
  check_refused_with("/model/unk_token", "nope", "'nope' is not in model.vocab");
  check_refused_with("/model/ignore_merges", "yes", "'ignore_merges' is \"yes\"");
  check_refused_without("/model", "vocab", "model: 'vocab' is missing");
  check_refused_with("/model/vocab", Json::array({"a"}), "'vocab' is no object");
  check_refused_with("/model/vocab", Json::object(), "'vocab' is empty");
  check_refused_with("/model/vocab/a", 66, "have the same id 66");
  check_refused_with("/model/vocab/a", -1, "'a' has id -1");
  check_refused_with("/model/vocab/a", "one", "'a' is \"one\"");
  check_refused_with("/model/vocab/a", 1.5, "'a' is 1.5");
  check_refused_with("/model/vocab/a", 1e18, "'a' is");
  check_refused_without("/model/vocab", "a", "'a' is not in model.vocab");
}

TEST_CASE("tokenizer files with broken merges") {
  check_refused_without("/model", "merges", "model: 'merges' is missing");
  check_refused_with("/model/merges", "a b", "'merges' is no list");
  check_refused_with("/model/merges/3", "qzqz x", "model.merges[3]: 'qzqz' is not in model.vocab");
  check_refused_with("/model/merges/3", Json::array({"q", "z"}),
                     "model.merges[3]: 'qz' is not in model.vocab");
  check_refused_with("/model/merges/3", "abc", "model.merges[3]: 'abc', expected two tokens");
  check_refused_with("/model/merges/3", "a b c", "model.merges[3]: 'a b c', expected two tokens");
  check_refused_with("/model/merges/3", Json::array({"a"}), "model.merges[3]: expected");
  check_refused_with("/model/merges/3", 7, "model.merges[3]: expected");
}

TEST_CASE("tokenizer files with broken added tokens") {
  check_refused_with("/added_tokens", "x", "'added_tokens' is no list");
  check_refused_with("/added_tokens/1/id", 300 - 2, "added_tokens[1]: 'id' 298");
  check_refused_with("/added_tokens/1/id", 5, "gives this id to another token");
  check_refused_with("/added_tokens/1/id", -5, "added_tokens[1]: 'id' is -5");
  check_refused_with("/added_tokens/1/id", "x", "added_tokens[1]: 'id' is \"x\"");
  check_refused_with("/added_tokens/1/content", "<s>", "'<s>' is given twice");
  check_refused_with("/added_tokens/1/content", "", "'content' is empty");
  check_refused_with("/added_tokens/1/content", "a", "but model.vocab gives it 64");
  check_refused_with("/added_tokens/1/special", 1, "added_tokens[1]: 'special' is 1");
}

TEST_CASE("tokenizer files with unsupported or broken parts") {
  check_refused_with("/normalizer", {{"type", "BertNormalizer"}},
                     "normalizer: type 'BertNormalizer' is not supported");
  check_refused_with("/normalizer", {{"kind", "NFC"}}, "normalizer: 'type' is missing");
  check_refused_with("/pre_tokenizer/pretokenizers/0", {{"type", "Punctuation"}},
                     "pre_tokenizer.pretokenizers[0]: type 'Punctuation' is not supported");
  check_refused_with("/pre_tokenizer/pretokenizers", 1, "'pretokenizers' of a Sequence");
  check_refused_with("/pre_tokenizer/pretokenizers/0/pattern", {{"Regex", "(a"}},
                     "pretokenizers[0].pattern: cannot compile the pattern");
  check_refused_with("/pre_tokenizer/pretokenizers/0/pattern", "x", "pattern");
  check_refused_with("/pre_tokenizer/pretokenizers/0/behavior", "Sideways",
                     "'behavior' is 'Sideways'");
  check_refused_with("/decoder", nullptr, "'decoder' is missing");
  check_refused_with("/decoder", {{"type", "WordPiece"}}, "decoder: type 'WordPiece'");
  check_refused_with("/post_processor", {{"type", "BertProcessing"}},
                     "post_processor: type 'BertProcessing'");
  const Json template_part = Json::parse(R"({"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
      "special_tokens": {"<s>": {"ids": [4000]}}})");
  check_refused_with("/post_processor", template_part, "the id 4000, which no token has");
  Json without_text = template_part;
  without_text["single"].erase(1);
  check_refused_with("/post_processor", without_text, "the text does not stand in it");
  Json without_token = template_part;
  without_token["special_tokens"].clear();
  check_refused_with("/post_processor", without_token, "special_tokens: '<s>' is missing");
}

TEST_CASE("Sequences inside one another end somewhere") {
  Json nested = {{"type", "NFC"}};
  for (int i = 0; i < 200; ++i) {
    nested = Json{{"type", "Sequence"}, {"normalizers", Json::array({nested})}};
  }
  check_refused_with("/normalizer", nested, "Sequences inside one another");
}

TEST_CASE("added tokens that contain one another end in the longest") {
  Json file = valid_file();
  const int64_t first = 300;
  const auto add = [&](const char* content, int64_t id) {
    file["added_tokens"].push_back(
        {{"id", id}, {"content", content}, {"special", true}, {"normalized", false}});
  };
  add("<a>", first);
  add("<a><a>", first + 1);
  add("a><a", first + 2);
  const TempDir dir;
  nvlm::write_json(dir / "tokenizer.json", file);
  const Tokenizer tokenizer = Tokenizer::from_file(dir / "tokenizer.json");
  using Ids = std::vector<int64_t>;
  CHECK(tokenizer.encode("<a>") == Ids{first});
  CHECK(tokenizer.encode("<a><a>") == Ids{first + 1});
  CHECK(tokenizer.encode("<a><a><a>") == Ids{first + 1, first});
  CHECK(tokenizer.decode({first + 2, first + 1}, /*skip_special_tokens=*/false) == "a><a<a><a>");
}

TEST_CASE("a Replace whose result holds its own pattern ends") {
  Json file = valid_file();
  file["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
  const TempDir dir;
  nvlm::write_json(dir / "tokenizer.json", file);
  const Tokenizer tokenizer = Tokenizer::from_file(dir / "tokenizer.json");
  CHECK(tokenizer.decode(tokenizer.encode("banana")) == "baanaanaa");
}

TEST_CASE("a prompt that is not UTF-8 keeps its bytes, beside special tokens too") {
  const TempDir dir;
  nvlm::write_json(dir / "tokenizer.json", valid_file());
  const Tokenizer tokenizer = Tokenizer::from_file(dir / "tokenizer.json");
  const int64_t begin = tokenizer.id("<s>");
  for (const std::string bytes : {"\xFF", "\xC3", "\xE2\x82", "\xED\xA0\x80", "\xF8\x88\x80\x80"}) {
    std::string read;
    const std::vector<int64_t> ids = tokenizer.encode("<s>" + bytes + "<s>a" + bytes);
    for (const int64_t id : ids) {
      if (id != begin) read += tokenizer.token_bytes(id);
    }
    CHECK(read == bytes + "a" + bytes);
    CHECK(std::count(ids.begin(), ids.end(), begin) == 2);
  }
}

TEST_CASE("a byte without a token is an error when it is met") {
  Json file = valid_file();
  file["model"]["merges"] = Json::array();
  file["model"]["vocab"].erase("q");
  const TempDir dir;
  nvlm::write_json(dir / "tokenizer.json", file);
  const Tokenizer tokenizer = Tokenizer::from_file(dir / "tokenizer.json");
  CHECK(tokenizer.decode(tokenizer.encode("abc")) == "abc");
  CHECK_THROWS_WITH_AS(tokenizer.encode("abq"), doctest::Contains("no token for <0x71>"),
                       std::runtime_error);
}
