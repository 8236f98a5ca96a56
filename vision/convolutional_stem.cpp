#include "vision/convolutional_stem.h"

#include <cmath>
#include <string>

#include "common/parameter_scope.h"
#include "vision/vision_embeddings.h"

namespace nvlm::vision {
namespace {

constexpr int64_t kBlocks = 2;
constexpr double kNormEps = 1e-6;

}  // namespace

std::vector<StemStage> stem_stages(const VisionConfig& config) {
  std::vector<StemStage> stages;
  int64_t in = 3, out = config.stem_channels;
  for (int64_t place = 2; place <= config.patch_size; place *= 2) {
    const bool is_first = place == 2, is_last = place == config.patch_size;
    int64_t kernel = 3, blocks = kBlocks;
    if (is_first) kernel = 4, blocks = 0;
    if (is_last) kernel = 2, blocks = 0, out = config.hidden;
    stages.push_back(
        {.in = in, .out = out, .kernel = kernel, .blocks = blocks, .pixels_a_place = place});
    in = out;
    out *= 2;
  }
  return stages;
}

ConvolutionImpl::ConvolutionImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride)
    : stride_(stride), padding_((kernel - stride + 1) / 2) {
  weight_ = register_parameter("weight", new_parameter({out, in, kernel, kernel}));
  bias_ = register_parameter("bias", new_parameter({out}, 0));
  truncated_normal_(weight_, 1 / std::sqrt(static_cast<double>(in * kernel * kernel)));
}

Tensor ConvolutionImpl::forward(const Tensor& x) {
  return at::conv2d(x, weight_, bias_, stride_, padding_);
}

StemBlockImpl::StemBlockImpl(int64_t channels) {
  norm_ = register_module("norm", VisionNorm(NormKind::kLayerNorm, channels, channels, kNormEps));
  convolution_ = register_module("convolution",
                                 Convolution(channels, channels, kStemBlockKernel, /*stride=*/1));
}

Tensor StemBlockImpl::forward(const Tensor& x) {
  // As channels lie innermost in memory, neither permutation copies.
  const Tensor normed = norm_(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
  return x + convolution_(at::relu(normed));
}

ConvolutionalStemImpl::ConvolutionalStemImpl(const VisionConfig& config) {
  for (const StemStage& stage : stem_stages(config)) {
    const std::string number = std::to_string(halvings_.size());
    halvings_.push_back(register_module(
        "halvings" + number, Convolution(stage.in, stage.out, stage.kernel, /*stride=*/2)));
    std::vector<StemBlock>& blocks = blocks_.emplace_back();
    for (int64_t i = 0; i < stage.blocks; ++i) {
      blocks.push_back(
          register_module("blocks" + number + "_" + std::to_string(i), StemBlock(stage.out)));
    }
  }
}

Tensor ConvolutionalStemImpl::forward(const Tensor& pixel_values) {
  Tensor x = pixel_values.contiguous(at::MemoryFormat::ChannelsLast);
  for (size_t stage = 0; stage < halvings_.size(); ++stage) {
    x = halvings_[stage](stage == 0 ? x : at::relu(x));
    for (StemBlock& block : blocks_[stage]) x = block(x);
  }
  return x.flatten(2).transpose(1, 2);
}

}  // namespace nvlm::vision
