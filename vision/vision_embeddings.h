// What enters the first block of the vision encoder: class token, patches, positions.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "common/tensor.h"
#include "vision/convolutional_stem.h"
#include "vision/vision_config.h"

namespace nvlm::vision {

/// Fills with a normal distribution of mean 0, cut off at two deviations, where a ParameterScope
/// has parameters initialised.
void truncated_normal_(const Tensor& parameter, double deviation = 0.02);

/// Radians per patch of wave 0 .. waves - 1 of grid_positions(): from 1 down to 1/64, geometric.
double position_frequency(int64_t wave, int64_t waves);

/// Sines and cosines of row and column, where learned positions start from in training: patches
/// that are near one another begin alike, so attention finds its neighbours early.
/// returns  [grid * grid, hidden], float32: hidden / 4 waves as sine of the row, cosine of the row,
///          sine and cosine of the column; what is left over is 0
/// source   "An Image is Worth 16x16 Words" learns them; 2-D sinusoids as in arXiv 2205.01580
Tensor grid_positions(int64_t grid, int64_t hidden);

/// Projects each patch linearly: a convolution whose stride is its kernel, stored as one, computed
/// as a matrix product.
/// pixel_values  [tiles, 3, height, width], multiples of the patch size
/// returns       [tiles, patches, hidden], patches row-major
class PatchEmbeddingImpl : public torch::nn::Module {
 public:
  PatchEmbeddingImpl(int64_t hidden, int64_t patch_size, bool has_bias);
  Tensor forward(const Tensor& pixel_values);

 private:
  int64_t patch_size_;
  Tensor weight_;  // [hidden, 3, patch_size, patch_size]
  Tensor bias_;    // [hidden]; undefined without bias
};
TORCH_MODULE(PatchEmbedding);

/// Class token and patches plus positions.
/// pixel_values  [tiles, 3, height, width]
/// returns       [tiles, 1 + patches, hidden]
/// throws        c10::Error if height or width is no multiple of the patch size
/// source        InternVL, InternVisionEmbeddings
class VisionEmbeddingsImpl : public torch::nn::Module {
 public:
  explicit VisionEmbeddingsImpl(const VisionConfig& config);
  Tensor forward(const Tensor& pixel_values);

  /// The positions for a grid of patches: the class token's as it is, those of the patches resized
  /// (bicubic, not antialiased) where the grid differs from the stored one.
  /// returns  [1, 1 + rows * columns, hidden]
  Tensor positions(int64_t rows, int64_t columns) const;

 private:
  VisionConfig config_;
  Tensor class_embedding_;                   // [1, 1, hidden]
  Tensor position_embedding_;                // [1, 1 + patches, hidden]
  PatchEmbedding patch_embedding_{nullptr};  // one of the two
  ConvolutionalStem stem_{nullptr};
};
TORCH_MODULE(VisionEmbeddings);

}  // namespace nvlm::vision
