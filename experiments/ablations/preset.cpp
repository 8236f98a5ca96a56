#include "experiments/ablations/preset.h"

#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm::experiments {
namespace {

/// Seconds a run: shows that everything fits together, learns nothing.
AblationPreset micro() {
  const ConfigOptions sizes = {
      {"decoder.hidden", "16"},  {"decoder.layers", "4"},     {"decoder.heads", "2"},
      {"decoder.kv_heads", "2"}, {"decoder.head_dim", "8"},   {"decoder.ffn_hidden", "24"},
      {"train.batch_size", "2"}, {"train.warmup_steps", "2"}, {"train.threads", "1"},
      {"train.workers", "0"},    {"train.dtype", "float32"},  {"train.log_every", "5"},
      {"train.keep_last", "1"}};
  AblationPreset preset{.name = "micro",
                        .summary = "seconds per run; shows that everything fits together",
                        .decoder = sizes,
                        .options = sizes,
                        .seeds = {1, 2},
                        .num_items = 4,
                        .max_new_tokens = 8};
  preset.decoder["train.steps"] = "2";
  preset.decoder["text.sequence_length"] = "32";
  const ConfigOptions fusion = {
      {"vision.hidden", "16"},          {"vision.layers", "1"},      {"vision.heads", "2"},
      {"vision.ffn_hidden", "16"},      {"vision.image_size", "56"}, {"tiling.max_tiles", "3"},
      {"features.source", "code"},      {"guidance.heads", "2"},     {"train.steps", "40"},
      {"train.checkpoint_every", "20"}, {"data.easy", "0"},          {"data.tiny", "1"},
      {"data.text_only", "0"}};
  preset.options.insert(fusion.begin(), fusion.end());
  return preset;
}

/// A decoder of a million parameters on tiny tables and coded features: about a minute per run on
/// one core, and it learns to read (docs/results/comparison.md has the curves).
AblationPreset lab_quick() {
  const ConfigOptions sizes = {
      {"decoder.hidden", "128"}, {"decoder.layers", "4"},    {"decoder.heads", "4"},
      {"decoder.kv_heads", "4"}, {"decoder.head_dim", "32"}, {"decoder.ffn_hidden", "352"},
      {"train.threads", "1"},    {"train.workers", "0"},     {"train.dtype", "float32"},
      {"train.muon", "3"},       {"train.log_every", "10"},  {"train.keep_last", "1"}};
  AblationPreset preset{.name = "lab-quick",
                        .summary = "about a minute per run on one core; tiny tables are learnt",
                        .decoder = sizes,
                        .options = sizes,
                        .seeds = {1, 2, 3},
                        .num_items = 120,
                        .max_new_tokens = 64};
  const ConfigOptions text = {
      {"train.steps", "150"}, {"train.batch_size", "16"}, {"text.sequence_length", "128"}};
  preset.decoder.insert(text.begin(), text.end());
  const ConfigOptions fusion = {{"vision.hidden", "128"},     {"vision.layers", "4"},
                                {"vision.heads", "4"},        {"vision.ffn_hidden", "512"},
                                {"vision.image_size", "112"}, {"tiling.max_tiles", "4"},
                                {"features.source", "code"},  {"features.legible_height", "12"},
                                {"train.steps", "300"},       {"train.batch_size", "16"},
                                {"train.lr", "2e-3"},         {"train.min_lr", "1e-4"},
                                {"train.warmup_steps", "20"}, {"train.checkpoint_every", "100"},
                                {"data.easy", "0"},           {"data.tiny", "1"},
                                {"data.text_only", "0"}};
  preset.options.insert(fusion.begin(), fusion.end());
  return preset;
}

/// The sizes of the shipped models on pictures that a trained encoder reads: hours.
AblationPreset lab() {
  AblationPreset preset{.name = "lab",
                        .summary = "the shipped models' sizes on pixels; as many hours as given",
                        .reads_pixels = true,
                        .seeds = {1, 2, 3},
                        .num_items = 200,
                        .max_new_tokens = 256};
  preset.decoder = {{"train.threads", "1"}, {"train.steps", "300"}};
  preset.options = {{"train.threads", "1"},
                    {"train.steps", "1200"},
                    {"train.batch_size", "16"},
                    {"train.lr", "1.5e-3"},
                    {"train.min_lr", "2e-5"},
                    {"train.warmup_steps", "50"},
                    {"train.checkpoint_every", "100"},
                    {"train.keep_last", "1"},
                    {"features.source", "encoder"},
                    {"data.text_only", "0.05"}};
  return preset;
}

constexpr AblationPreset (*kPresets[])() = {micro, lab_quick, lab};

}  // namespace

const std::vector<std::string>& ablation_preset_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto make : kPresets) all.push_back(make().name);
    return all;
  }();
  return names;
}

AblationPreset ablation_preset(const std::string& name) {
  std::string known;
  for (const auto make : kPresets) {
    AblationPreset preset = make();
    if (preset.name == name) return preset;
    known += (known.empty() ? "" : ", ") + preset.name;
  }
  throw UsageError("--preset: '" + name + "' is no preset, expected one of " + known +
                   did_you_mean(name, ablation_preset_names()));
}

}  // namespace nvlm::experiments
