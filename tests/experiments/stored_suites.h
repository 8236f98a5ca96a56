// Stored suites made up for tests: seeded random rows with a known difference between arms.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/ablations/stored_suite.h"

namespace nvlm::test {

/// An arm whose rows are `gain` better than others' in mean.
struct MadeArm {
  std::string matching, arm, label;
  double gain = 0.0;
  std::map<std::string, std::string> options;
};

struct MadeSuite {
  std::string suite = "fusion";
  std::string preset = "micro";
  std::string metric = "token_accuracy";
  std::vector<int64_t> seeds = {1, 2, 3};
  int64_t num_items = 60;
  double seed_spread = 0.002;  // deviation of an arm's mean from seed to seed
  std::vector<MadeArm> arms;
  std::vector<experiments::SuiteComparison> comparisons;
};

/// D, X and H under three matchings: X 0.08 below D and 0.3 s quicker, H 0.04 below D.
MadeSuite fusion_suite();

/// Four kinds of tags for D; 1-D tags gain 0.06.
MadeSuite tile_tags_suite();

/// The thumbnail alone, 1, 2, 4 and 6 tiles.
MadeSuite resolution_suite();

/// Five arms with long names.
MadeSuite cross_layers_suite();

/// Writes the suite with all runs, rows and metrics into `folder`, which it makes.
void write_made_suite(const std::filesystem::path& folder, const MadeSuite& made);

}  // namespace nvlm::test
