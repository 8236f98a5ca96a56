#include "decoder/packed_rows.h"

#include "common/check.h"
#include "decoder/decoder_inputs.h"
#include "decoder/language_model_loss.h"

namespace nvlm::decoder {

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
  return padded.flatten(0, 1).index_select(0, places_).unsqueeze(0);
}

Tensor PackedRows::unpack(const Tensor& packed) const {
  std::vector<int64_t> sizes = packed.sizes().vec();
  sizes[1] = batch_ * seq_;
  const Tensor empty = at::zeros(at::IntArrayRef(sizes).slice(1), packed.options());
  return empty.index_copy(0, places_, packed.squeeze(0)).unflatten(0, {batch_, seq_});
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
