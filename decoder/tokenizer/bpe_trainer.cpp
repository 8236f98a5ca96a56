#include "decoder/tokenizer/bpe_trainer.h"

#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "common/atomic_file.h"
#include "decoder/tokenizer/added_tokens.h"
#include "decoder/tokenizer/byte_level_alphabet.h"
#include "decoder/tokenizer/pair_counts.h"
#include "decoder/tokenizer/pre_tokenizer.h"
#include "decoder/tokenizer/utf8.h"
#include "decoder/tokenizer/vocabulary.h"

namespace nvlm::decoder {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr int64_t kNumBytes = 256;

/// What training finds: names in the byte-level alphabet, in the order of their ids.
struct TrainedBpe {
  std::vector<std::string> names;
  StringMap<int32_t> ids;
  std::vector<std::pair<std::string, std::string>> merges;

  /// The id of a name, which becomes the next one if it is new.
  int32_t intern(const std::string& name) {
    const auto [entry, is_new] = ids.try_emplace(name, static_cast<int32_t>(names.size()));
    if (is_new) names.push_back(name);
    return entry->second;
  }
};

void validate_trainer_config(const BpeTrainerConfig& config) {
  const auto num_special = static_cast<int64_t>(config.special_tokens.size());
  if (config.vocab_size < kNumBytes + num_special) {
    throw std::invalid_argument("train_bpe: vocab_size is " + std::to_string(config.vocab_size) +
                                ", expected at least " + std::to_string(kNumBytes + num_special) +
                                " (256 bytes and " + std::to_string(num_special) +
                                " special tokens)");
  }
  if (config.min_pair_count < 1) {
    throw std::invalid_argument("train_bpe: min_pair_count is " +
                                std::to_string(config.min_pair_count) + ", expected 1 or more");
  }
  std::unordered_set<std::string_view> seen;
  for (const std::string& token : config.special_tokens) {
    if (valid_utf8_length(token) != token.size()) {
      throw std::invalid_argument("train_bpe: a special token is not valid UTF-8");
    }
    if (token.empty() || !seen.insert(token).second) {
      throw std::invalid_argument("train_bpe: special token '" + token +
                                  (token.empty() ? "' is empty" : "' is given twice"));
    }
  }
}

/// How often each word occurs. Special tokens in the texts are left out, as no merge may cross or
/// rebuild them.
StringMap<int64_t> count_words(const std::vector<std::string>& texts,
                               const std::vector<std::string>& special_tokens,
                               const PreTokenizer& pre_tokenizer) {
  AddedTokenFinder finder;
  for (const std::string& content : special_tokens) {
    AddedToken token;
    token.content = content;
    finder.add(token, content);
  }
  StringMap<int64_t> counts;
  const std::function<void(std::string_view)> count = [&](std::string_view word) {
    const auto entry = counts.find(word);
    if (entry != counts.end()) {
      ++entry->second;
    } else {
      counts.emplace(word, 1);
    }
  };
  for (const std::string& text : texts) {
    finder.split(
        text, /*special_as_text=*/false,
        [&](std::string_view stretch) { pre_tokenizer.split(stretch, count); }, [](int32_t) {});
  }
  return counts;
}

TrainedBpe learn_merges(const StringMap<int64_t>& words, const BpeTrainerConfig& config) {
  TrainedBpe bpe;
  std::vector<int32_t> id_of_byte(kNumBytes);
  for (const uint8_t byte : byte_level_order()) {
    const char value = static_cast<char>(byte);
    id_of_byte[byte] = bpe.intern(to_byte_level(std::string_view(&value, 1)));
  }
  PairCounts pairs;
  for (const auto& [word, frequency] : words) {
    std::vector<int32_t> symbols;
    for (const char byte : word) symbols.push_back(id_of_byte[static_cast<unsigned char>(byte)]);
    pairs.add_word(std::move(symbols), frequency);
  }
  const size_t num_learned = static_cast<size_t>(config.vocab_size) - config.special_tokens.size();
  while (bpe.names.size() < num_learned) {
    const auto pair = pairs.best(config.min_pair_count);
    if (!pair) break;
    const std::string left = bpe.names[static_cast<size_t>(pair->left)];
    const std::string right = bpe.names[static_cast<size_t>(pair->right)];
    bpe.merges.emplace_back(left, right);
    // Two merges may spell the same token ("a bc" and "ab c"); it keeps its first id.
    pairs.merge(*pair, bpe.intern(left + right));
  }
  return bpe;
}

OrderedJson special_token_entries(const TrainedBpe& bpe, const BpeTrainerConfig& config) {
  OrderedJson entries = OrderedJson::array();
  for (const std::string& content : config.special_tokens) {
    if (bpe.ids.contains(content)) {
      throw std::invalid_argument("train_bpe: special token '" + content +
                                  "' has the name of an ordinary token");
    }
    entries.push_back({{"id", bpe.names.size() + entries.size()},
                       {"content", content},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", true}});
  }
  return entries;
}

OrderedJson model_entry(const TrainedBpe& bpe) {
  OrderedJson::object_t vocab;
  for (size_t id = 0; id < bpe.names.size(); ++id) {
    vocab.emplace_back(bpe.names[id], id);  // emplace() would search all earlier names
  }
  OrderedJson merges = OrderedJson::array();
  for (const auto& [left, right] : bpe.merges) merges.push_back(left + " " + right);
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false},
          {"vocab", std::move(vocab)},
          {"merges", std::move(merges)}};
}

OrderedJson tokenizer_entry(const TrainedBpe& bpe, const BpeTrainerConfig& config,
                            const std::string& pattern) {
  const auto byte_level = [] {
    return OrderedJson{{"type", "ByteLevel"},
                       {"add_prefix_space", false},
                       {"trim_offsets", true},
                       {"use_regex", false}};
  };
  const OrderedJson split = {{"type", "Split"},
                             {"pattern", {{"Regex", pattern}}},
                             {"behavior", "Isolated"},
                             {"invert", false}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", special_token_entries(bpe, config)},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "Sequence"}, {"pretokenizers", OrderedJson::array({split, byte_level()})}}},
          {"post_processor", nullptr},
          {"decoder", byte_level()},
          {"model", model_entry(bpe)}};
}

}  // namespace

void train_bpe(const std::vector<std::string>& texts, const BpeTrainerConfig& config,
               const std::filesystem::path& tokenizer_json) {
  validate_trainer_config(config);
  const std::string pattern = config.pattern.empty() ? kLlama3Pattern : config.pattern;
  const auto pre_tokenizer = PreTokenizer::from_pattern(pattern, "train_bpe: pattern");
  const TrainedBpe bpe =
      learn_merges(count_words(texts, config.special_tokens, pre_tokenizer), config);
  write_file_atomically(tokenizer_json,
                        tokenizer_entry(bpe, config, pattern).dump(/*indent=*/1) + "\n");
}

}  // namespace nvlm::decoder
