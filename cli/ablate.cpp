// nvlm ablate SUITE: arms x seeds under one budget, resumable.
#include "experiments/ablations/ablate.h"

#include <filesystem>
#include <iostream>

#include "cli/options.h"
#include "common/device.h"
#include "common/error.h"
#include "experiments/ablations/process_pool.h"

namespace nvlm::cli {
namespace {

namespace fs = std::filesystem;

std::string words_of(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
  return list;
}

/// One process of an ablation.
int run_only(const std::string& part, const fs::path& out, int64_t parent) {
  if (parent > 0) experiments::die_with_parent(static_cast<pid_t>(parent));
  if (experiments::run_part(out, part)) return 0;
  std::cerr << "nvlm: " << part << " was stopped; it goes on from its last checkpoint\n";
  return 1;
}

}  // namespace

int run_ablate(const Arguments& arguments) {
  experiments::AblateRequest request;
  std::string out, only;
  bool dry_run = false;
  int64_t parent = 0;
  VerbOptions options("ablate SUITE [options]",
                      "Trains and scores the arms of a suite with every seed: " +
                          words_of(experiments::suite_names()) +
                          ". Stopped or killed, the same command goes on; what is done is skipped.",
                      "nvlm ablate fusion --preset lab-quick --out runs/fusion-lab-quick");
  options.add()("preset", po::value(&request.preset)->default_value("lab-quick"),
                words_of(experiments::ablation_preset_names()).c_str())(
      "out", po::value(&out), "folder of the results; default runs/SUITE-PRESET")(
      "jobs", po::value(&request.jobs)->default_value(0),
      "runs at once; 0 = as many as there are processors, or GPUs, for")(
      "gpus", po::value(&request.gpus)->default_value(0),
      "deal the runs out to so many GPUs; 0 = run on processors")(
      "seeds", po::value(&request.seeds)->multitoken(), "seeds in place of the preset's")(
      "steps", po::value(&request.steps)->default_value(0),
      "training steps of an arm; 0 = the preset's")("hours",
                                                    po::value(&request.hours)->default_value(0.0),
                                                    "for all runs together: decides the steps")(
      "encoder", po::value<std::string>(), "model whose encoder reads the pictures (preset lab)")(
      "allow-unmatched", po::bool_switch(&request.allow_unmatched),
      "run arms whose cost does not agree")("dry-run", po::bool_switch(&dry_run),
                                            "print steps, samples, FLOPs and hours, and stop")(
      "only", po::value(&only), "carry out one run of the suite in --out (SUITE is not given)")(
      "parent", po::value(&parent)->default_value(0), "with --only: end with this process");
  options.positional("suite");
  const auto values = options.parse(arguments);
  if (!values) return 0;
  if (!only.empty()) {
    if (out.empty()) throw UsageError("--only needs --out, the folder of the suite");
    return run_only(only, out, parent);
  }
  const auto& named = (*values)["suite"].as<std::vector<std::string>>();
  if (named.empty()) {
    throw UsageError("ablate: expected a suite, one of " + words_of(experiments::suite_names()));
  }
  if (named.size() > 1)
    throw UsageError("ablate: expected one suite, found '" + named[1] + "' too");
  request.suite = named.front();
  require_range("--jobs", request.jobs, 0, 4096);
  require_range("--gpus", request.gpus, 0, 1024);
  require_range("--steps", request.steps, 0, int64_t{1} << 40);
  if (!(request.hours >= 0)) throw UsageError("--hours: expected a number from 0 on");
  request.out =
      out.empty() ? fs::path("runs") / (request.suite + "-" + request.preset) : fs::path(out);
  request.program = fs::read_symlink("/proc/self/exe");
  request.encoder = values->count("encoder") > 0 ? (*values)["encoder"].as<std::string>()
                                                 : std::string(NVLM_MODELS_DIR) + "/nvlm-d";

  set_threads(1);  // steps are timed on what a run has
  const experiments::AblationPlan plan = experiments::plan_of(request);
  if (dry_run) {
    std::cout << experiments::plan_table(plan, experiments::num_jobs(request, plan));
    return 0;
  }
  if (experiments::ablate(request, plan) == experiments::AblateStatus::kInterrupted) {
    std::cerr << "nvlm: stopped; the same command again goes on\n";
    return 1;
  }
  std::cout << request.out.string() << "\n";
  return 0;
}

}  // namespace nvlm::cli
