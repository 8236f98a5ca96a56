// New special tokens: their ids, and the rows of the embedding behind them.
#include "decoder/extended_vocabulary.h"

#include <fstream>

#include "common/json.h"
#include "common/safetensors.h"
#include "common/weight_store.h"
#include "decoder/tokenizer/special_token_extension.h"
#include "decoder/tokenizer/tokenizer.h"
#include "tests/decoder/llama_support.h"
#include "tests/support/temp_dir.h"

namespace nvlm::test {
namespace {

using decoder::ExtendedTokenizer;
using decoder::Tokenizer;
using decoder::VocabularyExtension;
using decoder::with_new_rows;
using decoder::with_special_tokens;

const std::vector<std::string> kTags = {"<|im_start|>", "<Image>", "<tile_1>", "<tile_12>"};

std::filesystem::path tokenizer_json(const std::string& name) {
  return golden(name) / "tokenizer.json";
}

ExtendedTokenizer extend(const std::string& name, int64_t vocab) {
  return with_special_tokens(read_json(tokenizer_json(name)), kTags, vocab, "tokenizer.json");
}

/// Each of kTags is one special token in a text, and other text is cut as before.
void check_tokens(const ExtendedTokenizer& extended, const std::string& name) {
  const TempDir dir;
  write_json(dir / "tokenizer.json", extended.json);
  const auto before = Tokenizer::from_file(tokenizer_json(name));
  const auto after = Tokenizer::from_file(dir / "tokenizer.json");
  for (const std::string& tag : kTags) {
    CAPTURE(tag);
    const int64_t id = after.id(tag);
    CHECK(id < extended.vocab);
    CHECK(after.encode(tag) == std::vector<int64_t>{id});
    CHECK(after.encode(tag + tag) == std::vector<int64_t>{id, id});
    CHECK(after.is_special(id));
    CHECK(after.decode({id}).empty());
    CHECK(after.encode_as_text(tag).size() > 1);
  }
  std::ifstream cases(golden(name) / "cases.jsonl");
  int count = 0;
  for (std::string line; std::getline(cases, line) && count < 60; ++count) {
    CAPTURE(line);
    CHECK(after.encode(line) == before.encode(line));
  }
  CHECK(count > 20);
}

}  // namespace

TEST_CASE("new tokens take the rows behind the tokenizer's last id first, then grow") {
  // 1,955 ids; <|im_start|> is there already.
  const ExtendedTokenizer spare = extend("11b_tokenizer_qwen2", 1960);
  CHECK(spare.new_ids == std::vector<int64_t>{1955, 1956, 1957});
  CHECK(spare.vocab == 1960);
  check_tokens(spare, "11b_tokenizer_qwen2");
  const ExtendedTokenizer grown = extend("11b_tokenizer_qwen2", 1956);
  CHECK(grown.new_ids == std::vector<int64_t>{1955, 1956, 1957});
  CHECK(grown.vocab == 1958);
  const ExtendedTokenizer llama2 = extend("11c_tokenizer_llama2", 2043);
  CHECK(llama2.vocab == 2047);
  check_tokens(llama2, "11c_tokenizer_llama2");
}

TEST_CASE("Llama 3's reserved names are taken from the last one down before anything grows") {
  const ExtendedTokenizer extended = extend("11a_tokenizer_llama3", 2275);
  CHECK(extended.new_ids == std::vector<int64_t>{2274, 2273, 2272, 2271});
  CHECK(extended.vocab == 2275);
  check_tokens(extended, "11a_tokenizer_llama3");
  const Json& entries = extended.json["added_tokens"];
  for (size_t i = 1; i < entries.size(); ++i) CHECK(entries[i]["id"] > entries[i - 1]["id"]);
  CHECK(entries.size() == 256);
}

TEST_CASE("a second extension with the same tokens changes nothing") {
  const ExtendedTokenizer once = extend("11a_tokenizer_llama3", 2275);
  const ExtendedTokenizer twice = with_special_tokens(once.json, kTags, 2275, "tokenizer.json");
  CHECK(twice.json == once.json);
  CHECK(twice.new_ids.empty());
}

TEST_CASE("a name that the vocabulary has keeps its id and becomes one token") {
  Json json = read_json(tokenizer_json("11d_tokenizer_gpt2"));
  json["model"]["vocab"]["<tile_1>"] = 1508;
  const ExtendedTokenizer extended = with_special_tokens(json, kTags, 1509, "tokenizer.json");
  CHECK(extended.new_ids == std::vector<int64_t>{1509, 1510, 1511});
  const TempDir dir;
  write_json(dir / "tokenizer.json", extended.json);
  CHECK(Tokenizer::from_file(dir / "tokenizer.json").encode("<tile_1>") ==
        std::vector<int64_t>{1508});
}

TEST_CASE("a tokenizer of another decoder and a malformed one are refused") {
  CHECK_THROWS_WITH(extend("11b_tokenizer_qwen2", 1954),
                    doctest::Contains("the largest id is 1954, expected less than the decoder's "
                                      "vocab_size 1954"));
  CHECK_THROWS_WITH(with_special_tokens(Json::object(), kTags, 9, "t.json"),
                    doctest::Contains("t.json: 'model' is missing"));
  Json twice = read_json(tokenizer_json("11d_tokenizer_gpt2"));
  twice["added_tokens"].push_back(twice["added_tokens"][0]);
  CHECK_THROWS_WITH(with_special_tokens(twice, kTags, 2000, "t.json"),
                    doctest::Contains("is given twice"));
}

TEST_CASE("new rows are the mean of the kept ones and a little noise; kept rows keep their bits") {
  const Tensor rows = at::tensor({1.0, 10.0, 3.0, 10.0, 1000.0, -1000.0}, at::kFloat).view({3, 2});
  // Row 2 is redrawn, row 3 is grown: mean [2, 10], deviation [1, 0].
  const VocabularyExtension extension{3, 4, {2, 3}, 5};
  const Tensor result = with_new_rows(rows, extension, 0);
  CHECK(result.size(0) == 4);
  CHECK(at::equal(result.narrow(0, 0, 2), rows.narrow(0, 0, 2)));
  for (const int64_t id : {2, 3}) {
    CHECK(result[id][0].item<double>() == doctest::Approx(2).epsilon(0.2));
    CHECK(result[id][0].item<double>() != 2);
    CHECK(result[id][1].item<double>() == 10);  // a channel without deviation gets no noise
  }
  CHECK_FALSE(at::equal(result[2], result[3]));
  CHECK(at::equal(result, with_new_rows(rows, extension, 0)));
  CHECK_FALSE(at::equal(result, with_new_rows(rows, extension, 1)));
  CHECK_FALSE(at::equal(result, with_new_rows(rows, {3, 4, {2, 3}, 6}, 0)));
  // The noise of a row does not depend on the other new rows: only the mean does.
  const Tensor more =
      with_new_rows(at::cat({rows.narrow(0, 0, 2), rows.narrow(0, 0, 2)}), {4, 4, {3}, 5}, 0);
  CHECK(with_new_rows(rows, {3, 4, {3, 2}, 5}, 0).equal(result));
  CHECK(more[3][0].item<double>() == doctest::Approx(2).epsilon(0.2));
}

TEST_CASE("the noise of new rows has a tenth of the deviation") {
  at::manual_seed(4);
  const Tensor rows = at::randn({50, 4000}) * 3 + 7;
  const Tensor row = with_new_rows(rows, {50, 51, {50}, 1}, 0)[50];
  const Tensor noise = (row - rows.mean(0)) / rows.std(0, false);
  CHECK(noise.mean().item<double>() == doctest::Approx(0).epsilon(0.01));
  CHECK(noise.std().item<double>() == doctest::Approx(0.1).epsilon(0.05));
}

TEST_CASE("extensions that leave a row undefined are refused") {
  const Tensor rows = at::ones({3, 2});
  for (const VocabularyExtension& wrong :
       {VocabularyExtension{3, 5, {3}, 0}, VocabularyExtension{2, 3, {2}, 0},
        VocabularyExtension{3, 3, {0, 1, 2}, 0}}) {
    CHECK_THROWS_AS(with_new_rows(rows, wrong, 0), std::invalid_argument);
  }
}

TEST_CASE("the view extends embedding and head alone, and shows the shapes that loading expects") {
  const TempDir dir;
  const std::map<std::string, Tensor> tensors = {
      {"p.model.embed_tokens.weight", at::rand({3, 2}, at::kBFloat16)},
      {"p.lm_head.weight", at::rand({3, 2})},
      {"p.model.norm.weight", at::rand({2})},
      {"model.embed_tokens.weight", at::rand({3, 2})}};
  write_safetensors(dir / "model.safetensors", tensors);
  const WeightStore stored = WeightStore::open(dir.path());
  const decoder::ExtendedVocabulary view(stored, {3, 5, {3, 4}, 0}, "p.");
  CHECK(view.names() == stored.names());
  for (const std::string& name : view.names()) {
    CAPTURE(name);
    const bool is_extended = name == "p.model.embed_tokens.weight" || name == "p.lm_head.weight";
    const Tensor tensor = view.tensor(name);
    CHECK(tensor.sizes() == at::IntArrayRef(view.entry(name).shape));
    CHECK((tensor.scalar_type() == tensors.at(name).scalar_type()));
    CHECK(tensor.size(0) == tensors.at(name).size(0) + (is_extended ? 2 : 0));
    CHECK(at::equal(tensor.narrow(0, 0, tensors.at(name).size(0)), tensors.at(name)));
  }
}

}  // namespace nvlm::test
