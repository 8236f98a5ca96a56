#include "experiments/plots/figure_makers.h"

#include <stdexcept>

#include "common/nearest_name.h"

namespace nvlm::experiments {

const std::vector<FigureMaker>& figure_makers() {
  static const std::vector<FigureMaker> makers = {
      {"headline", "the headline metric of all arms, by matching", headline_points},
      {"differences", "the planned comparisons with their intervals", difference_points},
      {"accuracy-tiles", "the headline metric against tiles", accuracy_against_tiles},
      {"accuracy-glyph-height", "the headline metric against the height of the print",
       accuracy_against_glyph_height},
      {"accuracy-training-flops", "the headline metric against training FLOPs",
       accuracy_against_training_flops},
      {"accuracy-answer-cost", "the headline metric against latency and FLOPs of an answer",
       accuracy_against_answer_cost},
      {"flops-samples", "FLOPs of N answers to one picture, against N", flops_against_samples},
      {"tile-tags", "tile tags, ours beside the paper's", tile_tag_bars},
      {"loss-curves", "training loss, with bands over seeds", loss_curves},
      {"gates", "gates of cross-attention blocks over training", gate_curves},
  };
  return makers;
}

std::vector<Figure> all_figures(const EvaluatedSuite& suite) {
  std::vector<Figure> figures;
  for (const FigureMaker& maker : figure_makers()) {
    for (Figure& figure : maker.make(suite)) figures.push_back(std::move(figure));
  }
  return figures;
}

std::vector<Figure> figures_named(std::span<const EvaluatedSuite> suites, const std::string& name) {
  std::vector<std::string> known;
  for (const FigureMaker& maker : figure_makers()) {
    known.emplace_back(maker.name);
    if (name != maker.name) continue;
    std::vector<Figure> figures;
    for (const EvaluatedSuite& suite : suites) {
      for (Figure& figure : maker.make(suite)) figures.push_back(std::move(figure));
    }
    if (figures.empty()) {
      throw std::invalid_argument("figure '" + name + "' (" + maker.shows +
                                  ") cannot be made of these suites: no arms, rows or metrics "
                                  "that it shows");
    }
    return figures;
  }
  throw std::invalid_argument("no figure '" + name + "'" + did_you_mean(name, known));
}

}  // namespace nvlm::experiments
