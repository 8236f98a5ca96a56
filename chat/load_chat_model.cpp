#include <stdexcept>

#include "chat/chat_model.h"
#include "chat/mllama_chat_model.h"
#include "chat/text_chat_model.h"
#include "chat/tiled_chat_model.h"
#include "decoder/meta_llama.h"
#include "decoder/quantization.h"
#include "fusion/model_family.h"

namespace nvlm::chat {

namespace {

std::unique_ptr<ChatModel> load_by_family(const std::filesystem::path& dir,
                                          const ChatModelOptions& options) {
  using fusion::ModelFamily;
  if (decoder::is_meta_llama(dir)) return std::make_unique<TextChatModel>(dir, options);
  const Json config = read_json(dir / "config.json");
  const ModelFamily family = fusion::model_family(config);
  switch (family) {
    case ModelFamily::kLlama:
    case ModelFamily::kQwen2:
    case ModelFamily::kGpt2:
      return std::make_unique<TextChatModel>(dir, options);
    case ModelFamily::kInternVl:
    case ModelFamily::kNvlmD:
    case ModelFamily::kLab:
      return std::make_unique<TiledChatModel>(dir, options);
    case ModelFamily::kMllama:
      return std::make_unique<MllamaChatModel>(dir, options);
    case ModelFamily::kInternVit:
      throw std::runtime_error("'" + dir.string() +
                               "' holds an InternViT, a vision encoder without a decoder; expected "
                               "a model that answers");
    case ModelFamily::kOther:
      break;
  }
  throw std::runtime_error("'" + dir.string() + "': architecture '" +
                           fusion::architecture_of(config) + "' is not supported, expected " +
                           fusion::supported_architectures());
}

}  // namespace

std::unique_ptr<ChatModel> load_chat_model(const std::filesystem::path& dir,
                                           const ChatModelOptions& options) {
  std::unique_ptr<ChatModel> model = load_by_family(dir, options);
  decoder::quantize(model->decoder(), options.quantization);
  return model;
}

}  // namespace nvlm::chat
