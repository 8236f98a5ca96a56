// A checkpoint of any family as something that answers conversations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/quantized_matrix.h"
#include "common/tensor.h"
#include "decoder/chat_template.h"
#include "decoder/device_map.h"
#include "decoder/generation.h"
#include "decoder/llama.h"
#include "decoder/tokenizer/tokenizer.h"

namespace nvlm::chat {

/// What was said so far, and shown.
struct Conversation {
  std::vector<decoder::Message> messages;
  std::vector<Tensor> images;  // uint8 [height, width, 3], in the order of the messages' pictures
};

struct ChatModelOptions {
  int64_t max_tiles = 0;  // regular tiles per picture; 0 = as the model's preprocessor says
  std::string device = "cpu";
  /// kAuto: layer by layer over all devices of the machine, whatever `device` says.
  decoder::DeviceMapMode device_map = decoder::DeviceMapMode::kNone;
  std::string dtype = "float32";                    // auto, float32, bfloat16
  Quantization quantization = Quantization::kNone;  // of the decoder; on the CPU only
  /// A text model goes on from what the user says, without its chat template.
  bool complete = false;
};

/// One implementation per kind of checkpoint: text, tiled pictures (NVLM-D, -X, -H, InternVL),
/// Llama 3.2 Vision. A batch of conversations is answered together.
class ChatModel {
 public:
  virtual ~ChatModel() = default;

  /// Prompts of the conversations, padded on the right, and their pictures, on the model's device.
  /// throws  std::invalid_argument for conversations that the model cannot answer: pictures for a
  ///         text model, markers without pictures, turns out of order
  virtual decoder::DecoderInputs prepare(std::span<const Conversation> conversations) = 0;

  virtual decoder::LlamaForCausalLMImpl& decoder() = 0;

  /// Answers each conversation. The stop tokens of the model are added to those of `config`; an
  /// answer is no longer than the model's context leaves room for.
  /// throws  std::invalid_argument as prepare(), or if a prompt fills the context
  decoder::Generation answer(std::span<const Conversation> conversations,
                             decoder::GenerationConfig config,
                             const decoder::TokenCallback& on_token = {},
                             const decoder::LogitsHook& hook = {});

  const decoder::Tokenizer& tokenizer() const { return tokenizer_; }
  /// Any of these ends an answer.
  const std::vector<int64_t>& stop_tokens() const { return stop_tokens_; }
  /// The sampling that the checkpoint's generation_config.json asks for.
  const decoder::SamplingConfig& sampling() const { return sampling_; }
  /// Whether it answers in turns; a base model only goes on from a text.
  virtual bool has_turns() const { return true; }
  /// Whether pictures can be shown to it.
  virtual bool sees() const { return true; }

 protected:
  /// dir          of the checkpoint: tokenizer.json, generation_config.json if there is one
  /// stop_tokens  that the configuration names
  ChatModel(const std::filesystem::path& dir, std::vector<int64_t> stop_tokens);

  void add_stop_token(std::string_view token);

 private:
  decoder::Tokenizer tokenizer_;
  std::vector<int64_t> stop_tokens_;
  decoder::SamplingConfig sampling_;
};

/// Loads a checkpoint folder of any supported family.
/// throws  std::runtime_error or std::invalid_argument naming the folder and the problem: an
///         unknown family (those known are listed), a vision encoder alone, whatever loading finds
std::unique_ptr<ChatModel> load_chat_model(const std::filesystem::path& dir,
                                           const ChatModelOptions& options = {});

}  // namespace nvlm::chat
