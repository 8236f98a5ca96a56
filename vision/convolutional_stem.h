// Convolutions in place of the linear patch embedding: a stroke is learned once, not for each of
// the places where it can lie in a patch.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <vector>

#include "common/tensor.h"
#include "vision/vision_config.h"
#include "vision/vision_layer.h"

namespace nvlm::vision {

inline constexpr int64_t kStemBlockKernel = 3;

/// One halving of the picture and the residual blocks behind it.
struct StemStage {
  int64_t in, out;         // channels
  int64_t kernel;          // side of the halving convolution, whose stride is 2
  int64_t blocks;          // residual blocks, each one convolution of side kStemBlockKernel
  int64_t pixels_a_place;  // side, of the picture
};

/// The stages of an encoder with stem_channels > 0: channels double with each halving, until a
/// place is a patch of `hidden` numbers. The first and the last stage have no residual blocks.
/// chosen: two blocks a stage, so that the stem sees about as far as a large character is wide.
std::vector<StemStage> stem_stages(const VisionConfig& config);

/// A square convolution with bias that keeps the picture's size, or divides it by its stride.
class ConvolutionImpl : public torch::nn::Module {
 public:
  ConvolutionImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride);
  /// x        [batch, in, height, width]
  /// returns  [batch, out, height / stride, width / stride]
  Tensor forward(const Tensor& x);

 private:
  int64_t stride_, padding_;
  Tensor weight_;  // [out, in, kernel, kernel]
  Tensor bias_;    // [out]
};
TORCH_MODULE(Convolution);

/// x + convolution(relu(norm(x))), the norm over the channels of each place.
class StemBlockImpl : public torch::nn::Module {
 public:
  explicit StemBlockImpl(int64_t channels);
  /// x        [batch, channels, height, width], channels innermost in memory
  /// returns  the same shape
  Tensor forward(const Tensor& x);

 private:
  VisionNorm norm_{nullptr};
  Convolution convolution_{nullptr};
};
TORCH_MODULE(StemBlock);

/// pixel_values  [tiles, 3, height, width], multiples of the patch size
/// returns       [tiles, patches, hidden], patches row-major
/// source        Xiao et al., Early Convolutions Help Transformers See Better (arXiv 2106.14881);
///               the residual blocks are this project's
class ConvolutionalStemImpl : public torch::nn::Module {
 public:
  explicit ConvolutionalStemImpl(const VisionConfig& config);
  Tensor forward(const Tensor& pixel_values);

 private:
  std::vector<Convolution> halvings_;
  std::vector<std::vector<StemBlock>> blocks_;  // by stage
};
TORCH_MODULE(ConvolutionalStem);

}  // namespace nvlm::vision
