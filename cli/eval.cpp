// nvlm eval: chooses the task.
#include <iostream>

#include "cli/eval_verbs.h"
#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm::cli {
namespace {

void print_eval_help() {
  std::cout << "nvlm eval TASK [options]      nvlm eval TASK --help\n\n"
               "Predicts and scores: every answer goes to RUN/predictions.jsonl, and that file "
               "alone is\nscored into RUN/scores.json and RUN/item_scores.jsonl.\n  ";
  for (const std::string& name : eval_task_names()) std::cout << name << " ";
  std::cout << "\n\nOther tasks\n"
               "  compare A B   two runs, from their item_scores.jsonl alone; also --compare A B\n"
               "  report RUN... several runs as a Markdown table\n"
               "  confidence    whether a run's cell probabilities mean something\n"
               "  text          perplexity of a decoder on a text file\n\n"
               "Example\n"
               "  nvlm eval tables --model h --data runs/easy-7 --out runs/easy-7-h\n";
}

}  // namespace

int run_eval(const Arguments& arguments) {
  const std::string task = arguments.empty() ? "" : arguments[0];
  if (task == "--help" || task == "-h") {
    print_eval_help();
    return 0;
  }
  const Arguments rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (task == "compare" || task == "--compare") return run_eval_compare(rest);
  if (task == "report") return run_eval_report(rest);
  if (task == "confidence") return run_eval_confidence(rest);
  if (task == "text") return run_eval_text(rest);
  std::vector<std::string> names = eval_task_names();
  for (const std::string& name : names) {
    if (task != name) continue;
    // "eval tables --compare A B" is what people type who think of the task first.
    if (!rest.empty() && rest[0] == "--compare") {
      return run_eval_compare({rest.begin() + 1, rest.end()});
    }
    return run_eval_task(name, rest);
  }
  names.insert(names.end(), {"compare", "report", "confidence", "text"});
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
  throw UsageError("eval: expected a task (" + known + ")" +
                   (task.empty() ? "" : ", found '" + task + "'" + did_you_mean(task, names)));
}

}  // namespace nvlm::cli
