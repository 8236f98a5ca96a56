// Scores a trained model on the held-out items of its suite.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/ablations/stored_suite.h"
#include "experiments/ablations/suite.h"
#include "experiments/tasks/fusion_task.h"

namespace nvlm::experiments {

struct EvaluationRequest {
  HeldOut held_out = HeldOut::kTables;
  MixtureConfig mixture;
  int64_t num_items = 0;
  int64_t max_new_tokens = 0;  // of greedy answers; 0 = no TEDS
};

/// TEDS of an answer, a score below 0 raised to 0.
/// answer, truth   tables in Markdown, merged cells marked (eval/table/merge_marks.h)
/// throws  c10::Error if it is none
double answer_teds(const std::string& answer, const std::string& truth);

/// One row per item, in the order of held_out_rows(). Negative log-likelihood and accuracy are of
/// the true answer, teacher-forced, its end token included; TEDS of the greedy answer, with scores
/// below 0 raised to 0. Features come from where the task's do.
std::vector<ItemRow> evaluate_items(FusionTask& task, const EvaluationRequest& request);

/// What it costs to answer the items one by one, without labels: mean FLOPs by the ledger, and the
/// median seconds, over a few of them, from pixels to an answer as long as the true one (features
/// that are coded are read by the untrained encoder, which takes as long as a trained one).
AnswerCost measure_answer_cost(FusionTask& task, const EvaluationRequest& request);

}  // namespace nvlm::experiments
