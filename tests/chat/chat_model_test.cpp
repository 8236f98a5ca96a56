// Checkpoints of every kind answer conversations.
#include "chat/chat_model.h"

#include "common/json.h"
#include "common/safetensors.h"
#include "decoder/checkpoint.h"
#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"
#include "vision/image.h"

namespace nvlm::chat {
namespace {

using namespace nvlm::test;
using decoder::Role;

Conversation question(const std::string& text, std::vector<Tensor> images = {}) {
  const auto count = static_cast<int64_t>(images.size());
  return {{{Role::kUser, text, count}}, std::move(images)};
}

std::vector<int64_t> answer_of(ChatModel& model, const Conversation& conversation,
                               int64_t max_new_tokens = 8) {
  decoder::GenerationConfig config;
  config.max_new_tokens = max_new_tokens;
  return model.answer(std::span(&conversation, 1), config).tokens[0];
}

/// A small random Llama with the tokenizer, and the chat template, of a golden case.
struct TextCheckpoint {
  explicit TextCheckpoint(const std::string& tokenizer, int64_t context = 128) {
    const auto source = golden(tokenizer);
    for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) {
      std::filesystem::copy(source / file, dir / file);
    }
    at::manual_seed(5);
    decoder::LlamaConfig config;
    config.hidden = 32;
    config.layers = 2;
    config.heads = config.kv_heads = 2;
    config.head_dim = 16;
    config.ffn_hidden = 48;
    config.initializer_range = 0.3;
    config.max_position_embeddings = context;
    config.vocab = decoder::Tokenizer::from_file(dir / "tokenizer.json").vocab_size();
    decoder::save_llama(dir.path(), decoder::LlamaForCausalLM(config));
  }
  TempDir dir;
};

TEST_CASE("a text model answers in its chat format, a base model goes on") {
  const TextCheckpoint checkpoint("11a_tokenizer_llama3");
  const auto chat = load_chat_model(checkpoint.dir.path());
  const auto base = load_chat_model(checkpoint.dir.path(), {.complete = true});
  CHECK(chat->has_turns());
  CHECK_FALSE(chat->sees());
  CHECK_FALSE(base->has_turns());
  CHECK(chat->stop_tokens() == std::vector<int64_t>{chat->tokenizer().id("<|eot_id|>")});

  // The same text, once written by the template and once by hand.
  const std::string by_hand =
      "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant"
      "<|end_header_id|>\n\n";
  CHECK(answer_of(*chat, question(" Hi\n")) == answer_of(*base, question(by_hand)));

  // A batch gives what each conversation gives alone.
  const std::vector<Conversation> both = {
      question("Hi"),
      {{{Role::kUser, "Hi"}, {Role::kAssistant, "Yes?"}, {Role::kUser, "A longer one."}}, {}}};
  decoder::GenerationConfig config;
  config.max_new_tokens = 8;
  const auto answers = chat->answer(both, config);
  CHECK(answers.tokens[0] == answer_of(*chat, both[0]));
  CHECK(answers.tokens[1] == answer_of(*chat, both[1]));
}

TEST_CASE("a text model refuses pictures and prompts beyond its context") {
  const TextCheckpoint checkpoint("11b_tokenizer_qwen2", /*context=*/40);
  const auto model = load_chat_model(checkpoint.dir.path());
  const Tensor picture = at::zeros({8, 8, 3}, at::kByte);
  CHECK_THROWS_WITH_AS(answer_of(*model, question("What?", {picture})),
                       doctest::Contains("text model, which cannot see"), std::invalid_argument);
  std::string text;
  for (int i = 0; i < 40; ++i) text += " 7";
  CHECK_THROWS_WITH_AS(answer_of(*model, question(text)),
                       doctest::Contains("fewer than the model's context of 40"),
                       std::invalid_argument);
  // The answer ends where the context does.
  const auto base = load_chat_model(checkpoint.dir.path(), {.complete = true});
  const auto length = static_cast<int64_t>(base->tokenizer().encode(" 7 7 7").size());
  CHECK(static_cast<int64_t>(answer_of(*base, question(" 7 7 7"), 1000).size()) == 40 - length);
  CHECK_THROWS_WITH_AS(
      answer_of(*base, {{{Role::kUser, "a"}, {Role::kAssistant, "b"}, {Role::kUser, "c"}}, {}}),
      doctest::Contains("3 messages for a model without a chat template"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(load_chat_model(checkpoint.dir.path(), {.max_tiles = 2}),
                       doctest::Contains("max_tiles is 2, expected 0"), std::invalid_argument);
}

TEST_CASE("published models answer about a picture as the reference implementation does") {
  for (const char* name : {"07a_internvl_chat", "07b_nvlm_d"}) {
    CAPTURE(name);
    const auto folder = golden(name);
    const auto model = load_chat_model(folder);
    const Tensor picture = vision::read_image(folder / "image.png");
    const Tensor expected =
        SafetensorsFile::open(folder / "expected.safetensors").tensor("gen.tokens")[0];
    CHECK(at::equal(
        at::tensor(answer_of(*model, question("What is written in the picture?", {picture}), 24)),
        expected));
    // Two pictures, a turn each.
    const Conversation talk = {{{Role::kUser, "What?", 1},
                                {Role::kAssistant, "A box."},
                                {Role::kUser, "And here <image>?", 1}},
                               {picture, picture}};
    CHECK(answer_of(*model, talk, 3).size() == 3);
    CHECK_THROWS_WITH_AS(answer_of(*model, question("<image> and <image>?", {picture})),
                         doctest::Contains("2 <image> markers but 1 pictures"),
                         std::invalid_argument);
  }
}

TEST_CASE("Llama 3.2 Vision answers in turns, with and without pictures") {
  const auto folder = golden("08_mllama");
  const auto model = load_chat_model(folder);
  const Tensor picture = vision::read_image(folder / "image0.png");
  const Conversation talk = {
      {{Role::kUser, "What?", 1}, {Role::kAssistant, "A box."}, {Role::kUser, "Where?"}},
      {picture}};
  CHECK(answer_of(*model, talk).size() == 8);
  CHECK(answer_of(*model, question("What?")).size() == 8);
  CHECK_THROWS_WITH_AS(load_chat_model(folder, {.max_tiles = 3}),
                       doctest::Contains("max_tiles is 3, expected 0"), std::invalid_argument);
}

TEST_CASE("folders that hold no model that answers say what they hold") {
  CHECK_THROWS_WITH_AS(load_chat_model(golden("06a_internvit_300m")),
                       doctest::Contains("a vision encoder without a decoder"), std::runtime_error);
  const TempDir dir;
  write_json(dir / "config.json", {{"architectures", {"MistralForCausalLM"}}});
  CHECK_THROWS_WITH_AS(load_chat_model(dir.path()),
                       doctest::Contains("architecture 'MistralForCausalLM' is not supported, "
                                         "expected GPT2LMHeadModel, LlamaForCausalLM"),
                       std::runtime_error);
}

}  // namespace
}  // namespace nvlm::chat
