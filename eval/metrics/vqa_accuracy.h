// VQA accuracy, the score of VQAv2 and TextVQA.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nvlm::eval {

/// min(1, matches / 3) against all annotators but one, averaged over the one that is left out. With
/// ten annotators: 0, 0.3, 0.6, 0.9, 1 for 0, 1, 2, 3, 4 and more that agree. A single answer
/// counts 1 if it matches. All texts by normalize_vqa_answer.
/// answers  one per annotator, duplicates included
/// throws   std::invalid_argument if there is none
/// source:  Antol et al. 2015 (arXiv 1505.00468); vqaEval.py of GT-Vision-Lab/VQA
/// differs: answers are normalised even if all annotators wrote the same, as visualqa.org says
double vqa_accuracy(std::string_view prediction, std::span<const std::string> answers);

}  // namespace nvlm::eval
