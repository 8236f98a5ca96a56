// Texts and their ids, as the tokenizers library gives them: cases.jsonl, decode_only.jsonl,
// chat.jsonl.
#include "decoder/chat_template.h"
#include "decoder/tokenizer/tokenizer.h"
#include "eval/parity/kinds.h"

namespace nvlm::eval {
namespace {

using Ids = std::vector<int64_t>;

void check_encodings(const decoder::Tokenizer& tokenizer, const CaseFolder& folder,
                     ParityReport& report) {
  RowComparison ids("cases.jsonl ids"), plain("cases.jsonl ids_no_special");
  RowComparison decoded("cases.jsonl decoded"), skipped("cases.jsonl decoded_skip_special");
  RowComparison as_text("cases.jsonl ids_special_as_text");
  for (const auto& [row, where] : read_json_rows(folder.path(), "cases.jsonl")) {
    const auto text = json_get<std::string>(row, "text", where);
    const auto all_ids = json_get<Ids>(row, "ids", where);
    const auto plain_ids = json_get<Ids>(row, "ids_no_special", where);
    ids.ids(where, tokenizer.encode(text, /*add_special_tokens=*/true), all_ids);
    plain.ids(where, tokenizer.encode(text), plain_ids);
    decoded.text(where, tokenizer.decode(plain_ids, /*skip_special_tokens=*/false),
                 json_get<std::string>(row, "decoded", where));
    skipped.text(where, tokenizer.decode(all_ids, /*skip_special_tokens=*/true),
                 json_get<std::string>(row, "decoded_skip_special", where));
    // The field stands only where it makes a difference.
    as_text.ids(where, tokenizer.encode_as_text(text),
                json_get_or<Ids>(row, "ids_special_as_text", plain_ids, where));
  }
  for (RowComparison* column : {&ids, &plain, &decoded, &skipped, &as_text}) column->finish(report);
}

void check_decodings(const decoder::Tokenizer& tokenizer, const CaseFolder& folder,
                     ParityReport& report) {
  RowComparison decoded("decode_only.jsonl decoded");
  RowComparison skipped("decode_only.jsonl decoded_skip_special");
  for (const auto& [row, where] : read_json_rows(folder.path(), "decode_only.jsonl")) {
    const auto ids = json_get<Ids>(row, "ids", where);
    decoded.text(where, tokenizer.decode(ids, /*skip_special_tokens=*/false),
                 json_get<std::string>(row, "decoded", where));
    skipped.text(where, tokenizer.decode(ids, /*skip_special_tokens=*/true),
                 json_get<std::string>(row, "decoded_skip_special", where));
  }
  decoded.finish(report);
  skipped.finish(report);
}

std::vector<decoder::Message> messages_of(const Json& row, const std::string& where) {
  std::vector<decoder::Message> messages;
  for (const Json& message : json_get<Json>(row, "messages", where)) {
    const auto role = json_get<std::string>(message, "role", where);
    messages.push_back({role == "system" ? decoder::Role::kSystem
                        : role == "user" ? decoder::Role::kUser
                                         : decoder::Role::kAssistant,
                        json_get<std::string>(message, "content", where)});
  }
  return messages;
}

void check_conversations(const decoder::Tokenizer& tokenizer, const CaseFolder& folder,
                         ParityReport& report) {
  RowComparison texts("chat.jsonl text"), ids("chat.jsonl ids");
  for (const auto& [row, where] : read_json_rows(folder.path(), "chat.jsonl")) {
    const auto chat = decoder::chat_template(json_get<std::string>(row, "template", where));
    const std::string text = decoder::chat_text(
        chat, messages_of(row, where), json_get<bool>(row, "add_generation_prompt", where));
    texts.text(where, text, json_get<std::string>(row, "text", where));
    ids.ids(where, tokenizer.encode(text), json_get<Ids>(row, "ids", where));
  }
  texts.finish(report);
  ids.finish(report);
}

}  // namespace

void check_tokenizer(const CaseFolder& folder, ParityReport& report) {
  const auto tokenizer = decoder::Tokenizer::from_file(folder.path() / "tokenizer.json");
  if (folder.about().contains("vocab_size")) {
    RowComparison size("vocab_size");
    size.number("case.json", static_cast<double>(tokenizer.vocab_size()),
                json_get<double>(folder.about(), "vocab_size", folder.about_path()));
    size.finish(report);
  }
  check_encodings(tokenizer, folder, report);
  if (folder.has("decode_only.jsonl")) check_decodings(tokenizer, folder, report);
  if (!folder.has("chat.jsonl")) return;
  check_conversations(tokenizer, folder, report);
}

}  // namespace nvlm::eval
