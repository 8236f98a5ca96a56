#include "fusion/published_form.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <stdexcept>
#include <utility>

#include "common/load_weights.h"
#include "decoder/widened_decoder.h"

namespace nvlm::fusion {
namespace {

constexpr std::string_view kDecoderPrefix = "language_model.";

void require_expressible(bool fine, PublishedLayout layout, const std::string& what) {
  if (fine) return;
  throw std::invalid_argument("layout " + name(layout) + " cannot express this model: " + what);
}

void check_expressible(const MultimodalConfig& config, PublishedLayout layout) {
  const decoder::LlamaConfig& decoder = config.decoder;
  const ProjectorConfig& projector = config.fusion.projector;
  require_expressible(config.fusion.variant == Variant::kDecoder, layout,
                      "its variant is " + name(config.fusion.variant) +
                          ", expected d (tiles reach the decoder in its sequence only)");
  require_expressible(projector.hidden > 0, layout,
                      "its projector has one layer, expected two with a GELU between them");
  require_expressible(is_llama_or_qwen2(decoder) && decoder.extra_embeddings == 0, layout,
                      "its decoder is neither a Llama nor a Qwen2");
  require_expressible(config.vision.stem_channels == 0, layout,
                      "its encoder has a convolutional stem, expected a linear patch embedding");
  const vision::TilingConfig& tiling = config.preprocessor.tiling;
  require_expressible(
      layout != PublishedLayout::kInternVlNative || tiling.use_thumbnail || tiling.max_tiles == 1,
      layout, "its pictures have no thumbnail, which the processor always adds");
  if (layout != PublishedLayout::kNvlmD) {
    require_expressible(config.vision.dummy_heads == 0, layout,
                        "its encoder has " + std::to_string(config.vision.dummy_heads) +
                            " dummy heads, expected none (layout nvlm-d has them)");
    return;
  }
  require_expressible(!projector.bias, layout,
                      "its projector has biases, expected none (layouts internvl and internvl-hf "
                      "have them)");
  require_expressible(projector.hidden <= decoder.ffn_hidden, layout,
                      "its projector is " + std::to_string(projector.hidden) +
                          " wide inside, expected at most the decoder's intermediate_size " +
                          std::to_string(decoder.ffn_hidden));
}

/// Units that neither read nor write: GELU keeps their zero.
void add_projector_units(PublishedForm& form, int64_t hidden) {
  const int64_t more = hidden - form.config.fusion.projector.hidden;
  for (auto& [name, tensor] : form.tensors) {
    if (name == "mlp1.1.weight") tensor = at::constant_pad_nd(tensor, {0, 0, 0, more});
    if (name == "mlp1.1.bias" || name == "mlp1.3.weight") {
      tensor = at::constant_pad_nd(tensor, {0, more});
    }
  }
  form.config.fusion.projector.hidden = hidden;
}

void add_projector_biases(PublishedForm& form) {
  if (form.config.fusion.projector.bias) return;
  for (const std::string layer : {"mlp1.1.", "mlp1.3."}) {
    const Tensor& weight = form.tensors.at(layer + "weight");
    form.tensors[layer + "bias"] = at::zeros({weight.size(0)}, weight.options());
  }
  form.config.fusion.projector.bias = true;
}

void widen_decoder(PublishedForm& form, int64_t hidden) {
  decoder::DecoderWeights decoder{form.config.decoder, {}};
  for (const auto& [name, tensor] : form.tensors) {
    if (!name.starts_with(kDecoderPrefix)) continue;
    decoder.tensors[name.substr(kDecoderPrefix.size())] = tensor;
  }
  decoder = widened_decoder(std::move(decoder), hidden);
  for (const auto& [name, tensor] : decoder.tensors) {
    form.tensors[std::string(kDecoderPrefix) + name] = tensor;
  }
  const int64_t more = hidden - form.config.decoder.hidden;
  form.config.decoder = decoder.config;
  form.config.fusion.projector.output = hidden;
  Tensor& last = form.tensors.at("mlp1.3.weight");
  last = at::constant_pad_nd(last, {0, 0, 0, more});
  Tensor& bias = form.tensors.at("mlp1.3.bias");
  bias = at::constant_pad_nd(bias, {0, more});
}

/// The smallest width of a decoder that takes the projector; configurations of transformers want a
/// multiple of the number of heads.
int64_t common_width(const MultimodalConfig& config) {
  const int64_t decoder = config.decoder.hidden, projector = config.fusion.projector.hidden;
  if (projector <= decoder) return decoder;
  const int64_t heads = config.decoder.heads;
  return (projector + heads - 1) / heads * heads;
}

}  // namespace

std::string name(PublishedLayout layout) {
  switch (layout) {
    case PublishedLayout::kInternVl:
      return "internvl";
    case PublishedLayout::kInternVlNative:
      return "internvl-hf";
    case PublishedLayout::kNvlmD:
      return "nvlm-d";
  }
  TORCH_INTERNAL_ASSERT(false, "no such layout");
}

PublishedLayout parse_published_layout(std::string_view text) {
  for (const PublishedLayout layout :
       {PublishedLayout::kInternVl, PublishedLayout::kInternVlNative, PublishedLayout::kNvlmD}) {
    if (name(layout) == text) return layout;
  }
  throw std::invalid_argument("layout '" + std::string(text) +
                              "', expected internvl, internvl-hf or nvlm-d");
}

PublishedForm published_form(const MultimodalModel& model, PublishedLayout layout) {
  const at::NoGradGuard no_grad;
  check_expressible(model->config(), layout);
  PublishedForm form{model->config(), state_dict(*model)};
  if (layout == PublishedLayout::kNvlmD) {
    add_projector_units(form, form.config.decoder.ffn_hidden);
  } else {
    const int64_t width = common_width(form.config);
    add_projector_biases(form);
    add_projector_units(form, width);
    if (width > form.config.decoder.hidden) widen_decoder(form, width);
  }
  // A memory's settings say nothing about variant D.
  form.config.fusion.num_tile_positions = 0;
  form.config.fusion.cross_attention = {};
  form.config.fusion.depths.clear();
  validate(form.config);
  return form;
}

}  // namespace nvlm::fusion
