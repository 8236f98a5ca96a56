// The tasks of nvlm eval; one file each, or one for those that share their options.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"

namespace nvlm::cli {

/// What may follow "nvlm eval" that predicts and scores: tables, ocr, docvqa, ...
const std::vector<std::string>& eval_task_names();

/// Predicts and scores the task of that name.
int run_eval_task(const std::string& name, const Arguments& arguments);

/// nvlm eval compare A B
int run_eval_compare(const Arguments& arguments);

/// nvlm eval report RUN...
int run_eval_report(const Arguments& arguments);

/// nvlm eval confidence: cell probabilities of a run against the truth.
int run_eval_confidence(const Arguments& arguments);

/// nvlm eval text: likelihood of a text file.
int run_eval_text(const Arguments& arguments);

}  // namespace nvlm::cli
