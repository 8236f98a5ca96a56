#include "decoder/kv_cache.h"

#include <ATen/core/grad_mode.h>

#include "common/check.h"

namespace nvlm::decoder {
namespace {

Tensor selected_positions(const Tensor& stored, const Tensor& rows, int64_t length) {
  Tensor kept =
      at::empty({rows.size(0), stored.size(1), stored.size(2), stored.size(3)}, stored.options());
  kept.narrow(2, 0, length).copy_(stored.narrow(2, 0, length).index_select(0, rows));
  return kept;
}

}  // namespace

KvCache::KvCache(int64_t layers, int64_t batch, int64_t kv_heads, int64_t head_dim,
                 int64_t capacity, at::TensorOptions options)
    : KvCache(std::vector<at::Device>(static_cast<size_t>(layers), options.device()), batch,
              kv_heads, head_dim, capacity, options) {}

KvCache::KvCache(const std::vector<at::Device>& layers, int64_t batch, int64_t kv_heads,
                 int64_t head_dim, int64_t capacity, at::TensorOptions options)
    : mask_(at::ones({batch, capacity}, options.dtype(at::kBool))), capacity_(capacity) {
  for (const at::Device device : layers) {
    keys_.push_back(at::empty({batch, kv_heads, capacity, head_dim}, options.device(device)));
    values_.push_back(at::empty({batch, kv_heads, capacity, head_dim}, options.device(device)));
  }
}

std::pair<Tensor, Tensor> KvCache::append(int64_t layer, const Tensor& keys, const Tensor& values) {
  const at::NoGradGuard no_grad;
  const auto index = static_cast<size_t>(layer);
  const int64_t seq = keys.size(2);
  const Tensor& stored = keys_[index];  // a copy_ would spread one row over the whole batch
  expect_shape(keys, {stored.size(0), stored.size(1), -1, stored.size(3)},
               "decoder.kv_cache: keys");
  keys_[index].narrow(2, length_, seq).copy_(keys);
  values_[index].narrow(2, length_, seq).copy_(values);
  return {keys_[index].narrow(2, 0, length_ + seq), values_[index].narrow(2, 0, length_ + seq)};
}

std::pair<Tensor, Tensor> KvCache::keys_values(int64_t layer) const {
  const auto index = static_cast<size_t>(layer);
  return {keys_.at(index).narrow(2, 0, length_), values_.at(index).narrow(2, 0, length_)};
}

Tensor KvCache::extend_mask(const Tensor& attention_mask, int64_t seq) {
  TORCH_CHECK(length_ + seq <= capacity_, "decoder.kv_cache: ", length_, " + ", seq,
              " positions, expected at most ", capacity_);
  Tensor fresh = mask_.narrow(1, length_, seq);
  if (attention_mask.defined()) {
    fresh.copy_(attention_mask);
    has_padding_ = has_padding_ || !attention_mask.all().item<bool>();
  } else {
    fresh.fill_(true);
  }
  return mask_.narrow(1, 0, length_ + seq);
}

void KvCache::advance(int64_t seq) { length_ += seq; }

void KvCache::select_rows(const Tensor& rows) {
  const at::NoGradGuard no_grad;
  mask_ = mask_.index_select(0, rows);
  Tensor here = rows;  // neighbours mostly share a device, and then nothing is copied
  for (size_t layer = 0; layer < keys_.size(); ++layer) {
    here = here.to(keys_[layer].device());
    keys_[layer] = selected_positions(keys_[layer], here, length_);
    values_[layer] = selected_positions(values_[layer], here, length_);
  }
  here = rows;
  for (std::optional<MemoryKeysValues>& block : memory) {
    if (!block) continue;
    here = here.to(block->keys.device());
    block->keys = block->keys.index_select(0, here);
    block->values = block->values.index_select(0, here);
  }
}

}  // namespace nvlm::decoder
