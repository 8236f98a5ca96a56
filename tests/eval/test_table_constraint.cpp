#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "common/random.h"
#include "decoder/sampling.h"
#include "decoder/tokenizer/bpe_trainer.h"
#include "decoder/tokenizer/tokenizer.h"
#include "eval/readers/table_constraint.h"
#include "eval/readers/table_grammar.h"
#include "eval/table/gfm_parser.h"
#include "tests/support/temp_dir.h"

namespace nvlm::eval {
namespace {

bool accepts(std::string_view text) {
  TableGrammar grammar;
  return grammar.push(text) && grammar.may_end();
}

decoder::Tokenizer table_tokenizer(const test::TempDir& folder) {
  decoder::BpeTrainerConfig config;
  config.vocab_size = 320;
  config.special_tokens = {"<|im_end|>", "<|other|>"};
  std::string table;
  for (int row = 0; row < 40; ++row) table += "| ab | 12 | --- | a\\|b || |\n|||\n|  ----\\\\ |\n";
  decoder::train_bpe({table}, config, folder / "tokenizer.json");
  return decoder::Tokenizer::from_file(folder / "tokenizer.json");
}

/// Answers of a "model" that likes every token equally well in the long run.
std::vector<std::string> random_answers(const decoder::Tokenizer& tokenizer, int64_t batch,
                                        int64_t max_new_tokens, uint64_t seed) {
  TableVocabulary vocabulary(tokenizer, {tokenizer.id("<|im_end|>")});
  TableConstraint constraint(vocabulary, batch, max_new_tokens);
  const decoder::LogitsHook hook = constraint.hook();
  decoder::SamplingConfig sampling;
  sampling.temperature = 1.5;
  sampling.seed = seed;
  at::manual_seed(seed);
  std::vector<Random> streams = decoder::sampling_streams(sampling, batch);
  std::vector<std::string> texts(static_cast<size_t>(batch));
  std::vector<int64_t> growing(static_cast<size_t>(batch));
  for (size_t i = 0; i < growing.size(); ++i) growing[i] = static_cast<int64_t>(i);
  for (int64_t step = 0; step < max_new_tokens && !growing.empty(); ++step) {
    Tensor logits =
        2 * at::randn({static_cast<int64_t>(growing.size()), tokenizer.vocab_size() + 3});
    hook(step, growing, logits);
    std::vector<Random> now;
    for (const int64_t sample : growing) now.push_back(streams[static_cast<size_t>(sample)]);
    const Tensor tokens = decoder::sample(logits, sampling, now);
    std::vector<int64_t> unfinished;
    for (size_t row = 0; row < growing.size(); ++row) {
      const int64_t sample = growing[row];
      const int64_t token = tokens[static_cast<int64_t>(row)].item<int64_t>();
      streams[static_cast<size_t>(sample)] = now[row];
      REQUIRE(std::isfinite(logits[static_cast<int64_t>(row)][token].item<float>()));
      constraint.push(sample, token);
      if (token == tokenizer.id("<|im_end|>")) continue;
      texts[static_cast<size_t>(sample)] += tokenizer.token_bytes(token);
      unfinished.push_back(sample);
    }
    growing = std::move(unfinished);
  }
  return texts;
}

}  // namespace

TEST_CASE("grammar: what is a rectangular table, and what is none") {
  CHECK(accepts("| a | b |\n| --- | --- |"));
  CHECK(accepts("| a | b |\n| --- | --- |\n| 1 | 2 |"));
  CHECK(accepts("|a|\n| --- |\n|1|\n"));
  CHECK(accepts("| a \\| b |\n| --- |\n| \\\\\\| |"));
  CHECK_FALSE(accepts(""));
  CHECK_FALSE(accepts("| a | b |"));
  CHECK_FALSE(accepts("| a | b |\n| --- |"));
  CHECK_FALSE(accepts("| a | b |\n| --- | --- |\n| 1 |"));
  CHECK_FALSE(accepts("| a | b |\n| --- | --- |\n| 1 | 2 | 3 |"));
  CHECK_FALSE(accepts("| a | b\n| --- | --- |"));
  CHECK_FALSE(accepts("a | b |\n| --- | --- |"));
  CHECK_FALSE(accepts("|\n|"));
  CHECK_FALSE(accepts("| a\r |\n| --- |"));
}

TEST_CASE("grammar: bytes_to_end is what the shortest completion takes") {
  const std::string text = "| a\\| | b |\n| --- | --- |\n| 1 | \\2 |\n|||";
  TableGrammar grammar;
  for (const char byte : text) {
    // Complete it greedily with whatever brings the end nearer.
    TableGrammar end = grammar;
    int64_t bytes = 0;
    while (end.bytes_to_end() > 0) {
      bool nearer = false;
      for (const char next : {'|', '\n', ' ', '-'}) {
        TableGrammar after = end;
        if (!after.push(next) || after.bytes_to_end() != end.bytes_to_end() - 1) continue;
        end = after;
        nearer = true;
        break;
      }
      REQUIRE(nearer);
      ++bytes;
    }
    CHECK(end.may_end());
    CHECK(bytes == grammar.bytes_to_end());
    REQUIRE(grammar.push(byte));
  }
}

TEST_CASE("constraint: 10,000 random answers at temperature 1.5 are rectangular tables") {
  const test::TempDir folder;
  const decoder::Tokenizer tokenizer = table_tokenizer(folder);
  int64_t ragged = 0, tables = 0, rows = 0, longest = 0;
  // Short budgets end within rows again and again; the shortest leaves no choice at all.
  for (const auto& [count, budget] : std::vector<std::pair<int64_t, int64_t>>{
           {500, 10}, {1500, 12}, {2000, 20}, {3000, 33}, {3000, 64}}) {
    for (const std::string& text :
         random_answers(tokenizer, count, budget, static_cast<uint64_t>(budget))) {
      const auto table = parse_gfm_table(text);
      CAPTURE(text);
      CHECK(table.has_value());
      if (!table) continue;
      ++tables;
      ragged += table->is_ragged() ? 1 : 0;
      rows += table->table.num_rows;
      longest = std::max(longest, table->table.num_columns);
    }
  }
  CHECK(tables == 10000);
  CHECK(ragged == 0);
  CHECK(rows > 12000);  // not only headers
  CHECK(longest >= 4);  // and not only narrow ones
}

TEST_CASE("constraint: a remembered penalty equals a new one") {
  const test::TempDir folder;
  const decoder::Tokenizer tokenizer = table_tokenizer(folder);
  const std::vector<int64_t> stops{tokenizer.id("<|im_end|>")};
  TableVocabulary vocabulary(tokenizer, stops);
  const int64_t vocab = tokenizer.vocab_size();
  TableGrammar grammar;
  for (const char byte : std::string("| a | b |\n| --- | --- |\n| 1 \\| 2 | 3 |\n")) {
    const Tensor first = vocabulary.penalty(grammar, vocab, 1000).clone();
    CHECK(first.equal(vocabulary.penalty(grammar, vocab, 900)));
    CHECK(first.equal(TableVocabulary(tokenizer, stops).penalty(grammar, vocab, 800)));
    for (int64_t token = 0; token < vocab; ++token) {  // against the definition
      TableGrammar next = grammar;
      const std::string& bytes = vocabulary.bytes(token);
      const bool fine = token == stops[0] ? grammar.may_end() : !bytes.empty() && next.push(bytes);
      CHECK((first[token].item<float>() == 0.0F) == fine);
    }
    REQUIRE(grammar.push(byte));
  }
}

TEST_CASE("constraint: impossible demands are refused") {
  const test::TempDir folder;
  const decoder::Tokenizer tokenizer = table_tokenizer(folder);
  TableVocabulary vocabulary(tokenizer, {tokenizer.id("<|im_end|>")});
  CHECK_THROWS_WITH_AS(TableConstraint(vocabulary, 1, 9), doctest::Contains("needs 10"),
                       std::invalid_argument);
}

}  // namespace nvlm::eval
