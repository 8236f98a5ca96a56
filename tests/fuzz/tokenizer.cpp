// Input: a tokenizer.json. One that loads must encode and decode a text of many kinds.
#include "decoder/tokenizer/tokenizer.h"

#include "tests/fuzz/fuzz_support.h"
#include "tests/fuzz/json_mutator.h"

namespace {

/// Words, numbers, spaces, lines, accents, a script without spaces, an emoji of several code
/// points, names of special tokens, and bytes that are no UTF-8.
constexpr std::string_view kText =
    "Hello, world's 12345  numbers\n\n\tna\u00efve e\u0301 \u8868\u683c "
    "\U0001F469\u200D\U0001F4BB <|end|> <s></s> \xff\xc3 | a | b |\r\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nvlm;
  const fuzz::MemoryFile input(fuzz::as_text(data, size));
  fuzz::expect_clear_errors([&] {
    const decoder::Tokenizer tokenizer = decoder::Tokenizer::from_file(input.path());
    const int64_t vocab = tokenizer.vocab_size();
    for (const bool add_special_tokens : {false, true}) {
      const std::vector<int64_t> ids = tokenizer.encode(kText, add_special_tokens);
      for (const int64_t id : ids) fuzz::require(id >= 0 && id < vocab);
      for (const bool skip : {false, true}) tokenizer.decode(ids, skip);
    }
    for (const int64_t id : tokenizer.encode_as_text(kText)) tokenizer.token_bytes(id);
    tokenizer.decode({-1, 0, vocab - 1, vocab});
  });
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  return nvlm::fuzz::JsonMutator(seed).mutate(data, size, max_size);
}
