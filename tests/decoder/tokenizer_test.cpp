// Properties of tokenizers that hold for any text.
#include "decoder/tokenizer/tokenizer.h"

#include <chrono>
#include <thread>

#include "decoder/tokenizer/stream_decoder.h"
#include "tests/decoder/tokenizer_support.h"

using nvlm::Random;
using nvlm::decoder::StreamDecoder;
using nvlm::decoder::Tokenizer;
using nvlm::decoder::valid_utf8_length;
using nvlm::test::golden_tokenizer;
using nvlm::test::joined_bytes;
using nvlm::test::random_bytes;
using nvlm::test::random_utf8;

namespace {

/// U+FFFD for each broken stretch, as decode does.
std::string replace_broken(std::string bytes) {
  return nvlm::decoder::take_utf8(bytes, /*end_of_text=*/true);
}

}  // namespace

TEST_CASE("byte-level tokenizers give back any text and any bytes") {
  for (const char* name : {"11a_tokenizer_llama3", "11d_tokenizer_gpt2"}) {
    CAPTURE(name);
    const Tokenizer tokenizer = golden_tokenizer(name);
    for (uint64_t seed = 0; seed < 300; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const std::string text = random_utf8(random, 200), bytes = random_bytes(random, 200);
      CHECK(tokenizer.decode(tokenizer.encode(text), false) == text);
      CHECK(tokenizer.decode(tokenizer.encode_as_text(text), true) == text);
      CHECK(joined_bytes(tokenizer, tokenizer.encode(bytes)) == bytes);
      CHECK(tokenizer.decode(tokenizer.encode(bytes), false) == replace_broken(bytes));
    }
  }
}

TEST_CASE("Llama 2 gives back any text and any bytes") {
  const Tokenizer tokenizer = golden_tokenizer("11c_tokenizer_llama2");
  for (uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const std::string text = random_utf8(random, 200), bytes = random_bytes(random, 200);
    CHECK(tokenizer.decode(tokenizer.encode(text), false) == text);
    if (!bytes.empty()) CHECK(joined_bytes(tokenizer, tokenizer.encode(bytes)) == " " + bytes);
  }
}

TEST_CASE("Qwen2 gives back normalised text, and broken bytes as they are") {
  const Tokenizer tokenizer = golden_tokenizer("11b_tokenizer_qwen2");
  CHECK(tokenizer.decode(tokenizer.encode("e\u0301")) == "\u00E9");
  CHECK(joined_bytes(tokenizer, tokenizer.encode("e\u0301\xFF\xC3 e\u0301")) ==
        "\u00E9\xFF\xC3 \u00E9");
  for (uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const std::string once = tokenizer.decode(tokenizer.encode(random_utf8(random, 200)), false);
    CHECK(tokenizer.decode(tokenizer.encode(once), false) == once);
  }
}

TEST_CASE("the parts of a stream are valid UTF-8 and join to the decoding") {
  for (const char* name : {"11a_tokenizer_llama3", "11b_tokenizer_qwen2", "11c_tokenizer_llama2",
                           "11d_tokenizer_gpt2"}) {
    CAPTURE(name);
    const Tokenizer tokenizer = golden_tokenizer(name);
    for (uint64_t seed = 0; seed < 300; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      std::vector<int64_t> ids;
      if (random.chance(0.5)) {
        ids = tokenizer.encode(random_utf8(random, 60), true);
      } else {  // tokens in an order that no text has, single bytes among them
        for (int64_t n = random.integer(0, 40); n > 0; --n) {
          ids.push_back(random.integer(0, random.chance(0.6) ? 258 : tokenizer.vocab_size() + 5));
        }
      }
      const bool skip = random.chance(0.5);
      StreamDecoder stream(tokenizer, skip);
      for (int round = 0; round < 2; ++round) {  // flush() makes it ready for another text
        std::string joined;
        for (const int64_t id : ids) {
          const std::string part = stream.push(id);
          CHECK(valid_utf8_length(part) == part.size());
          joined += part;
        }
        const std::string rest = stream.flush();
        CHECK(valid_utf8_length(rest) == rest.size());
        CHECK(joined + rest == tokenizer.decode(ids, skip));
      }
    }
  }
}

TEST_CASE("a stream holds back half a character and no more") {
  const Tokenizer tokenizer = golden_tokenizer("11d_tokenizer_gpt2");
  const auto byte_id = [&](const char* byte) { return tokenizer.encode(byte).at(0); };
  StreamDecoder stream(tokenizer);
  CHECK(stream.push(byte_id("a")) == "a");
  CHECK(stream.push(byte_id("\xE2")).empty());
  CHECK(stream.push(byte_id("\x82")).empty());
  CHECK(stream.push(byte_id("\xAC")) == "\u20AC");
  CHECK(stream.push(byte_id("\xE2")).empty());
  CHECK(stream.push(byte_id("b")) ==
        "\uFFFD"
        "b");
  CHECK(stream.push(byte_id("\xE2")).empty());
  CHECK(stream.flush() == "\uFFFD");
  CHECK(stream.flush().empty());
}

TEST_CASE("long words and long stretches of white space take time in proportion") {
  const Tokenizer gpt2 = golden_tokenizer("11d_tokenizer_gpt2");
  const Tokenizer llama3 = golden_tokenizer("11a_tokenizer_llama3");
  const Tokenizer llama2 = golden_tokenizer("11c_tokenizer_llama2");
  for (const char letter : {'a', ' ', '\n'}) {
    const std::string text(200000, letter);
    CHECK(gpt2.decode(gpt2.encode(text)) == text);
    CHECK(llama3.decode(llama3.encode(text)) == text);
    CHECK(llama2.decode(llama2.encode(text)) == text);
  }
}

TEST_CASE("threads may share a tokenizer") {
  const Tokenizer tokenizer = golden_tokenizer("11d_tokenizer_gpt2");
  std::vector<std::vector<int64_t>> results(4);
  std::vector<std::thread> threads;
  Random random(3);
  const std::string text = random_utf8(random, 20000);
  for (auto& result : results) threads.emplace_back([&] { result = tokenizer.encode(text); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results)
    CHECK(result == golden_tokenizer("11d_tokenizer_gpt2").encode(text));
}

TEST_CASE("tokenizer speed on English") {
  const Tokenizer tokenizer = golden_tokenizer("11a_tokenizer_llama3");
  std::string text;
  for (int i = 0; text.size() < 4'000'000; ++i) {
    text += "The quick brown fox number " + std::to_string(i) +
            " jumps over the lazy dog, doesn't it? Their mother's other brother believes so.\n";
  }
  const auto start = std::chrono::steady_clock::now();
  const auto ids = tokenizer.encode(text);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const double speed = static_cast<double>(text.size()) / 1e6 / seconds.count();
  MESSAGE(speed, " MB/s, ", ids.size(), " tokens");
  CHECK(speed > 0.2);  // far below what one core does: only quadratic behaviour fails
  CHECK(tokenizer.decode(ids) == text);
}
