// Relaxed accuracy, the score of ChartQA and PlotQA.
#pragma once

#include <string_view>

namespace nvlm::eval {

/// Largest error of a number, relative to the answer.
inline constexpr double kRelaxedTolerance = 0.05;

/// Whether the prediction is right: two numbers, the answer not 0, may differ by 5% of the answer;
/// everything else must be equal but for case and for white space at the ends. "12%" is the number
/// 0.12; "1,200" is no number.
/// source: Masry et al. 2022 (arXiv 2203.10244) after Methani et al. 2020; code of pix2struct
bool relaxed_match(std::string_view prediction, std::string_view answer);

}  // namespace nvlm::eval
