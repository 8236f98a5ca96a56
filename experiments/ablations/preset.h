// How much an ablation spends: sizes of the model, difficulty of the data, samples, seeds, items.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/ablations/suite.h"

namespace nvlm::experiments {

struct AblationPreset {
  std::string name;
  std::string summary;  // one line, for help
  ConfigOptions decoder =
      {};  // of text-pretrain, once for all arms; its decoder's sizes hold for them
  ConfigOptions options = {};  // of every arm, before its own
  bool reads_pixels = false;   // a trained encoder reads the pictures; else features are coded
  std::vector<int64_t> seeds;
  int64_t num_items = 0;       // held out
  int64_t max_new_tokens = 0;  // of greedy answers, which TEDS is computed of; 0 = none
};

/// micro, lab-quick, lab.
const std::vector<std::string>& ablation_preset_names();

/// throws  UsageError naming the nearest known preset
AblationPreset ablation_preset(const std::string& name);

}  // namespace nvlm::experiments
