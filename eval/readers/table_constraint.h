// Lets a model write nothing but rectangular Markdown tables.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/tensor.h"
#include "decoder/generation.h"
#include "decoder/tokenizer/tokenizer.h"
#include "eval/readers/table_grammar.h"

namespace nvlm::eval {

/// What a vocabulary can do to a table: prepared once per tokenizer.
class TableVocabulary {
 public:
  /// stop_tokens  tokens that end an answer; no other special token is allowed
  /// throws  std::runtime_error if a byte that every table needs is no token of its own: then an
  ///         answer could get stuck
  TableVocabulary(const decoder::Tokenizer& tokenizer, const std::vector<int64_t>& stop_tokens);

  /// The logits' penalty in this state: 0 for tokens that go on with a table or end it, -infinity
  /// for all others. Remembered per state.
  /// vocab    number of logits, at least the tokenizer's ids; ids beyond it are forbidden
  /// budget   tokens that may still come, this one included; only tokens that leave enough of it to
  ///          complete the table are allowed. At least bytes_to_end() of `state`
  /// returns  [vocab], float32; valid until the next call
  const Tensor& penalty(const TableGrammar& state, int64_t vocab, int64_t budget);

  /// The bytes of a token that may stand in a table; empty for special and stop tokens.
  const std::string& bytes(int64_t token) const;

 private:
  struct StateHash {
    size_t operator()(const TableGrammar& state) const { return state.hash(); }
  };

  Tensor make_penalty(const TableGrammar& state, int64_t vocab, int64_t budget) const;

  std::vector<std::string> bytes_;
  std::vector<int64_t> stop_tokens_;
  std::vector<int64_t> plain_;       // tokens that only add to a cell's text
  std::vector<int64_t> structural_;  // the few others: with pipes, line breaks, backslashes, dashes
  int64_t longest_structural_ = 0;   // bytes
  std::unordered_map<TableGrammar, Tensor, StateHash> penalties_;
  Tensor near_end_;  // the newest penalty that depends on the budget
};

/// Follows the answers of one call of generate().
class TableConstraint {
 public:
  /// max_new_tokens  as in the GenerationConfig; a table is complete within it
  /// throws  std::invalid_argument if that is too short for any table
  TableConstraint(TableVocabulary& vocabulary, int64_t batch, int64_t max_new_tokens);

  /// For generate(): the hook that masks, and what must hear of every chosen token. The constraint
  /// must outlive both.
  decoder::LogitsHook hook();
  void push(int64_t sample, int64_t token);

 private:
  TableVocabulary& vocabulary_;
  int64_t max_new_tokens_;
  std::vector<TableGrammar> states_;  // per sample
};

}  // namespace nvlm::eval
