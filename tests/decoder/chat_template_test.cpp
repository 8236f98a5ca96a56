// Chat formats: how they are recognised and what they refuse. Their text is compared with the
// published templates' by the parity of the golden tokenizers.
#include "decoder/chat_template.h"

#include <fstream>

#include "tests/support/golden.h"
#include "tests/support/temp_dir.h"

namespace nvlm::decoder {
namespace {

using namespace nvlm::test;

TEST_CASE("a checkpoint's format is recognised by the marks of its template") {
  CHECK(read_chat_template(golden("11a_tokenizer_llama3"), "")->stop == "<|eot_id|>");
  CHECK(read_chat_template(golden("11b_tokenizer_qwen2"), "")->default_system ==
        "You are a helpful assistant.");
  CHECK(read_chat_template(golden("11c_tokenizer_llama2"), "")->system_in_user_turn);
  CHECK_FALSE(read_chat_template(golden("11d_tokenizer_gpt2"), "").has_value());

  const TempDir dir;
  const auto recognised = [&](const std::string& jinja) {
    std::ofstream(dir / "chat_template.jinja") << jinja;
    return read_chat_template(dir.path(), "05 Mar 2031");
  };
  const Message question = {Role::kUser, " Hi "};
  const auto text = [&](const std::string& jinja) {
    return chat_text(*recognised(jinja), std::span(&question, 1), true);
  };
  CHECK(text("<|start_header_id|> Cutting Knowledge Date") ==
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: "
        "December 2023\nToday Date: 26 Jul 2024\n\n<|eot_id|><|start_header_id|>user"
        "<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
  CHECK(text("<|start_header_id|> Cutting Knowledge Date strftime_now").find("Date: 05 Mar 2031") !=
        std::string::npos);
  CHECK_THROWS_WITH_AS(recognised("{{ '<start_of_turn>' }}"),
                       doctest::Contains("marks of no known family"), std::runtime_error);
}

TEST_CASE("turns out of order are refused") {
  const ChatTemplate chat = chat_template("llama3");
  const auto refused = [&](std::vector<Message> messages, const char* why) {
    CHECK_THROWS_WITH_AS(chat_pieces(chat, messages, true), doctest::Contains(why),
                         std::invalid_argument);
  };
  refused({}, "no message of a user");
  refused({{Role::kSystem, "Be brief."}}, "no message of a user");
  refused({{Role::kAssistant, "Hello"}}, "message 1 is not the user's");
  refused({{Role::kUser, "a"}, {Role::kUser, "b"}}, "message 2 is not the assistant's");
  refused({{Role::kUser, "a"}, {Role::kSystem, "b"}}, "message 2 is not the assistant's");
  refused({{Role::kUser, "a"}, {Role::kAssistant, "b", 1}}, "message 2 has 1 pictures");
  CHECK_THROWS_WITH_AS(chat_template("vicuna"), doctest::Contains("'vicuna', expected llama2"),
                       std::invalid_argument);
}

}  // namespace
}  // namespace nvlm::decoder
