#include "eval/readers/table_constraint.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace nvlm::eval {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();
/// Bytes that complete any table, each of which must be a token of its own.
constexpr std::string_view kNeededBytes = "| -\n";
/// A pipe in the header asks for one more delimiter cell: no byte adds more to what is to come.
constexpr int64_t kMostBytesOwedPerByte = 7;
/// More are not remembered: a large vocabulary takes half a megabyte for each.
constexpr size_t kMostPenalties = 256;

/// Only these can change more than the text of a cell.
bool is_structural(std::string_view bytes) {
  return bytes.find_first_of("|\\\r\n") != std::string_view::npos ||
         bytes.find_first_not_of(" -") == std::string_view::npos;
}

}  // namespace

TableVocabulary::TableVocabulary(const decoder::Tokenizer& tokenizer,
                                 const std::vector<int64_t>& stop_tokens)
    : bytes_(static_cast<size_t>(tokenizer.vocab_size())), stop_tokens_(stop_tokens) {
  std::string needed(kNeededBytes);
  for (int64_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const bool stops = std::count(stop_tokens.begin(), stop_tokens.end(), id) > 0;
    if (stops || tokenizer.is_special(id)) continue;
    std::string bytes;
    try {
      bytes = tokenizer.token_bytes(id);
    } catch (const std::out_of_range&) {
      continue;  // a hole in the vocabulary
    }
    if (bytes.empty()) continue;
    if (bytes.size() == 1) std::erase(needed, bytes.front());
    if (is_structural(bytes)) {
      structural_.push_back(id);
      longest_structural_ = std::max(longest_structural_, static_cast<int64_t>(bytes.size()));
    } else {
      plain_.push_back(id);
    }
    bytes_[static_cast<size_t>(id)] = std::move(bytes);
  }
  if (!needed.empty()) {
    throw std::runtime_error("structure: the tokenizer has no token for the byte " +
                             std::to_string(static_cast<unsigned char>(needed.front())) +
                             ", which a rectangular table needs; read with --structure free");
  }
}

const std::string& TableVocabulary::bytes(int64_t token) const {
  static const std::string kNothing;
  const auto at = static_cast<size_t>(token);
  return token >= 0 && at < bytes_.size() ? bytes_[at] : kNothing;
}

const Tensor& TableVocabulary::penalty(const TableGrammar& state, int64_t vocab, int64_t budget) {
  const int64_t enough = state.bytes_to_end() + 1 + kMostBytesOwedPerByte * longest_structural_;
  if (budget < enough) {
    near_end_ = make_penalty(state, vocab, budget);
    return near_end_;
  }
  if (penalties_.size() >= kMostPenalties && !penalties_.contains(state)) penalties_.clear();
  Tensor& known = penalties_[state];
  if (!known.defined() || known.size(0) != vocab) known = make_penalty(state, vocab, budget);
  return known;
}

Tensor TableVocabulary::make_penalty(const TableGrammar& state, int64_t vocab,
                                     int64_t budget) const {
  Tensor penalty = at::full({vocab}, kForbidden, at::kFloat);
  float* values = penalty.mutable_data_ptr<float>();
  const auto allow = [&](int64_t token) {
    if (token < vocab) values[token] = 0.0F;
  };
  if (state.may_end()) {
    for (const int64_t token : stop_tokens_) allow(token);
  }
  // The text of a cell changes nothing but an open backslash, so one letter stands for all.
  TableGrammar with_text = state;
  if (state.in_cell() && with_text.push('x') && with_text.bytes_to_end() < budget) {
    for (const int64_t token : plain_) allow(token);
  }
  for (const int64_t token : structural_) {
    TableGrammar next = state;
    if (next.push(bytes(token)) && next.bytes_to_end() < budget) allow(token);
  }
  return penalty;
}

TableConstraint::TableConstraint(TableVocabulary& vocabulary, int64_t batch, int64_t max_new_tokens)
    : vocabulary_(vocabulary),
      max_new_tokens_(max_new_tokens),
      states_(static_cast<size_t>(batch)) {
  const int64_t least = TableGrammar().bytes_to_end();
  if (max_new_tokens < least) {
    throw std::invalid_argument("structure: at most " + std::to_string(max_new_tokens) +
                                " new tokens, a rectangular table needs " + std::to_string(least));
  }
}

decoder::LogitsHook TableConstraint::hook() {
  return [this](int64_t step, const std::vector<int64_t>& samples, Tensor& logits) {
    const int64_t budget = max_new_tokens_ - step;
    for (size_t row = 0; row < samples.size(); ++row) {
      const TableGrammar& state = states_[static_cast<size_t>(samples[row])];
      const Tensor& penalty = vocabulary_.penalty(state, logits.size(1), budget);
      logits[static_cast<int64_t>(row)].add_(penalty.to(logits.device()));
    }
  };
}

void TableConstraint::push(int64_t sample, int64_t token) {
  states_[static_cast<size_t>(sample)].push(vocabulary_.bytes(token));
}

}  // namespace nvlm::eval
