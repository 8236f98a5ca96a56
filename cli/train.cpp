// nvlm train RECIPE: one stage of training, resumable.
#include <cmath>
#include <filesystem>
#include <functional>
#include <iostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"
#include "common/atomic_folder.h"
#include "common/config_schema.h"
#include "common/device.h"
#include "common/error.h"
#include "common/manifest.h"
#include "common/peak_memory.h"
#include "experiments/recipes/recipe.h"
#include "experiments/training/forecast.h"
#include "experiments/training/launch_environment.h"
#include "experiments/training/trainer.h"
#include "experiments/training/worker_group.h"

namespace nvlm::cli {
namespace {

namespace fs = std::filesystem;

void print_plan(const experiments::ExperimentConfig& config, experiments::TrainingTask& task) {
  experiments::apply_freeze_plan(task.model(), task.freeze_plan());
  std::cout << "recipe " << config.recipe << ": " << config.train.steps << " steps of "
            << config.train.batch_size * config.train.accumulation << " samples on "
            << config.train.device << "\n";
  for (const auto& [name, count] : experiments::count_parameters(task.model())) {
    std::cout << "  " << name << ": " << count.trainable << " parameters trainable, "
              << count.frozen << " frozen\n";
  }
  constexpr int64_t kBatches = 64;
  auto forecast = experiments::forecast(task, config.train, kBatches);
  if (!forecast) {
    std::cout << "  what a step costs is not predicted for this recipe\n";
    return;
  }
  const int64_t held = experiments::try_steps(task, config.train, *forecast);
  std::cout << experiments::describe(*forecast, config.train)
            << "  two steps were tried; they held " << held / 1'000'000 << " MB\n";
}

/// Predicted beside measured, for the run that has just ended.
void print_outcome(const experiments::RunForecast& forecast,
                   const experiments::TrainResult& result) {
  const auto line = [](const char* what, double predicted, double measured, const char* unit) {
    std::cerr << "nvlm: " << what << ": predicted " << predicted << unit << ", measured "
              << measured << unit << "\n";
  };
  line("peak memory", std::round(forecast.peak_bytes / 1e6),
       std::round(static_cast<double>(peak_memory_bytes()) / 1e6), " MB");
  line("products", forecast.step_flops * static_cast<double>(result.step) / 1e9, result.flops / 1e9,
       " GFLOP");
}

/// Options that say how a run is carried out, not what it computes: a resume may change them.
bool may_change(const std::string& name) {
  static const std::set<std::string> names = {
      "train.log_every", "train.checkpoint_every", "train.keep_last",   "train.device",
      "train.threads",   "train.workers",          "train.prefetch",    "train.shard_optimizer",
      "data.max_bad",    "features.cache",         "train.pass_tokens", "train.recompute"};
  return names.count(name) > 0;
}

std::vector<std::string> values_of(const ConfigSchema& schema) {
  std::vector<std::string> values;
  for (const std::string& name : schema.names()) values.push_back(schema.value(name));
  return values;
}

/// Throws UsageError with every option that is another one than the run began with.
void require_same_run(const ConfigSchema& schema, const std::vector<std::string>& began_with,
                      const fs::path& file) {
  const std::vector<std::string> names = schema.names();
  std::string findings;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string value = schema.value(names[i]);
    if (value == began_with[i] || may_change(names[i])) continue;
    findings += "\n  " + names[i] + " is " + value + ", but the run began with " + began_with[i];
  }
  if (findings.empty()) return;
  throw UsageError("--resume: another configuration than " + file.string() + ":" + findings);
}

int print_check(const experiments::ReplayResult& result) {
  const std::string steps =
      "steps " + std::to_string(result.first_step + 1) + " to " + std::to_string(result.last_step);
  if (result.differences.empty()) {
    std::cout << steps << " done again: the same bits\n";
    return 0;
  }
  std::cerr << "nvlm: " << steps << " done again give another state:" << result.differences << "\n";
  return 1;
}

Json manifest_of(const experiments::ExperimentConfig& config, const Arguments& arguments) {
  ManifestInputs inputs;
  inputs.arguments = arguments;
  inputs.seed = static_cast<uint64_t>(config.train.seed);
  inputs.device = config.train.device;
  inputs.dtype =
      c10::toString(compute_dtype(parse_device(config.train.device), config.train.dtype));
  for (const auto& [label, folder] : {std::pair{"init.reader", config.init.reader},
                                      {"init.decoder", config.init.decoder},
                                      {"init.model", config.init.model}}) {
    if (!folder.empty()) inputs.files[label] = fs::path(folder) / "model.safetensors";
  }
  return make_manifest(inputs);
}

/// The run's files and the task. Worker 0 makes the files first: the others read the tokenizer that
/// it may have to train.
std::unique_ptr<experiments::TrainingTask> set_up(const experiments::ExperimentConfig& config,
                                                  const std::string& out,
                                                  const experiments::WorkerGroup& workers,
                                                  const std::function<void()>& write_files) {
  return experiments::together(workers, [&] {
    std::unique_ptr<experiments::TrainingTask> task;
    if (workers.is_first()) {
      task = experiments::make_task(config, out);
      write_files();
    }
    workers.any(false);  // nobody goes on before worker 0 is here
    return task != nullptr ? std::move(task) : experiments::make_task(config, out);
  });
}

}  // namespace

int run_train(const Arguments& arguments) {
  std::string config_file, out;
  bool resume = false, check = false, dry_run = false;
  VerbOptions options(
      "train RECIPE [options] [--section.key VALUE...]",
      "Runs a recipe, one of " + experiments::recipe_list() +
          ". Fields of the configuration are changed by --section.key; nvlm train RECIPE --dry-run "
          "lists parameters.",
      "nvlm train fusion-sft --fusion.variant h --init.model runs/h-pretrain/checkpoints/latest "
      "--out runs/h");
  options.add()("config", po::value(&config_file), "file with sections and `key = value` lines")(
      "out", po::value(&out), "run directory")("resume", po::bool_switch(&resume),
                                               "continue the run in --out")(
      "check", po::bool_switch(&check),
      "with --resume: only do the steps between the oldest two checkpoints again and compare every "
      "bit")("dry-run", po::bool_switch(&dry_run),
             "print parameters, tokens, memory, FLOPs, disk and time, and stop")(
      "fields", "list all fields of the configuration with their values");
  options.positional("recipe");

  experiments::ExperimentConfig config;
  // The recipe is the first argument, so that its defaults can be changed by what follows.
  if (!arguments.empty() && !arguments[0].starts_with('-')) {
    config = experiments::recipe(arguments[0]);
  }
  ConfigSchema schema = experiments::make_schema(config);
  const auto values = options.parse(schema.take_arguments(arguments));
  if (!values) return 0;
  const auto apply_settings = [&] {
    if (!config_file.empty()) schema.parse_file(config_file);
    schema.take_arguments(arguments);  // the command line has the last word
  };
  apply_settings();
  if (values->count("fields") > 0) {
    std::cout << schema.help();
    return 0;
  }
  const experiments::LaunchEnvironment launch = experiments::launch_environment();
  // torchrun starts the same command again after a worker was lost.
  resume = resume || (launch.restarts > 0 && fs::exists(fs::path(out) / "config.ini"));
  if (!resume) {
    experiments::adopt_init_model(config);
    apply_settings();
  } else {
    if (out.empty()) throw UsageError("--resume needs --out, the run to continue");
    schema.parse_file(fs::path(out) / "config.ini");
    const std::vector<std::string> began_with = values_of(schema);
    schema.take_arguments(arguments);
    require_same_run(schema, began_with, fs::path(out) / "config.ini");
  }
  if (check && !resume) throw UsageError("--check needs --resume and --out, the run to check");
  if (check && launch.world_size > 1)
    throw UsageError("--check works in one process, without torchrun");
  if (config.recipe.empty()) {
    throw UsageError("train: expected a recipe, one of " + experiments::recipe_list());
  }
  if (out.empty() && !dry_run) throw UsageError("train: expected --out, the run directory");

  set_threads(static_cast<int>(config.train.threads));
  if (dry_run) {
    const AtomicFolder scratch = AtomicFolder::temporary();
    print_plan(config, *experiments::make_task(config, scratch.path()));
    return 0;
  }
  const auto write_files = [&] {
    if (resume) return;
    fs::create_directories(out);
    schema.write(fs::path(out) / "config.ini");
    write_manifest(fs::path(out) / "manifest.json", manifest_of(config, arguments));
  };
  experiments::ExperimentConfig own = config;  // of this process
  own.train.device = experiments::device_of_process(config.train.device, launch);
  if (!resume && launch.rank == 0) experiments::require_fresh_run_dir(out);
  const experiments::WorkerGroup workers(launch, parse_device(own.train.device));
  const std::unique_ptr<experiments::TrainingTask> task = set_up(own, out, workers, write_files);
  if (check) return print_check(experiments::replay(*task, own.train, out));
  constexpr int64_t kForecastBatches = 16;
  const auto forecast =
      workers.is_first() ? experiments::forecast(*task, own.train, kForecastBatches) : std::nullopt;
  const experiments::TrainResult result =
      experiments::train(*task, own.train, out, resume, workers);
  workers.leave();
  if (result.status == experiments::TrainStatus::kInterrupted) {
    if (!workers.is_first()) return 1;
    std::cerr << "nvlm: stopped after step " << result.step << "; continue with --resume --out "
              << out << "\n";
    return 1;
  }
  if (!workers.is_first()) return 0;
  if (forecast && result.status == experiments::TrainStatus::kFinished) {
    print_outcome(*forecast, result);
  }
  for (const auto& [name, total] : task->totals()) {
    if (total > 0) std::cerr << "nvlm: " << name << ": " << total << " (see " << out << ")\n";
  }
  std::cout << result.checkpoint.string() << "\n";
  return 0;
}

}  // namespace nvlm::cli
