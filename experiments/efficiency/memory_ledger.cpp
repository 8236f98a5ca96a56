#include "experiments/efficiency/memory_ledger.h"

#include <algorithm>
#include <vector>

#include "vision/convolutional_stem.h"

namespace nvlm::experiments {
namespace {

constexpr double kWide = 4;  // bytes of float32: the residual stream, norms' factors, losses

/// One part of the decoder's stack, in the order of the forward pass.
struct StackPart {
  double kept = 0;       // bytes for the backward pass
  double input = 0;      // of them the part's input, which stays if the part is recomputed
  double transient = 0;  // bytes of its backward pass beside what is kept
  double gradients = 0;  // bytes of its trained parameters
};

/// Sizes in elements, bytes of an element, and what flows back.
struct Pass {
  double rows = 0;    // positions that linear maps see
  double padded = 0;  // batch * sequence, where attention runs
  double batch = 0, sequence = 0, memory = 0;
  double element = kWide;  // of the products' dtype
  bool is_packed = false;
  bool is_half() const { return element < kWide; }
};

/// Keys and queries of `heads` of `length` positions each, by this project's attention.
struct AttentionSizes {
  double heads = 0, kv_heads = 0, head_dim = 0;
  double keys = 0;  // positions that each query looks at
  bool has_mask = false;
};

/// Kept by attention over the padded samples; queries and keys of it included.
double attention_kept(const Pass& pass, const AttentionSizes& c) {
  const double width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const double queries = pass.padded, keys = pass.batch * c.keys;
  const double scores = pass.batch * c.heads * pass.sequence * c.keys;
  if (!pass.is_half()) {  // the fused kernel makes scores again: output and its scale instead
    const double mask = c.has_mask ? pass.batch * pass.sequence * c.keys * kWide : 0;
    return (2 * queries * width + 2 * keys * kv_width) * kWide + queries * c.heads * kWide + mask;
  }
  return (queries * width + 2 * keys * width + scores) * pass.element;
}

/// What attention hands to the projection behind it, which keeps it. The fused kernel has kept its
/// output already, and a view of it is enough unless it is copied.
double output_kept(const Pass& pass, double width, bool is_copied) {
  const double rows = is_copied ? pass.rows : pass.padded;
  return is_copied || pass.is_half() ? rows * width * pass.element : 0;
}

/// A norm's factors and its output, which the product behind it keeps if its weight is trained.
double norm_kept(const Pass& pass, double rows, double width, bool is_trained) {
  return rows * kWide + (is_trained ? rows * width * pass.element : 0);
}

/// A copy of a weight in the products' dtype.
double weight_copy(const Pass& pass, double elements) {
  return pass.is_half() ? elements * pass.element : 0;
}

/// Norm and SwiGLU of `rows`, without the residual.
double feed_forward_kept(const Pass& pass, double rows, double hidden, double ffn,
                         bool is_trained) {
  return norm_kept(pass, rows, hidden, is_trained) + rows * 2 * ffn * pass.element +
         (is_trained ? rows * ffn * pass.element : 0) + 2 * hidden * ffn * pass.element +
         weight_copy(pass, hidden * ffn);
}

double feed_forward_transient(const Pass& pass, double rows, double hidden, double ffn) {
  // Gradients of gate and up, while what stood behind them is gone.
  return rows * (2 * ffn * pass.element + hidden * (kWide + pass.element));
}

StackPart decoder_layer(const decoder::LlamaConfig& config, const Pass& pass, bool is_trained) {
  const auto hidden = static_cast<double>(config.hidden);
  const auto ffn = static_cast<double>(config.ffn_hidden);
  const AttentionSizes attention{static_cast<double>(config.heads),
                                 static_cast<double>(config.kv_heads),
                                 static_cast<double>(config.head_dim), pass.sequence};
  const double width = attention.heads * attention.head_dim;
  const double joined = width + 2 * attention.kv_heads * attention.head_dim;
  StackPart part;
  part.input = pass.rows * hidden * kWide;
  part.kept = part.input + norm_kept(pass, pass.rows, hidden, is_trained) +
              hidden * joined * pass.element + attention_kept(pass, attention) +
              (is_trained ? output_kept(pass, width, pass.is_packed) : 0) +
              weight_copy(pass, width * hidden) +
              pass.rows * hidden * kWide +  // between attention and feed-forward
              feed_forward_kept(pass, pass.rows, hidden, ffn, is_trained);
  part.transient = std::max(feed_forward_transient(pass, pass.rows, hidden, ffn),
                            pass.rows * hidden * kWide + pass.padded * joined * pass.element +
                                (pass.is_half() ? pass.batch * attention.heads * pass.sequence *
                                                      pass.sequence * pass.element
                                                : 0));
  if (is_trained) {
    part.gradients = (hidden * joined + width * hidden + 3 * hidden * ffn + 2 * hidden) * kWide;
  }
  return part;
}

/// A cross-attention block, which runs over padded samples.
StackPart memory_block(const fusion::GatedCrossAttentionConfig& config, const Pass& pass,
                       bool is_trained, bool has_memory_gradient) {
  const auto hidden = static_cast<double>(config.attention.hidden);
  const auto ffn = static_cast<double>(config.ffn_hidden);
  const AttentionSizes attention{static_cast<double>(config.attention.heads),
                                 static_cast<double>(config.attention.kv_heads),
                                 static_cast<double>(config.attention.head_dim), pass.memory,
                                 /*has_mask=*/true};
  const double width = attention.heads * attention.head_dim;
  const double kv_width = attention.kv_heads * attention.head_dim;
  const double rows = pass.padded, memory = pass.batch * pass.memory;
  StackPart part;
  part.input = pass.rows * hidden * kWide;
  part.kept =
      (pass.is_packed ? rows * hidden * kWide : part.input) +
      norm_kept(pass, rows, hidden, is_trained) + attention_kept(pass, attention) +
      (is_trained && pass.is_half() ? 2 * memory * hidden * pass.element : 0) +
      weight_copy(pass, 2 * hidden * width + (has_memory_gradient ? 2 : 0) * hidden * kv_width) +
      (is_trained ? output_kept(pass, width, /*is_copied=*/false) : 0) +
      (is_trained ? 2 * rows * hidden * pass.element : 0) +  // what the gates scale
      rows * hidden * kWide +                                // between attention and feed-forward
      feed_forward_kept(pass, rows, hidden, ffn, is_trained) + 2 * rows;  // masks of blind rows
  part.transient =
      std::max(feed_forward_transient(pass, rows, hidden, ffn),
               rows * hidden * kWide + (2 * rows * width + 2 * memory * kv_width) * pass.element +
                   (pass.is_half()
                        ? pass.batch * attention.heads * pass.sequence * pass.memory * pass.element
                        : 0));
  if (is_trained) {
    part.gradients =
        (2 * hidden * width + 2 * hidden * kv_width + 3 * hidden * ffn + 2 * hidden) * kWide;
  }
  return part;
}

/// What stands in front of the stack: projector, embeddings, memory.
StackPart front(const fusion::MultimodalConfig& config, const BatchShape& shape, const Pass& pass,
                const TrainedParts& trained) {
  const auto hidden = static_cast<double>(config.decoder.hidden);
  const auto input = static_cast<double>(config.fusion.projector.input);
  const auto inner = static_cast<double>(config.fusion.projector.hidden);
  const double rows = static_cast<double>(shape.projected * config.tile_tokens());
  StackPart part;
  if (trained.projector) {
    part.kept += rows * (input * pass.element + 2 * kWide);  // norm
    part.kept += rows * 2 * inner * pass.element;            // around the activation
    part.kept += weight_copy(pass, input * inner + inner * hidden);
    part.gradients += (input * inner + inner * hidden + inner + hidden + 2 * input) * kWide;
    part.transient = rows * (2 * inner * pass.element + input * (kWide + pass.element));
  }
  part.kept += rows * input * kWide;  // the features
  if (trained.decoder) {
    part.gradients += static_cast<double>(config.decoder.vocab) * hidden * kWide;
    part.transient = std::max(part.transient, pass.padded * hidden * kWide);
  }
  if (shape.memory > 0) part.kept += pass.batch * pass.memory * hidden * kWide;
  return part;
}

/// Final norm, head and loss.
StackPart head(const decoder::LlamaConfig& config, const BatchShape& shape, const Pass& pass,
               bool is_trained) {
  const auto hidden = static_cast<double>(config.hidden);
  const auto vocab = static_cast<double>(config.vocab);
  const auto scored = static_cast<double>(shape.logits);
  StackPart part;
  part.kept = pass.rows * (hidden * kWide + kWide) +
              (is_trained ? scored * hidden * pass.element : 0) + scored * vocab * kWide +
              weight_copy(pass, hidden * vocab);
  part.transient =
      scored * vocab * (kWide + pass.element) + pass.rows * hidden * (kWide + pass.element);
  if (is_trained) part.gradients = (hidden * vocab + hidden) * kWide;
  return part;
}

/// Attention of the first heads, in float32, kept for its gradient, and two gradients of it.
double guidance_kept(const Pass& pass, const StepMethod& method, bool in_memory, double head_dim) {
  const auto heads = static_cast<double>(method.guided_heads);
  const double keys = in_memory ? pass.memory : pass.sequence;
  return static_cast<double>(method.guided_places) * pass.batch * heads *
         (3 * pass.sequence * keys + (pass.sequence + keys) * head_dim) * kWide;
}

Pass pass_of(const BatchShape& shape, const StepMethod& method) {
  Pass pass;
  pass.padded = static_cast<double>(shape.batch * shape.sequence);
  pass.is_packed = shape.packed_rows > 0;
  pass.rows = pass.is_packed ? static_cast<double>(shape.packed_rows) : pass.padded;
  pass.batch = static_cast<double>(shape.batch);
  pass.sequence = static_cast<double>(shape.sequence);
  pass.memory = static_cast<double>(shape.memory);
  pass.element = method.dtype == at::kFloat ? kWide : 2;
  return pass;
}

/// The backward pass over `parts`, last one first.
StepMemory walk_back(std::vector<StackPart> parts, const StepMethod& method) {
  StepMemory memory;
  for (StackPart& part : parts) {
    const bool is_recomputed = method.recomputes_layers && part.input > 0;
    if (is_recomputed) {
      part.transient += part.kept - part.input;
      part.kept = part.input;
    }
    memory.activations += part.kept;
    memory.gradients += part.gradients;
  }
  double held = memory.activations, gradients = 0;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    gradients += part->gradients;
    memory.pass = std::max(memory.pass, held + gradients + part->transient);
    held -= part->kept;
  }
  memory.optimizer = memory.gradients * (2 - method.muon_share);
  return memory;
}

void add_stack(std::vector<StackPart>& parts, const decoder::LlamaConfig& config,
               const fusion::FusionConfig* fusion, const BatchShape& shape, const Pass& pass,
               const TrainedParts& trained, bool has_gradient, bool has_memory_gradient) {
  for (int64_t depth = 0; depth <= config.layers; ++depth) {
    const bool has_block =
        fusion != nullptr && shape.memory > 0 &&
        std::find(fusion->depths.begin(), fusion->depths.end(), depth) != fusion->depths.end();
    if (has_block && (has_gradient || trained.cross_attention || has_memory_gradient)) {
      parts.push_back(memory_block(fusion->cross_attention, pass, trained.cross_attention,
                                   has_memory_gradient));
      has_gradient = true;
    }
    if (depth == config.layers) break;
    if (has_gradient || trained.decoder) {
      parts.push_back(decoder_layer(config, pass, trained.decoder));
      has_gradient = true;
    }
  }
  parts.push_back(head(config, shape, pass, trained.decoder));
}

/// The output of the stem's first stage, its ReLU and the next stage's output, half as large: what
/// lies there where the picture is still large.
double stem_peak(const vision::VisionConfig& config, int64_t tiles, double element) {
  const int64_t side = config.image_size / 2;
  return 2.5 * static_cast<double>(tiles * config.stem_channels * side * side) * element;
}

double encoder_peak(const vision::VisionConfig& config, int64_t tiles, double element) {
  const auto tokens = static_cast<double>(tiles * (1 + config.patches()));
  const auto pixels = static_cast<double>(tiles * 3 * config.image_size * config.image_size);
  const auto hidden = static_cast<double>(config.hidden);
  const double layer = std::max(2 * static_cast<double>(config.ffn_hidden),
                                4 * static_cast<double>(config.attention_width()));
  const double layers = tokens * (2 * hidden + layer) * element;
  if (config.stem_channels == 0) return pixels * (kWide + element) + layers;
  return pixels * kWide + std::max(stem_peak(config, tiles, element), layers);
}

/// Bytes of the gradients of a linear map or convolution with its bias.
double linear_gradients(double in, double out) { return (in * out + out) * kWide; }

/// The stem of a trained encoder, without the pixels that it reads.
StackPart trained_stem(const vision::VisionConfig& config, const Pass& pass) {
  StackPart part;
  for (const vision::StemStage& stage : vision::stem_stages(config)) {
    const auto in = static_cast<double>(stage.in), out = static_cast<double>(stage.out);
    const double side = static_cast<double>(config.image_size / stage.pixels_a_place);
    const double made = pass.batch * side * side * out * pass.element;
    const double block_in =
        out * static_cast<double>(vision::kStemBlockKernel * vision::kStemBlockKernel);
    const auto blocks = static_cast<double>(stage.blocks);
    part.kept += made * (1 + 2 * blocks);  // each block's input and what its filters see
    part.gradients += linear_gradients(in * static_cast<double>(stage.kernel * stage.kernel), out) +
                      blocks * (linear_gradients(block_in, out) + 2 * out * kWide);
    part.transient = std::max(part.transient, 3 * made);
  }
  return part;
}

StackPart trained_encoder_layer(const vision::VisionConfig& config, const Pass& pass) {
  const auto hidden = static_cast<double>(config.hidden);
  const auto ffn = static_cast<double>(config.ffn_hidden);
  const auto width = static_cast<double>(config.attention_width());
  const double heads = static_cast<double>(config.heads + config.dummy_heads);
  const AttentionSizes attention{heads, heads, static_cast<double>(config.head_dim()),
                                 pass.sequence};
  const double norm = pass.rows * (hidden * (kWide + pass.element) + 2 * kWide);  // and its input
  StackPart part;
  part.kept = 2 * norm + attention_kept(pass, attention) + output_kept(pass, width, false) +
              pass.rows * 2 * ffn * pass.element +     // around the activation
              pass.rows * 2 * hidden * pass.element +  // what the layer scales are multiplied with
              weight_copy(pass, 4 * hidden * width + 2 * hidden * ffn);
  part.transient = std::max(pass.rows * (2 * ffn * pass.element + hidden * kWide),
                            pass.rows * 3 * width * pass.element);
  part.gradients = linear_gradients(hidden, 3 * width) + linear_gradients(width, hidden) +
                   linear_gradients(hidden, ffn) + linear_gradients(ffn, hidden) +
                   6 * hidden * kWide;
  return part;
}

/// Everything that a trained encoder keeps, in the order of its forward pass.
std::vector<StackPart> trained_encoder(const vision::VisionConfig& config, int64_t tiles,
                                       const StepMethod& method) {
  Pass pass;
  pass.batch = static_cast<double>(tiles);
  pass.sequence = static_cast<double>(1 + config.patches());
  pass.rows = pass.padded = pass.batch * pass.sequence;
  pass.element = method.dtype == at::kFloat ? kWide : 2;
  const double pixels = pass.batch * static_cast<double>(3 * config.image_size * config.image_size);
  const auto patch = static_cast<double>(3 * config.patch_size * config.patch_size);
  const auto hidden = static_cast<double>(config.hidden);
  StackPart embeddings;
  if (config.stem_channels > 0) {
    embeddings = trained_stem(config, pass);
  } else {
    embeddings.gradients = linear_gradients(patch, hidden);
  }
  embeddings.kept += pixels * (kWide + (pass.is_half() ? pass.element : 0));
  embeddings.gradients += (pass.sequence + 1) * hidden * kWide;  // class token and positions
  std::vector<StackPart> parts = {embeddings};
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    parts.push_back(trained_encoder_layer(config, pass));
  }
  return parts;
}

}  // namespace

double StepMemory::peak(bool gradients_before) const {
  const double held = gradients_before ? gradients : 0;
  return optimizer + std::max({held + pass, held + encoder, gradients});
}

StepMemory step_memory(const fusion::MultimodalConfig& config, const BatchShape& shape,
                       const StepMethod& method) {
  const Pass pass = pass_of(shape, method);
  const TrainedParts& trained = method.trained;
  const bool has_encoder = trained.encoder && shape.encoded > 0;
  const bool has_tile_gradient = has_encoder || trained.projector;
  std::vector<StackPart> parts;
  if (has_encoder) parts = trained_encoder(config.vision, shape.encoded, method);
  parts.push_back(front(config, shape, pass, trained));
  const bool has_gradient = trained.decoder || (shape.inline_tiles > 0 && has_tile_gradient);
  add_stack(parts, config.decoder, &config.fusion, shape, pass, trained, has_gradient,
            shape.memory_tiles > 0 && has_tile_gradient);
  const auto head_dim = static_cast<double>(config.decoder.head_dim);
  parts.back().kept += guidance_kept(pass, method, shape.memory > 0, head_dim);
  StepMemory memory = walk_back(std::move(parts), method);
  if (!has_encoder) memory.encoder = encoder_peak(config.vision, shape.encoded, pass.element);
  return memory;
}

StepMemory step_memory(const decoder::LlamaConfig& config, const BatchShape& shape,
                       const StepMethod& method) {
  const Pass pass = pass_of(shape, method);
  StackPart embedding;
  embedding.gradients = static_cast<double>(config.vocab * config.hidden) * kWide;
  embedding.transient = pass.padded * static_cast<double>(config.hidden) * kWide;
  std::vector<StackPart> parts = {embedding};
  add_stack(parts, config, nullptr, shape, pass, method.trained, method.trained.decoder, false);
  return walk_back(std::move(parts), method);
}

}  // namespace nvlm::experiments
