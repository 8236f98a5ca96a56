#include "fusion/media_mask.h"

#include "common/check.h"

namespace nvlm::fusion {

Tensor media_mask(const Tensor& locations, int64_t num_images, int64_t tokens_per_image,
                  MediaRule rule) {
  expect_shape(locations, {-1, -1}, "fusion.media_mask: locations");
  expect_dtype(locations, at::kBool, "fusion.media_mask: locations");
  const Tensor counts = locations.sum(1);  // [batch]
  TORCH_CHECK(counts.numel() == 0 || counts.max().item<int64_t>() <= num_images,
              "fusion.media_mask: sample ", counts.argmax().item<int64_t>(), " has ",
              counts.max().item<int64_t>(), " picture tokens, but the memory has ", num_images,
              " pictures");
  const Tensor seen = rule == MediaRule::kLastOfAll
                          ? counts.unsqueeze(1).expand(locations.sizes())
                          : locations.cumsum(1);  // [batch, seq]: pictures up to here
  const Tensor image = at::arange(1, num_images + 1, seen.options());
  const Tensor by_image = rule == MediaRule::kAllBefore
                              ? seen.unsqueeze(-1).ge(image)
                              : seen.unsqueeze(-1).eq(image);      // [batch, seq, images]
  return by_image.repeat_interleave(tokens_per_image, /*dim=*/2);  // [batch, seq, memory]
}

}  // namespace nvlm::fusion
