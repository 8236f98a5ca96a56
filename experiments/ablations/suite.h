// The questions that `nvlm ablate` answers: a suite is a few arms that differ in one thing.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace nvlm::experiments {

/// "fusion.variant" -> "d": fields of an ExperimentConfig that differ from a recipe's.
using ConfigOptions = std::map<std::string, std::string>;

/// What the arms of a group have in common beside data order and seeds.
enum class Matching {
  kNone,        // nothing: an arm is there for another reason than to be compared at equal cost
  kSamples,     // samples seen in training
  kParameters,  // trainable parameters, and samples
  kFlops,       // floating-point operations of training
};

/// "none", "samples", "parameters", "flops"; names a folder of the results.
std::string name(Matching matching);

struct ArmRecipe {
  std::string name;   // "x"
  std::string label;  // "NVLM-X"
  ConfigOptions options;
};

/// What the runs of a suite are scored on.
enum class HeldOut {
  kTables,  // pictures of tables
  kText,    // documents without a picture
};

struct SuiteRecipe {
  std::string name;
  std::string question;
  HeldOut held_out = HeldOut::kTables;
  std::vector<Matching> matchings;  // every arm runs under each of them
  ConfigOptions options = {};       // of all arms
  std::vector<ArmRecipe> arms = {};
  std::vector<std::pair<std::string, std::string>> comparisons = {};  // baseline, arm
};

/// fusion, tile-tags, resolution, cross-layers, frozen-decoder, text-mix, resampler, data-quality.
const std::vector<std::string>& suite_names();

/// throws  UsageError naming the nearest known suite
SuiteRecipe suite_recipe(const std::string& name);

}  // namespace nvlm::experiments
