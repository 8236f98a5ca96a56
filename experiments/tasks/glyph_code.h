// What the lab's encoder is taught to write into each patch: a code of its characters and place.
#pragma once

#include <cstdint>
#include <vector>

#include "common/random.h"
#include "common/tensor.h"

namespace nvlm::experiments {

/// How far simulated features are from a perfect reading.
struct ReadingErrors {
  double misread = 0;  // chance that a character's code is mixed with another's or lost
  double noise = 0;    // standard deviation of Gaussian noise on every number
};

/// A code book of random signs: the hidden state of a patch is the sum of one vector for each of
/// its up to three characters (left to right) and of the patch's position.
///
/// chosen: with a code that is known beforehand the encoder and what reads it need not be trained
/// one after the other. The reader is trained to produce the code; a fusion can be trained on codes
/// made from labels alone, without pixels, and meets the encoder's own features afterwards.
/// Positions are the sinusoids that the encoder starts from, so that a memory without rotary
/// positions still says where each of its tokens stands.
class GlyphCode {
 public:
  /// hidden  width of the encoder
  /// grid    patches along a side of a tile
  GlyphCode(int64_t hidden, int64_t grid, at::Device device = at::kCPU);

  /// labels   int64 [tiles, patches, 3], classes as glyph_labels() gives them
  /// returns  float32 [tiles, patches, hidden]
  Tensor encode(const Tensor& labels) const;

  /// encode() as an imperfect reader would give it: some codes lost or mixed with another
  /// character's, noise on top. errors by tile, as many as tiles. On the CPU only.
  Tensor encode_with_errors(const Tensor& labels, const std::vector<ReadingErrors>& errors,
                            Random& random) const;

  /// How much a hidden state says for each character.
  /// hidden   [tiles, patches, hidden]
  /// returns  float32 [tiles, patches, 3, classes - 1], logits; entry 0 is class 1: what a patch
  ///          without a character should say is a matter of the squared error alone
  Tensor logits(const Tensor& hidden) const;

 private:
  Tensor characters_;    // [3 * classes, hidden], 1 or -1; 0 for class 0
  Tensor slot_offsets_;  // [3], int64: first row of each slot
  Tensor positions_;     // [patches, hidden]
};

}  // namespace nvlm::experiments
