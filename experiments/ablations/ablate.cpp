#include "experiments/ablations/ablate.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <stdexcept>

#include "common/atomic_file.h"
#include "common/atomic_folder.h"
#include "common/device.h"
#include "common/error.h"
#include "common/json.h"
#include "common/load_weights.h"
#include "common/progress.h"
#include "common/safetensors.h"
#include "common/stop_signal.h"
#include "experiments/ablations/continuation.h"
#include "experiments/ablations/process_pool.h"
#include "experiments/ablations/run_arm.h"
#include "experiments/ablations/suite_manifest.h"
#include "experiments/training/run_dir.h"
#include "experiments/training/trainer.h"
#include "fusion/multimodal_checkpoint.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStartPart = "start";
constexpr const char* kDecoderFolder = "start/decoder";

/// Writes the encoder of a multimodal checkpoint into a folder of its own, as reader-pretrain does.
void write_encoder(const fs::path& checkpoint, const fs::path& folder) {
  if (fs::exists(folder / "model.safetensors")) return;
  const fusion::MultimodalModel model = fusion::load_multimodal(checkpoint);
  fs::create_directories(folder);
  write_json(folder / "config.json", vision::to_json(model->config().vision));
  write_safetensors(folder / "model.safetensors", state_dict(*model->vision_model));
}

StartFolders start_folders(const fs::path& out, bool reads_pixels) {
  StartFolders start;
  start.decoder = out / kDecoderFolder / "checkpoints" / "latest";
  if (reads_pixels) {
    start.reader = out / "start" / "reader";
    start.cache = out / "features";
  }
  return start;
}

void write_config(ExperimentConfig config, const fs::path& folder) {
  fs::create_directories(folder);
  make_schema(config).write(folder / "config.ini");
}

std::string config_text(ExperimentConfig config) { return make_schema(config).text(); }

std::string part_name(const PlannedRun& run) {
  return run_folder({}, run.matching, run.arm, run.seed).string();
}

/// Runs of equal configuration: the first of them, and where the others' results go.
struct SharedRun {
  const PlannedRun* run = nullptr;
  std::vector<const PlannedRun*> copies;
};

/// All seeds of a number before the next, so that an ablation that is cut short has whole seeds.
std::vector<SharedRun> distinct_runs(const AblationPlan& plan) {
  std::vector<const PlannedRun*> in_order;
  for (const PlannedRun& run : plan.runs) in_order.push_back(&run);
  const auto& seeds = plan.suite.seeds;
  std::stable_sort(in_order.begin(), in_order.end(), [&](const auto* a, const auto* b) {
    return std::find(seeds.begin(), seeds.end(), a->seed) <
           std::find(seeds.begin(), seeds.end(), b->seed);
  });
  std::vector<SharedRun> runs;
  std::map<std::string, size_t> by_config;
  for (const PlannedRun* run : in_order) {
    const auto [place, is_new] = by_config.emplace(config_text(run->config), runs.size());
    if (is_new) {
      runs.push_back({run, {}});
    } else {
      runs[place->second].copies.push_back(run);
    }
  }
  return runs;
}

/// Stores the results of a complete run under its other names as well.
void share_results(const fs::path& out, const SharedRun& shared) {
  const fs::path folder = out / part_name(*shared.run);
  for (const PlannedRun* copy : shared.copies) {
    const fs::path target = out / part_name(*copy);
    if (is_complete_run(target)) continue;
    fs::create_directories(target);
    for (const char* file : {"config.ini", "metrics.jsonl"}) {
      write_file_atomically(target / file, read_text_file(folder / file));
    }
    StoredRun run = read_run(folder);
    run.summary.matching = copy->matching;
    run.summary.arm = copy->arm;
    write_run(target, run.summary, run.rows);
  }
}

/// The last step in metrics.jsonl; 0 without any.
int64_t last_logged_step(const fs::path& folder) {
  std::ifstream file(folder / "metrics.jsonl");
  int64_t step = 0;
  for (std::string line; std::getline(file, line);) {
    const Json entry = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (entry.is_object()) step = entry.value("step", step);  // the last line may be half written
  }
  return step;
}

/// ablate.jsonl
class AblationLog {
 public:
  explicit AblationLog(const fs::path& path) : path_(path), file_(path, std::ios::app) {}

  void write(const std::string& event, const std::string& part, Json more = Json::object()) {
    more["event"] = event;
    more["part"] = part;
    more["time"] = std::time(nullptr);  // seconds since 1970
    file_ << more.dump() << '\n' << std::flush;
    if (!file_) throw std::runtime_error("cannot write '" + path_.string() + "'");
  }

 private:
  fs::path path_;
  std::ofstream file_;
};

/// The share of a plan that is done, in 1e9 floating-point operations of training.
class AblationProgress {
 public:
  AblationProgress(const fs::path& out, const std::vector<SharedRun>& runs)
      : out_(out), runs_(runs), progress_("ablate, GFLOP", giga(total()), giga(done())) {}

  void update() {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::seconds(1)) return;
    last_ = now;
    progress_.update(giga(done()), std::to_string(num_complete()) + " of " +
                                       std::to_string(runs_.size()) + " runs");
  }
  void finish() {
    progress_.update(giga(done()));
    progress_.finish();
  }

 private:
  static int64_t giga(double flops) { return std::llround(flops / 1e9); }

  double total() const {
    double flops = 0;
    for (const SharedRun& run : runs_) flops += run.run->cost.train_flops;
    return flops;
  }
  double done() const {
    double flops = 0;
    for (const SharedRun& shared : runs_) {
      const PlannedCost& cost = shared.run->cost;
      const fs::path folder = out_ / part_name(*shared.run);
      const double share = is_complete_run(folder) ? 1
                                                   : static_cast<double>(last_logged_step(folder)) /
                                                         static_cast<double>(cost.steps);
      flops += cost.train_flops * std::min(share, 1.0);
    }
    return flops;
  }
  int64_t num_complete() const {
    return std::count_if(runs_.begin(), runs_.end(), [this](const SharedRun& shared) {
      return is_complete_run(out_ / part_name(*shared.run));
    });
  }

  fs::path out_;
  const std::vector<SharedRun>& runs_;
  Progress progress_;
  std::chrono::steady_clock::time_point last_;
};

/// Checks an existing suite.json against the plan, or writes the first one.
void settle_suite(const fs::path& out, const Suite& planned) {
  if (fs::exists(out / "suite.json")) {
    const std::string obstacle = continuation_obstacle(read_suite(out), planned);
    if (obstacle.empty()) return;
    throw UsageError("--out '" + out.string() +
                     "' holds results that this command may not add to: " + obstacle +
                     "; name another folder");
  }
  if (fs::exists(out) && !fs::is_empty(out)) {
    throw UsageError("--out '" + out.string() + "' is not empty and holds no suite.json");
  }
  fs::create_directories(out);
  write_suite(out, planned);
}

/// What runs a part of the ablation as a process.
ProcessJob part_job(const AblateRequest& request, const std::string& part) {
  const fs::path folder = part == kStartPart ? request.out / kDecoderFolder : request.out / part;
  return {part,
          {request.program.string(), "ablate", "--only", part, "--parent", std::to_string(getpid()),
           "--out", request.out.string()},
          folder / "log.txt"};
}

/// Runs the jobs with a log of events.
/// returns  false if they were interrupted
/// throws   std::runtime_error if one failed
bool carry_out(const std::vector<ProcessJob>& jobs, int64_t at_once, int64_t gpus,
               const StopSignal& stop, AblationLog& log, const std::function<void()>& tick) {
  std::vector<PlaceEnvironment> places;  // each process sees one GPU, which it calls "cuda"
  for (int64_t gpu = 0; gpu < gpus; ++gpu) {
    places.push_back({{"CUDA_VISIBLE_DEVICES", std::to_string(gpu)}});
  }
  std::string failed;
  PoolEvents events;
  events.started = [&](const ProcessJob& job) { log.write("start", job.name); };
  events.ended = [&](const ProcessJob& job, const ProcessEnd& end) {
    const bool interrupted = end.exit_code != 0 && (stop.requested() || !failed.empty());
    log.write(end.exit_code == 0 ? "done"
              : interrupted      ? "interrupted"
                                 : "failed",
              job.name, {{"exit_code", end.exit_code}, {"seconds", end.seconds}});
    if (end.exit_code != 0 && !interrupted && failed.empty()) {
      failed = job.name + " ended with code " + std::to_string(end.exit_code) + ", see '" +
               job.log.string() + "'; the same command again goes on with it";
    }
  };
  events.tick = tick;
  const bool all_well = run_processes(
      jobs, at_once, [&] { return stop.requested(); }, events, places);
  if (!failed.empty()) throw std::runtime_error(failed);
  return all_well;
}

void prepare_start(const AblateRequest& request, const AblationPreset& preset) {
  write_config(decoder_config(preset), request.out / kDecoderFolder);
  if (preset.reads_pixels) write_encoder(request.encoder, request.out / "start" / "reader");
}

/// The longest run of the first matching: what --steps or --hours decided.
int64_t stored_steps(const Suite& suite) {
  int64_t steps = 0;
  for (const SuiteArm& arm : suite.arms) {
    if (arm.matching == suite.arms.front().matching) steps = std::max(steps, arm.planned.steps);
  }
  return steps;
}

double distinct_seconds(const AblationPlan& plan) {
  double seconds = 0;
  for (const SharedRun& shared : distinct_runs(plan)) seconds += shared.run->cost.seconds;
  return seconds;
}

}  // namespace

AblationPlan plan_of(const AblateRequest& request) {
  PlanRequest planning;
  planning.suite = suite_recipe(request.suite);
  planning.preset = ablation_preset(request.preset);
  if (!request.seeds.empty()) planning.preset.seeds = request.seeds;
  if (request.gpus > 0) {
    planning.preset.options["train.device"] = "cuda";
    planning.preset.decoder["train.device"] = "cuda";
  }
  planning.steps = request.steps;
  if (planning.steps == 0 && fs::exists(request.out / "suite.json")) {
    planning.steps = stored_steps(read_suite(request.out));
  }
  planning.allow_unmatched = request.allow_unmatched;
  planning.start = start_folders(request.out, planning.preset.reads_pixels);
  const AtomicFolder scratch = AtomicFolder::temporary();
  planning.planning.decoder = scratch.path() / "decoder";
  write_untrained_decoder(planning.preset, planning.planning.decoder);
  if (planning.preset.reads_pixels) {
    planning.planning.reader = scratch.path() / "reader";
    write_encoder(request.encoder, planning.planning.reader);
  }
  AblationPlan plan = plan_ablation(planning);
  if (planning.steps > 0 || request.hours <= 0) return plan;
  const double hours = distinct_seconds(plan) / 3600 / static_cast<double>(num_jobs(request, plan));
  planning.steps = std::max<int64_t>(
      1, std::llround(static_cast<double>(stored_steps(plan.suite)) * request.hours / hours));
  return plan_ablation(planning);
}

int64_t num_jobs(const AblateRequest& request, const AblationPlan& plan) {
  if (request.jobs > 0) return request.jobs;
  if (request.gpus > 0) return request.gpus;
  const int64_t threads = std::max<int64_t>(1, plan.runs.front().config.train.threads);
  return std::max<int64_t>(1, available_threads() / threads);
}

std::string plan_table(const AblationPlan& plan, int64_t jobs) {
  std::string table =
      "| matching | arm | steps | samples | TFLOP | trainable parameters | minutes | shared with "
      "|\n"
      "|---|---|---|---|---|---|---|---|\n";
  const std::vector<SharedRun> shared = distinct_runs(plan);
  std::map<std::string, std::string> first_of;  // part -> part whose results it shares
  for (const SharedRun& run : shared) {
    for (const PlannedRun* copy : run.copies) first_of[part_name(*copy)] = part_name(*run.run);
  }
  for (const PlannedRun& run : plan.runs) {
    if (run.seed != plan.suite.seeds.front()) continue;
    const auto same = first_of.find(part_name(run));
    const std::string leader =
        same == first_of.end() ? "" : fs::path(same->second).parent_path().string();
    char line[256];
    std::snprintf(line, sizeof line, "| %s | %s | %ld | %ld | %.3f | %ld | %.1f | %s |\n",
                  run.matching.c_str(), run.arm.c_str(), static_cast<long>(run.cost.steps),
                  static_cast<long>(run.cost.samples), run.cost.train_flops / 1e12,
                  static_cast<long>(run.cost.trainable_parameters), run.cost.seconds / 60,
                  leader.c_str());
    table += line;
  }
  char total[128];
  std::snprintf(total, sizeof total, "%zu runs, about %.2f hours on %ld processes at once\n",
                shared.size(), distinct_seconds(plan) / 3600 / static_cast<double>(jobs),
                static_cast<long>(jobs));
  return table + total;
}

AblateStatus ablate(const AblateRequest& request, const AblationPlan& plan) {
  const AblationPreset preset = ablation_preset(request.preset);
  settle_suite(request.out, plan.suite);
  FileLock lock(request.out / ".lock");
  if (!lock.try_lock()) {
    throw UsageError("--out '" + request.out.string() + "': another process ablates there");
  }
  const std::vector<SharedRun> runs = distinct_runs(plan);
  std::vector<ProcessJob> jobs;
  for (const SharedRun& shared : runs) {
    const std::string part = part_name(*shared.run);
    if (is_complete_run(request.out / part)) continue;
    write_config(shared.run->config, request.out / part);
    jobs.push_back(part_job(request, part));
  }
  const StopSignal stop;
  AblationLog log(request.out / "ablate.jsonl");
  bool complete = true;
  if (!jobs.empty()) {
    prepare_start(request, preset);
    AblationProgress progress(request.out, runs);
    const auto tick = [&] { progress.update(); };
    complete = carry_out({part_job(request, kStartPart)}, 1, request.gpus, stop, log, tick) &&
               carry_out(jobs, num_jobs(request, plan), request.gpus, stop, log, tick);
    progress.finish();
  }
  for (const SharedRun& shared : runs) {
    if (is_complete_run(request.out / part_name(*shared.run))) share_results(request.out, shared);
  }
  if (!complete) return AblateStatus::kInterrupted;
  write_suite_manifest(request.out);
  return AblateStatus::kComplete;
}

bool run_part(const fs::path& suite_folder, const std::string& part) {
  if (part != kStartPart) return run_arm(suite_folder, part) == RunStatus::kComplete;
  const fs::path folder = suite_folder / kDecoderFolder;
  ExperimentConfig config;
  make_schema(config).parse_file(folder / "config.ini");
  set_threads(static_cast<int>(config.train.threads));
  const std::unique_ptr<TrainingTask> task = make_task(config, folder);
  const TrainResult result = train(*task, config.train, folder, /*resume=*/true);
  return result.status != TrainStatus::kInterrupted;
}

}  // namespace nvlm::experiments
