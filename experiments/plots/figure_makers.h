// Every figure that is made from a stored suite. A new one is a function here and a line in
// figure_makers.cpp.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/ablations/suite_results.h"
#include "experiments/plots/figure.h"

namespace nvlm::experiments {

/// The headline metric of all arms, by matching, with 95% intervals over seeds.
std::vector<Figure> headline_points(const EvaluatedSuite& suite);

/// The differences of the planned comparisons with the 95% intervals that their verdicts rest on.
/// None where nothing was planned or could be tested.
std::vector<Figure> difference_points(const EvaluatedSuite& suite);

/// The headline metric against the number of tiles: of the arms where they differ in tiles, else of
/// items with that many, by arm. None where all have equally many.
std::vector<Figure> accuracy_against_tiles(const EvaluatedSuite& suite);

/// The headline metric against the height of the print on the picture, in up to five bins of
/// equally many items, by arm. None where all print is equally high or there are no pictures.
std::vector<Figure> accuracy_against_glyph_height(const EvaluatedSuite& suite);

/// The headline metric against training FLOPs, by arm; one point per matching. None where all arms
/// cost the same.
std::vector<Figure> accuracy_against_training_flops(const EvaluatedSuite& suite);

/// The headline metric against the latency and the FLOPs of an answer, with the Pareto front.
std::vector<Figure> accuracy_against_answer_cost(const EvaluatedSuite& suite);

/// FLOPs of N answers to one picture, which is encoded and read once, against N, for suites that
/// compare variants. source: the test-time question of Snell et al. 2024 (arXiv 2408.03314)
std::vector<Figure> flops_against_samples(const EvaluatedSuite& suite);

/// Tile tags: our bars beside those of NVLM's tables 1 and 2, each on its own axis. None for suites
/// whose arms do not differ in fusion.tile_tags.
/// source: NVLM (arXiv 2409.11402) §4.2.1, tables 1 (D, 34B) and 2 (X, 34B)
std::vector<Figure> tile_tag_bars(const EvaluatedSuite& suite);

/// Training loss against samples, by arm: mean over seeds, band from the lowest to the highest.
/// None without metrics.jsonl.
std::vector<Figure> loss_curves(const EvaluatedSuite& suite);

/// Gates of the cross-attention blocks while training, by block; mean over seeds. One figure per
/// matching, two panels per arm; none without such metrics.
std::vector<Figure> gate_curves(const EvaluatedSuite& suite);

struct FigureMaker {
  const char* name;   // "accuracy-tiles"
  const char* shows;  // one line
  std::vector<Figure> (*make)(const EvaluatedSuite& suite);
};

/// All of the above, in the order of a report.
const std::vector<FigureMaker>& figure_makers();

/// Every figure that can be made of the suite.
std::vector<Figure> all_figures(const EvaluatedSuite& suite);

/// The figures that the maker `name` makes of the suites.
/// throws  std::invalid_argument: an unknown name (with the nearest), or none of the suites has
///         what the figure needs
std::vector<Figure> figures_named(std::span<const EvaluatedSuite> suites, const std::string& name);

}  // namespace nvlm::experiments
