// How results of a suite become series and captions; shared by the figures.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/ablations/suite_results.h"
#include "experiments/plots/figure.h"

namespace nvlm::experiments {

/// The arms of one matching, which stand in one panel.
struct MatchedArms {
  std::string matching;
  std::vector<const ArmResult*> arms;
};

/// In the order in which the suite names matchings.
std::vector<MatchedArms> by_matching(const SuiteResults& results);

/// "equal samples", "equal trainable parameters", "equal training FLOPs" or "".
std::string matching_title(const std::string& matching);

/// "token accuracy", "TEDS", "nats per token"
std::string metric_title(const std::string& metric);

/// The same at the start of a title.
std::string capital_metric_title(const std::string& metric);

/// The option's value in the arm, or "".
std::string option_of(const SuiteArm& arm, const std::string& option);

/// "NVLM-D" for "d" and so on; without a variant "mean over seeds".
std::string variant_title(const std::string& variant);

/// The look of a variant in all figures.
int variant_look(const std::string& variant);

/// The look of an arm in all figures of its suite: that of its variant where all arms of its
/// matching are of different variants, else that of its place among them.
int look_of(const SuiteResults& results, const SuiteArm& arm);

/// The series of this label, which is added where there is none.
Series& series_labelled(std::vector<Series>& all, const std::string& label, int look, Marks marks);

/// A mean over seeds as a point: low and high are the lowest and the highest seed.
FigurePoint seed_point(double x, const std::vector<double>& seed_values);

/// "<suite>-<preset>-<figure>" as a file name.
std::string figure_name(const Suite& suite, const std::string& figure);

/// `what`, then the runs of `arms`, the items and the revision, in sentences.
std::string figure_caption(const Suite& suite, const std::string& what,
                           std::span<const ArmResult* const> arms);

/// All arms of the suite, for figure_caption.
std::vector<const ArmResult*> all_arms(const SuiteResults& results);

}  // namespace nvlm::experiments
