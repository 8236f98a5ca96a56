#include "decoder/packed_rows.h"

#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "common/check.h"
#include "decoder/decoder_inputs.h"
#include "decoder/language_model_loss.h"

namespace nvlm::decoder {
namespace {

using torch::autograd::AutogradContext;

Tensor taken(const Tensor& padded, const Tensor& places) {
  return padded.flatten(0, 1).index_select(0, places).unsqueeze(0);
}

Tensor spread(const Tensor& packed, const Tensor& places, int64_t batch, int64_t seq) {
  std::vector<int64_t> sizes = packed.sizes().slice(1).vec();
  sizes[0] = batch * seq;
  return at::zeros(sizes, packed.options())
      .index_copy_(0, places, packed.squeeze(0))
      .unflatten(0, {batch, seq});
}

// Each is the other's gradient. Written out, since the derivative of index_copy would keep a copy
// of what it was given, and that of index_select adds up where nothing meets.
struct Pack : torch::autograd::Function<Pack> {
  static Tensor forward(AutogradContext* context, const Tensor& padded, const Tensor& places,
                        int64_t batch, int64_t seq) {
    context->saved_data["places"] = places;
    context->saved_data["batch"] = batch;
    context->saved_data["seq"] = seq;
    return taken(padded, places);
  }
  static std::vector<Tensor> backward(AutogradContext* context,
                                      const std::vector<Tensor>& gradients) {
    auto& saved = context->saved_data;
    return {spread(gradients[0], saved["places"].toTensor(), saved["batch"].toInt(),
                   saved["seq"].toInt()),
            {},
            {},
            {}};
  }
};

struct Unpack : torch::autograd::Function<Unpack> {
  static Tensor forward(AutogradContext* context, const Tensor& packed, const Tensor& places,
                        int64_t batch, int64_t seq) {
    context->saved_data["places"] = places;
    return spread(packed, places, batch, seq);
  }
  static std::vector<Tensor> backward(AutogradContext* context,
                                      const std::vector<Tensor>& gradients) {
    return {taken(gradients[0], context->saved_data["places"].toTensor()), {}, {}, {}};
  }
};

}  // namespace

PackedRows::PackedRows(const Tensor& attention_mask) {
  expect_shape(attention_mask, {-1, -1}, "packed rows: attention_mask");
  expect_dtype(attention_mask, at::kBool, "packed rows: attention_mask");
  batch_ = attention_mask.size(0);
  seq_ = attention_mask.size(1);
  places_ = attention_mask.reshape(-1).nonzero().squeeze(1);
  TORCH_CHECK(tokens() > 0, "packed rows: attention_mask is ", attention_mask.sizes(),
              " without a real token, expected at least one");
}

Tensor PackedRows::pack(const Tensor& padded) const {
  return Pack::apply(padded, places_, batch_, seq_);
}

Tensor PackedRows::unpack(const Tensor& packed) const {
  return Unpack::apply(packed, places_, batch_, seq_);
}

Tensor PackedRows::pack_labels(const Tensor& labels) const {
  Tensor marked = labels.clone();
  marked.select(1, 0).fill_(kIgnoredLabel);
  return pack(marked);
}

DecoderInputs packed(const DecoderInputs& padded) {
  TORCH_CHECK(!padded.rows, "packed rows: the inputs are packed already");
  DecoderInputs inputs = padded;
  inputs.rows = std::make_shared<const PackedRows>(padded.attention_mask);
  inputs.embeddings = inputs.rows->pack(padded.embeddings);
  inputs.position_ids = inputs.rows->pack(padded.position_ids);
  return inputs;
}

}  // namespace nvlm::decoder
