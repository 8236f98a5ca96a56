#include "experiments/ablations/suite.h"

#include <c10/util/Exception.h>

#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm::experiments {
namespace {

/// The paper's main comparison (Table 7), and the cell of the routing table that it leaves out.
SuiteRecipe fusion_suite() {
  return {.name = "fusion",
          .question =
              "How should a picture enter the decoder: in its sequence (D), in a memory "
              "that cross-attention reads (X), or by both ways (H)?",
          .matchings = {Matching::kSamples, Matching::kParameters, Matching::kFlops},
          .arms = {{"d", "NVLM-D", {{"fusion.variant", "d"}}},
                   {"x", "NVLM-X", {{"fusion.variant", "x"}}},
                   {"h", "NVLM-H", {{"fusion.variant", "h"}}},
                   {"reversed", "reversed H", {{"fusion.variant", "reversed"}}}},
          .comparisons = {{"d", "x"}, {"d", "h"}, {"x", "h"}, {"d", "reversed"}}};
}

/// Table 1 of the paper.
SuiteRecipe tile_tags_suite() {
  return {.name = "tile-tags",
          .question = "Do tags in front of tiles help NVLM-D to put them together, and which kind?",
          .matchings = {Matching::kSamples},
          .options = {{"fusion.variant", "d"}},
          .arms = {{"none", "no tags", {{"fusion.tile_tags", "none"}}},
                   {"1d", "1-D tags", {{"fusion.tile_tags", "1d"}}},
                   {"2d-grid", "2-D grid tags", {{"fusion.tile_tags", "2d-grid"}}},
                   {"2d-box", "2-D box tags", {{"fusion.tile_tags", "2d-box"}}}},
          .comparisons = {{"none", "1d"}, {"none", "2d-grid"}, {"none", "2d-box"}}};
}

/// Dynamic high resolution (Tables 3 and 4 of the paper): so many tiles at most. One tile is the
/// thumbnail alone, which is the paper's low resolution.
SuiteRecipe resolution_suite() {
  SuiteRecipe suite{.name = "resolution",
                    .question = "How much do more tiles per picture help, and for how small print?",
                    .matchings = {Matching::kSamples},
                    // Small tiles, where the encoder is not a trained one: the tables of quick
                    // presets would fit on one tile otherwise.
                    .options = {{"fusion.variant", "d"}, {"vision.image_size", "56"}}};
  suite.arms.push_back({"low-res", "thumbnail alone", {{"tiling.max_tiles", "1"}}});
  for (const std::string tiles : {"2", "4", "6", "12"}) {
    suite.arms.push_back({tiles, "up to " + tiles + " tiles", {{"tiling.max_tiles", tiles}}});
    suite.comparisons.push_back({"low-res", tiles});
  }
  return suite;
}

SuiteRecipe cross_layers_suite() {
  const auto blocks = [](const std::string& count, const std::string& first,
                         const std::string& spacing) {
    return ConfigOptions{{"fusion.num_blocks", count},
                         {"fusion.first_block_depth", first},
                         {"fusion.block_spacing", spacing}};
  };
  SuiteRecipe suite{
      .name = "cross-layers",
      .question = "How many cross-attention blocks does NVLM-X need, and where?",
      .matchings = {Matching::kSamples},
      .options = {{"fusion.variant", "x"}},
      .arms = {{"1-first", "one, before layer 1", blocks("1", "1", "1")},
               {"2-early", "two, before layers 1 and 2", blocks("2", "1", "1")},
               {"2-spread", "two, before layers 1 and 3", blocks("2", "1", "2")},
               {"2-late", "two, before and after the last layer", blocks("2", "3", "1")},
               {"4-every", "four, one after every layer", blocks("4", "1", "1")}},
      .comparisons = {{"2-early", "1-first"},
                      {"2-early", "2-spread"},
                      {"2-early", "2-late"},
                      {"2-early", "4-every"}}};
  // The guidance of two places falls to one block: the place of the next token matters more.
  suite.arms.front().options["guidance.next_block"] = "0";
  suite.arms.front().options["guidance.current_block"] = "1";
  return suite;
}

SuiteRecipe frozen_decoder_suite() {
  const auto arm = [](const std::string& variant, const std::string& label, bool trained) {
    return ArmRecipe{
        variant + (trained ? "-trained" : "-frozen"),
        label + (trained ? ", decoder trained" : ", decoder frozen"),
        {{"fusion.variant", variant}, {"fusion.train_decoder", trained ? "true" : "false"}}};
  };
  return {.name = "frozen-decoder",
          .question =
              "Does the decoder have to be trained along, or is what stands in front of it "
              "enough?",
          .matchings = {Matching::kSamples},
          .arms = {arm("d", "NVLM-D", true), arm("d", "NVLM-D", false), arm("x", "NVLM-X", true),
                   arm("x", "NVLM-X", false)},
          .comparisons = {{"d-trained", "d-frozen"}, {"x-trained", "x-frozen"}}};
}

SuiteRecipe text_mix_suite() {
  const auto share = [](const std::string& value) {
    return ConfigOptions{{"data.text_only", value}};
  };
  return {
      .name = "text-mix",
      .question =
          "What does training on pictures cost in text ability, and how much text-only "
          "data keeps it?",
      .held_out = HeldOut::kText,
      // An arm that is not trained shares no budget with the others.
      .matchings = {Matching::kNone},
      .options = {{"fusion.variant", "d"}},
      // One step whose rate changes nothing in single precision.
      .arms = {{"before",
                "before training",
                {{"train.steps", "1"},
                 {"train.warmup_steps", "1"},
                 {"train.lr", "1e-12"},
                 {"train.min_lr", "0"}}},
               {"0", "no text", share("0")},
               {"5", "5% text", share("0.05")},
               {"20", "20% text", share("0.2")}},
      .comparisons = {{"before", "0"}, {"before", "5"}, {"before", "20"}, {"0", "5"}, {"0", "20"}}};
}

/// Appendix C of the paper. Both arms without guidance: a resampled token stands for no place that
/// attention could be guided to.
SuiteRecipe resampler_suite() {
  return {.name = "resampler",
          .question = "Does a perceiver resampler in front of the memory cost NVLM-X its reading?",
          .matchings = {Matching::kSamples},
          .options = {{"fusion.variant", "x"}, {"guidance.weight", "0"}},
          .arms = {{"without", "all tokens of a tile", {{"fusion.resampler_latents", "0"}}},
                   {"with", "8 latents per tile", {{"fusion.resampler_latents", "8"}}}},
          .comparisons = {{"without", "with"}}};
}

SuiteRecipe data_quality_suite() {
  const auto wrong = [](const std::string& value) {
    return ConfigOptions{{"data.corrupted_cells", value}};
  };
  return {.name = "data-quality",
          .question = "How much do wrong cells in the ground truth of training cost?",
          .matchings = {Matching::kSamples},
          .options = {{"fusion.variant", "d"}},
          .arms = {{"clean", "all cells right", wrong("0")},
                   {"wrong-10", "10% of cells wrong", wrong("0.1")},
                   {"wrong-30", "30% of cells wrong", wrong("0.3")}},
          .comparisons = {{"clean", "wrong-10"}, {"clean", "wrong-30"}}};
}

constexpr SuiteRecipe (*kSuites[])() = {fusion_suite,       tile_tags_suite,      resolution_suite,
                                        cross_layers_suite, frozen_decoder_suite, text_mix_suite,
                                        resampler_suite,    data_quality_suite};

}  // namespace

std::string name(Matching matching) {
  switch (matching) {
    case Matching::kNone:
      return "none";
    case Matching::kSamples:
      return "samples";
    case Matching::kParameters:
      return "parameters";
    case Matching::kFlops:
      return "flops";
  }
  TORCH_INTERNAL_ASSERT(false, "no such matching");
}

const std::vector<std::string>& suite_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto make : kSuites) all.push_back(make().name);
    return all;
  }();
  return names;
}

SuiteRecipe suite_recipe(const std::string& name) {
  std::string known;
  for (const auto make : kSuites) {
    SuiteRecipe suite = make();
    if (suite.name == name) return suite;
    known += (known.empty() ? "" : ", ") + suite.name;
  }
  throw UsageError("'" + name + "' is no suite, expected one of " + known +
                   did_you_mean(name, suite_names()));
}

}  // namespace nvlm::experiments
