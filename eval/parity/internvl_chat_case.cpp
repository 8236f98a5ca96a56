// InternVL 2.5 and NVLM-D: the picture, the encoder, the connector, the prompts, the decoder, a
// training batch and the greedy answer.
#include <ATen/core/grad_mode.h>

#include <stdexcept>

#include "common/linear.h"
#include "decoder/language_model_loss.h"
#include "decoder/tokenizer/tokenizer.h"
#include "eval/parity/encoder_states.h"
#include "eval/parity/greedy.h"
#include "eval/parity/kinds.h"
#include "fusion/multimodal_checkpoint.h"
#include "vision/image.h"

namespace nvlm::eval {
namespace {

constexpr Tolerance kChatPixels{1e-5, 0};

/// The model with what its case asks: one question about one picture, and one without.
struct ChatCase {
  explicit ChatCase(const CaseFolder& case_folder)
      : folder(case_folder),
        inputs(folder.inputs()),
        tokenizer(decoder::Tokenizer::from_file(folder.path() / "tokenizer.json")),
        model(fusion::load_multimodal(folder.path())),
        builder(tokenizer, model->config().prompt()),
        picture(vision::preprocess(vision::read_image(folder.path() / "image.png"),
                                   model->config().preprocessor)) {
    if (pixels().sizes() != picture.pixel_values.sizes()) {
      throw std::runtime_error(inputs.path().string() + ": 'pixel_values' is " +
                               shape_text(pixels()) + ", but image.png gives " +
                               shape_text(picture.pixel_values));
    }
  }

  static std::string shape_text(const Tensor& tensor) { return c10::str(tensor.sizes()); }
  std::string note(const char* key) const {
    return json_get<std::string>(folder.about(), key, folder.about_path());
  }
  Tensor pixels() const { return inputs.tensor("pixel_values"); }

  fusion::Prompt picture_prompt() const {
    return builder.build(note("question"), {picture.layout});
  }
  /// Its question is what stands between the format's own words.
  fusion::Prompt text_prompt() const {
    const decoder::ChatTemplate& chat = builder.config().format.chat;
    const std::string text = note("text_only_prompt");
    constexpr std::string_view kPlace = "<question>";
    const decoder::Message placeholder{.text = std::string(kPlace)};
    const std::string around =
        decoder::chat_text(chat, std::span(&placeholder, 1), /*answer_follows=*/true);
    const std::string opening = around.substr(0, around.find(kPlace));
    const std::string closing = around.substr(opening.size() + kPlace.size());
    if (!text.starts_with(opening) || !text.ends_with(closing) ||
        text.size() < opening.size() + closing.size()) {
      throw std::runtime_error(folder.about_path() +
                               ": 'text_only_prompt' is not written as the model's template "
                               "says, which begins with '" +
                               opening + "' and ends with '" + closing + "'");
    }
    return builder.build(text.substr(opening.size(), text.size() - opening.size() - closing.size()),
                         {});
  }

  const CaseFolder& folder;
  SafetensorsFile inputs;
  decoder::Tokenizer tokenizer;
  fusion::MultimodalModel model;
  fusion::PromptBuilder builder;
  vision::PreprocessedImage picture;
};

std::vector<int64_t> ids_of(const Tensor& tensor) {
  const Tensor flat = tensor.to(at::kLong).contiguous().flatten();
  return {flat.const_data_ptr<int64_t>(), flat.const_data_ptr<int64_t>() + flat.numel()};
}

/// The reference's features of the picture, under the names of the prompts that show it.
vision::TileFeatures features_for(ChatCase& chat, const fusion::PromptBatch& prompts) {
  return {chat.model->encode_tiles(chat.pixels()), prompts.tile_refs()};
}

void compare_chat_prompts(const ChatCase& chat, ParityReport& report) {
  RowComparison built("prompts built from their questions"), written("prompts of case.json");
  const auto compare = [&](const char* input, const char* text, auto make_prompt) {
    const std::string name = std::string(input) + ".input_ids";
    if (!chat.inputs.contains(name)) return;
    const std::vector<int64_t> expected = ids_of(chat.inputs.tensor(name));
    built.ids(name, make_prompt().ids, expected);
    written.ids(text, chat.tokenizer.encode(chat.note(text)), expected);
  };
  compare("prompt", "prompt", [&] { return chat.picture_prompt(); });
  compare("text_only", "text_only_prompt", [&] { return chat.text_prompt(); });
  if (chat.folder.about().contains("batch_text_2") && chat.inputs.contains("batch.input_ids")) {
    const Tensor ids = chat.inputs.tensor("batch.input_ids").select(0, -1);
    const Tensor real = chat.inputs.tensor("batch.attention_mask").select(0, -1).to(at::kBool);
    written.ids("batch_text_2", chat.tokenizer.encode(chat.note("batch_text_2")),
                ids_of(ids.masked_select(real)));
  }
  built.finish(report);
  written.finish(report);
}

void compare_connector(ChatCase& chat, TensorComparison& comparison) {
  const Tensor shuffled = chat.model->encode_tiles(chat.pixels());  // [tiles, tile_tokens, 4 * vit]
  comparison.compare("pixel_shuffle", shuffled);
  comparison.leave_out("pixel_shuffle_v1_for_comparison",
                       "an order that no such model is run with");
  auto& model = *chat.model;
  const Tensor normed = submodule<vision::VisionNormImpl>(model, "mlp1.0").forward(shuffled);
  comparison.compare("connector.norm", normed);
  comparison.compare("connector.gelu",
                     at::gelu(submodule<LinearImpl>(model, "mlp1.1").forward(normed)));
  comparison.compare("connector.out",
                     submodule<fusion::ProjectorImpl>(model, "mlp1").forward(shuffled));
}

void compare_decoder(ChatCase& chat, TensorComparison& comparison) {
  const fusion::PromptBatch prompts = fusion::collate({chat.picture_prompt()}, /*pad_id=*/0);
  auto& decoder = chat.model->language_model;
  const decoder::DecoderInputs inputs = chat.model->fuse(prompts, features_for(chat, prompts));
  comparison.compare("llm.input_embeds", inputs.embeddings);
  const std::vector<Tensor> outputs = decoder->model->layer_outputs(inputs);
  for (size_t layer = 0; layer < outputs.size(); ++layer) {
    comparison.compare("llm.layer." + std::to_string(layer) + ".out", outputs[layer]);
  }
  const Tensor hidden = decoder->hidden_states(inputs);
  comparison.compare("llm.final_norm", hidden);
  comparison.compare("logits", chat.model->logits(hidden));
  compare_greedy_tokens(decoder, inputs, "gen.tokens", "gen.step_logits", comparison);
}

void compare_text_only(ChatCase& chat, TensorComparison& comparison) {
  if (!comparison.wants_any("text_only.")) return;
  const fusion::PromptBatch prompts = fusion::collate({chat.text_prompt()}, /*pad_id=*/0);
  const Tensor logits = chat.model->logits(chat.model->hidden_states(prompts, {}));
  comparison.compare("text_only.last_logits", logits.select(1, -1));
  comparison.compare("text_only.token_nll", decoder::token_losses(logits, prompts.ids));
}

/// The prompt with the labelled tokens behind it.
fusion::Prompt answered(fusion::Prompt prompt, const Tensor& labels) {
  for (const int64_t label : ids_of(labels)) {
    if (label == decoder::kIgnoredLabel) continue;
    prompt.ids.push_back(label);
    prompt.tile.push_back(fusion::kNoTile);
    prompt.is_slot.push_back(false);
    prompt.labels.push_back(label);
  }
  return prompt;
}

/// The question with the picture and the one without, both answered, everything trained. Tiles that
/// only fill the reference's batch up (image_flags 0) have no counterpart here.
void compare_training_batch(ChatCase& chat, TensorComparison& comparison, ParityReport& report) {
  if (!chat.inputs.contains("batch.labels")) return;
  const Tensor labels = chat.inputs.tensor("batch.labels");
  if (labels.dim() != 2 || labels.size(0) != 2) {
    throw std::runtime_error(chat.inputs.path().string() + ": 'batch.labels' is " +
                             ChatCase::shape_text(labels) + ", expected [2, seq]");
  }
  const fusion::PromptBatch prompts = fusion::collate(
      {answered(chat.picture_prompt(), labels[0]), answered(chat.text_prompt(), labels[1])},
      /*pad_id=*/0);
  const Tensor& real = prompts.attention_mask;
  comparison.compare_values("batch.attention_mask", real.to(at::kLong),
                            chat.inputs.tensor("batch.attention_mask").to(at::kLong), {});
  comparison.compare_values("batch.input_ids", prompts.ids, chat.inputs.tensor("batch.input_ids"),
                            {}, real);
  comparison.compare_values("batch.labels", prompts.labels, labels, {}, real);

  const Tensor hidden = chat.model->hidden_states(prompts, features_for(chat, prompts));
  const Tensor logits = chat.model->logits(hidden);
  const int64_t seq = labels.size(1);
  comparison.compare("batch.token_nll", decoder::token_losses(logits, prompts.labels),
                     prompts.labels.narrow(1, 1, seq - 1).ne(decoder::kIgnoredLabel));
  const Tensor loss = decoder::masked_cross_entropy(logits, prompts.labels).mean();
  comparison.compare("batch.loss", loss.view({1}));
  loss.backward();
  const Json norms = json_get_or<Json>(chat.folder.about(), "batch_gradient_norms", Json::object(),
                                       chat.folder.about_path());
  const Tolerance bound = chat.folder.tolerance();
  RowComparison compared_norms("case.json batch_gradient_norms", bound);
  for (const auto& weight : chat.model->named_parameters()) {
    const Tensor& gradient = weight.value().grad();
    comparison.compare_within("batch.grad." + weight.key(), gradient, bound);
    if (!norms.contains(weight.key())) continue;
    compared_norms.number(weight.key(), gradient.defined() ? gradient.norm().item<double>() : 0.0,
                          json_get<double>(norms, weight.key(), chat.folder.about_path()));
  }
  compared_norms.finish(report);
}

/// `greedy` of case.json: the expected tokens as text.
void compare_greedy_text(const ChatCase& chat, ParityReport& report) {
  const Json greedy =
      json_get_or<Json>(chat.folder.about(), "greedy", Json::object(), chat.folder.about_path());
  if (!greedy.contains("text")) return;
  const std::string where = chat.folder.about_path() + ": greedy";
  RowComparison text("case.json greedy text");
  text.text("greedy.text",
            chat.tokenizer.decode(json_get<std::vector<int64_t>>(greedy, "tokens", where)),
            json_get<std::string>(greedy, "text", where));
  text.finish(report);
}

}  // namespace

void check_internvl_chat(const CaseFolder& folder, ParityReport& report) {
  const SafetensorsFile expected = folder.expected();
  TensorComparison comparison(expected, folder.tolerance(), report);
  ChatCase chat(folder);
  comparison.compare_values("pixel_values", chat.picture.pixel_values, chat.pixels(), kChatPixels);
  compare_chat_prompts(chat, report);
  {
    const at::NoGradGuard no_grad;
    compare_encoder_states(*chat.model->vision_model, chat.pixels(), "vision.", comparison);
    compare_connector(chat, comparison);
    compare_decoder(chat, comparison);
    compare_text_only(chat, comparison);
  }
  compare_training_batch(chat, comparison, report);
  compare_greedy_text(chat, report);
  comparison.finish();
}

}  // namespace nvlm::eval
