#include "decoder/tokenizer/stream_decoder.h"

#include "decoder/tokenizer/tokenizer_impl.h"

namespace nvlm::decoder {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens)
    : tokenizer_(tokenizer), skip_special_tokens_(skip_special_tokens) {}

std::string StreamDecoder::push(int64_t id) {
  return tokenizer_.impl_->push(state_, id, skip_special_tokens_);
}

std::string StreamDecoder::flush() {
  std::string rest = tokenizer_.impl_->decoder.finish(state_);
  state_ = {};
  return rest;
}

}  // namespace nvlm::decoder
