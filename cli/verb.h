// The verbs of the command line; one file each.
#pragma once

#include <string>
#include <vector>

namespace nvlm::cli {

/// Arguments after the verb's name.
using Arguments = std::vector<std::string>;

/// A verb's function returns the exit code (0 or 1) or throws: UsageError ends with 2, anything
/// else with 1.
struct Verb {
  const char* name;
  const char* summary;
  int (*run)(const Arguments& arguments);
};

int run_extract(const Arguments& arguments);
int run_generate(const Arguments& arguments);
int run_chat(const Arguments& arguments);
int run_train(const Arguments& arguments);
int run_ablate(const Arguments& arguments);
int run_eval(const Arguments& arguments);
int run_bench(const Arguments& arguments);
int run_plot(const Arguments& arguments);
int run_report(const Arguments& arguments);
int run_verify(const Arguments& arguments);
int run_data(const Arguments& arguments);
int run_inspect(const Arguments& arguments);
int run_convert(const Arguments& arguments);
int run_parity(const Arguments& arguments);
int run_doctor(const Arguments& arguments);

/// All of them, in the order of the help text.
inline const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all = {
      {"extract", "tables in pictures and PDFs to md, html, csv or json", run_extract},
      {"generate", "any prompt on any checkpoint", run_generate},
      {"chat", "talk with a checkpoint and show it pictures", run_chat},
      {"train", "run a training recipe", run_train},
      {"ablate", "compare arms of a suite over seeds under one budget", run_ablate},
      {"eval", "predict, score and compare: tables, OCR, questions, text", run_eval},
      {"bench", "speed and memory of D, X and H, measured beside predicted", run_bench},
      {"plot", "draw the figures of stored suites", run_plot},
      {"report", "one page on stored suites: claims, tables, figures", run_report},
      {"verify", "hold stored results against their rows", run_verify},
      {"data", "render synthetic tables", run_data},
      {"inspect", "show what a checkpoint holds", run_inspect},
      {"convert", "make checkpoints from others: assemble, other layouts", run_convert},
      {"parity", "compare with stored reference outputs", run_parity},
      {"doctor", "show processor, libraries and the measured floors", run_doctor},
  };
  return all;
}

}  // namespace nvlm::cli
