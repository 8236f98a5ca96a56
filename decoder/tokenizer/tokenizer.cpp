#include "decoder/tokenizer/tokenizer.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "decoder/tokenizer/stream_decoder.h"
#include "decoder/tokenizer/tokenizer_impl.h"

namespace nvlm::decoder {

Tokenizer::Impl::Impl(const Json& json, const std::string& file_name)
    : file(file_name),
      normalizer(Normalizer::from_json(json, file)),
      pre_tokenizer(PreTokenizer::from_json(json, file)),
      model(BpeModel::from_json(json, pre_tokenizer.byte_level(), file)),
      post_processor(PostProcessor::from_json(json, file)),
      decoder(TokenDecoder::from_json(json, file)) {
  for (const auto& [name, id] : model.vocabulary()) tokens[id] = {decoder.piece(name), false};
  for (const AddedToken& token : parse_added_tokens(json, file)) add(token);
  for (const auto& [id, token] : tokens) vocab_size = std::max(vocab_size, id + 1);
  for (const auto* side : {&post_processor.before, &post_processor.after}) {
    for (const int64_t id : *side) {
      if (tokens.contains(id)) continue;
      throw std::runtime_error(file + ": post_processor names the id " + std::to_string(id) +
                               ", which no token has");
    }
  }
}

void Tokenizer::Impl::add(const AddedToken& token) {
  const auto same_name = model.vocabulary().find(token.content);
  const bool in_vocabulary = same_name != model.vocabulary().end();
  if (in_vocabulary ? same_name->second != token.id : tokens.contains(token.id)) {
    throw std::runtime_error(
        file + ": added_tokens: '" + token.content + "' has id " + std::to_string(token.id) +
        ", but model.vocab gives " +
        (in_vocabulary ? "it " + std::to_string(same_name->second) : "this id to another token"));
  }
  // differs: a special token stands for its name even where that lies in the byte-level alphabet
  // (the tokenizers library would turn a name like "é" into a broken byte).
  tokens[token.id] = {
      token.special ? TokenDecoder::Piece{token.content, false} : decoder.piece(token.content),
      token.special};
  added_ids.emplace(token.content, token.id);
  if (token.normalized) {
    std::string storage;
    added_normalized.add(token, normalizer.apply(token.content, storage));
  } else {
    added_raw.add(token, token.content);
  }
}

std::vector<int64_t> Tokenizer::Impl::encode(std::string_view text, bool special_as_text) const {
  std::vector<int64_t> ids;
  const std::function<void(int32_t)> token_found = [&](int32_t id) { ids.push_back(id); };
  const std::function<void(std::string_view)> word_found = [&](std::string_view word) {
    model.encode(word, ids);
  };
  const auto normalized_found = [&](std::string_view stretch) {
    pre_tokenizer.split(stretch, word_found);
  };
  const auto raw_found = [&](std::string_view stretch) {
    std::string storage;
    added_normalized.split(normalizer.apply(stretch, storage), special_as_text, normalized_found,
                           token_found);
  };
  added_raw.split(text, special_as_text, raw_found, token_found);
  return ids;
}

std::string Tokenizer::Impl::push(TokenDecoder::State& state, int64_t id,
                                  bool skip_special_tokens) const {
  const auto token = tokens.find(id);
  if (token == tokens.end() || (skip_special_tokens && token->second.special)) return "";
  return decoder.push(state, token->second.piece);
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::from_file(const std::filesystem::path& path) {
  const Json json = read_json(path);
  if (!json.is_object()) throw std::runtime_error(path.string() + ": no JSON object");
  return Tokenizer(std::make_unique<Impl>(json, path.string()));
}

std::vector<int64_t> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  std::vector<int64_t> ids = impl_->encode(text, /*special_as_text=*/false);
  if (add_special_tokens) {
    const PostProcessor& around = impl_->post_processor;
    ids.insert(ids.begin(), around.before.begin(), around.before.end());
    ids.insert(ids.end(), around.after.begin(), around.after.end());
  }
  return ids;
}

std::vector<int64_t> Tokenizer::encode_as_text(std::string_view text) const {
  return impl_->encode(text, /*special_as_text=*/true);
}

std::string Tokenizer::decode(const std::vector<int64_t>& ids, bool skip_special_tokens) const {
  StreamDecoder stream(*this, skip_special_tokens);
  std::string text;
  for (const int64_t id : ids) text += stream.push(id);
  return text + stream.flush();
}

std::string Tokenizer::token_bytes(int64_t id) const {
  const auto token = impl_->tokens.find(id);
  if (token == impl_->tokens.end()) {
    throw std::out_of_range(impl_->file + ": no token has the id " + std::to_string(id));
  }
  return token->second.piece.bytes;
}

std::optional<int64_t> Tokenizer::find(std::string_view token) const {
  const auto added = impl_->added_ids.find(token);
  if (added != impl_->added_ids.end()) return added->second;
  const auto ordinary = impl_->model.vocabulary().find(token);
  if (ordinary != impl_->model.vocabulary().end()) return ordinary->second;
  return std::nullopt;
}

int64_t Tokenizer::id(std::string_view token) const {
  const auto found = find(token);
  if (!found) {
    throw std::out_of_range(impl_->file + ": there is no token '" + std::string(token) + "'");
  }
  return *found;
}

bool Tokenizer::is_special(int64_t id) const {
  const auto token = impl_->tokens.find(id);
  return token != impl_->tokens.end() && token->second.special;
}

int64_t Tokenizer::vocab_size() const { return impl_->vocab_size; }

}  // namespace nvlm::decoder
