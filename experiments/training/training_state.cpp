#include "experiments/training/training_state.h"

#include <ATen/Context.h>
#include <ATen/ops/hash_tensor.h>
#include <c10/core/GradMode.h>

#include <cstring>
#include <mutex>
#include <set>
#include <stdexcept>
#include <vector>

#include "common/error.h"
#include "common/hash.h"
#include "common/load_weights.h"
#include "common/logging.h"
#include "common/safetensors.h"
#include "experiments/training/state_misfits.h"

namespace nvlm::experiments {
namespace {

constexpr int64_t kStateFormat = 1;
constexpr const char* kTensorsName = "training_state.safetensors";
constexpr const char* kCountersName = "training_state.json";

/// The options that decide about the numbers of a run.
Json decisive_options(const TrainConfig& c) {
  return {{"steps", c.steps},
          {"batch_size", c.batch_size},
          {"accumulation", c.accumulation},
          {"lr", c.lr},
          {"min_lr", c.min_lr},
          {"warmup_steps", c.warmup_steps},
          {"beta1", c.beta1},
          {"beta2", c.beta2},
          {"eps", c.eps},
          {"weight_decay", c.weight_decay},
          {"clip_norm", c.clip_norm},
          {"muon", c.muon},
          {"seed", c.seed},
          {"dtype", c.dtype}};
}

/// SHA-256 over name, dtype, shape and a hash of the data of every parameter without gradient.
std::string fingerprint_of_frozen(const torch::nn::Module& model) {
  const c10::NoGradGuard no_grad;
  Sha256 hash;
  for (const auto& entry : model.named_parameters()) {
    const Tensor& tensor = entry.value();
    if (tensor.requires_grad()) continue;
    std::string text = entry.key() + ' ' + c10::toString(tensor.scalar_type()) + ' ' +
                       c10::str(tensor.sizes()) + ' ';
    if (tensor.numel() > 0) {
      text += c10::str(at::hash_tensor(tensor).view(at::kLong).item<int64_t>());
    }
    hash.update(text + '\n');
  }
  return hash.hex_digest();
}

/// Trainable parameters and all buffers, in place.
std::map<std::string, Tensor> live_tensors(const torch::nn::Module& model,
                                           const Optimizer& optimizer) {
  std::map<std::string, Tensor> tensors;
  for (const ParameterGroup& group : optimizer.groups()) {
    for (size_t i = 0; i < group.names.size(); ++i) {
      tensors["parameter/" + group.names[i]] = group.parameters[i];
    }
  }
  for (const auto& entry : model.named_buffers()) {
    if (entry.value().defined()) tensors["buffer/" + entry.key()] = entry.value();
  }
  return tensors;
}

/// Entries of `tensors` under `prefix`, without it.
std::map<std::string, Tensor> under(const std::map<std::string, Tensor>& tensors,
                                    const std::string& prefix) {
  std::map<std::string, Tensor> found;
  for (const auto& [name, tensor] : tensors) {
    if (name.rfind(prefix, 0) == 0) found[name.substr(prefix.size())] = tensor;
  }
  return found;
}

/// What begins the names of a worker's random states.
std::string random_prefix(int64_t rank) {
  return rank == 0 ? "random/" : "random/worker_" + std::to_string(rank) + "/";
}

Tensor generator_state(c10::Device device) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state();
}

void set_generator_state(c10::Device device, const Tensor& state) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state.clone());
}

}  // namespace

void seed_worker(int64_t seed, int64_t rank, int64_t step) {
  constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;  // in 64 bits: spreads neighbours far apart
  constexpr int kRankBits = 20;
  const auto place = static_cast<uint64_t>(rank) + (static_cast<uint64_t>(step) << kRankBits);
  at::manual_seed(static_cast<uint64_t>(seed) + kGoldenRatio * place);
}

std::map<std::string, Tensor> random_state(c10::Device device) {
  std::map<std::string, Tensor> state{{"cpu", generator_state(c10::kCPU)}};
  if (!device.is_cpu()) state["device"] = generator_state(device);
  return state;
}

void set_random_state(c10::Device device, const std::map<std::string, Tensor>& state) {
  const auto restore = [&](const char* name, c10::Device target) {
    const auto found = state.find(name);
    if (found == state.end()) {
      throw std::runtime_error(std::string("training state: random state '") + name +
                               "' is missing; was the run on another device?");
    }
    set_generator_state(target, found->second);
  };
  restore("cpu", c10::kCPU);
  if (!device.is_cpu()) restore("device", device);
}

TrainingState::TrainingState(torch::nn::Module& model, Optimizer& optimizer,
                             const TrainConfig& config, c10::Device device,
                             const WorkerGroup& workers)
    : model_(model),
      optimizer_(optimizer),
      device_(device),
      workers_(workers),
      seed_(config.seed),
      threads_(at::get_num_threads()),
      options_(decisive_options(config)),
      frozen_fingerprint_(fingerprint_of_frozen(model)) {}

void TrainingState::align_workers() const {
  if (workers_.size() == 1) return;
  const std::map<std::string, Tensor> live = live_tensors(model_, optimizer_);
  Json mine = {{"options", options_}, {"frozen weights", frozen_fingerprint_}};
  for (const auto& [name, tensor] : live) mine["shapes"][name] = tensor.sizes().vec();
  const std::vector<std::string> all = workers_.gather(mine.dump());
  const Json first = Json::parse(all.front());
  for (size_t rank = 1; rank < all.size(); ++rank) {
    const Json difference = Json::diff(first, Json::parse(all[rank]));
    if (difference.empty()) continue;
    throw std::runtime_error("training: worker " + std::to_string(rank) +
                             " differs from worker 0 in " +
                             difference[0].at("path").get<std::string>().substr(1) +
                             "; start all with the same command and files");
  }
  std::vector<Tensor> tensors;
  for (const auto& [name, tensor] : live) tensors.push_back(tensor);
  workers_.broadcast(tensors, 0);
}

std::map<std::string, Tensor> TrainingState::whole_state() const {
  std::map<std::string, Tensor> whole;
  for (const auto& [name, tensor] : optimizer_.state()) whole["optimizer/" + name] = tensor;
  for (const auto& [name, state] : random_state(device_)) {
    const std::vector<std::string> all =
        workers_.gather({static_cast<const char*>(state.const_data_ptr()), state.nbytes()});
    for (size_t rank = 0; rank < all.size(); ++rank) {
      const Tensor of_worker = at::empty_like(state);
      std::memcpy(of_worker.mutable_data_ptr(), all[rank].data(), state.nbytes());
      whole[random_prefix(static_cast<int64_t>(rank)) + name] = of_worker;
    }
  }
  return whole;
}

std::map<std::string, Tensor> TrainingState::tensors() const {
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, tensor] : live_tensors(model_, optimizer_)) {
    tensors[name] = tensor.detach();
  }
  tensors.merge(whole_state());
  return tensors;
}

void TrainingState::save(const std::filesystem::path& dir, const TrainCounters& counters) const {
  write_safetensors(dir / kTensorsName, tensors());
  Json state = {{"format", kStateFormat},      {"step", counters.step},
                {"samples", counters.samples}, {"tokens", counters.tokens},
                {"seconds", counters.seconds}, {"flops", counters.flops},
                {"loss", counters.loss},       {"threads", threads_},
                {"options", options_},         {"frozen_fingerprint", frozen_fingerprint_}};
  if (counters.best) state["best"] = *counters.best;
  write_json(dir / kCountersName, state);
}

std::string TrainingState::differences(const std::filesystem::path& dir) const {
  const SafetensorsFile file = SafetensorsFile::open(dir / kTensorsName);
  std::map<std::string, Tensor> stored;
  for (const auto& [name, entry] : file.entries()) stored[name] = file.tensor(name);
  const std::map<std::string, Tensor> own = tensors();
  std::string found = state_misfits(own, stored);
  if (!found.empty()) return found;
  for (const auto& [name, tensor] : own) {
    const Tensor here = tensor.cpu(), there = stored.at(name);
    if (here.equal(there)) continue;
    found += "\n  " + name + ": " + std::to_string(here.ne(there).sum().item<int64_t>()) + " of " +
             std::to_string(here.numel()) + " numbers";
  }
  return found;
}

void TrainingState::check_identity(const Json& stored, const std::string& where) const {
  if (const auto format = json_get<int64_t>(stored, "format", where); format != kStateFormat) {
    throw std::runtime_error(where + ": format " + std::to_string(format) + ", expected " +
                             std::to_string(kStateFormat));
  }
  const Json options = json_get<Json>(stored, "options", where);
  std::string findings;
  for (const auto& [name, value] : options_.items()) {
    const Json began_with = json_get<Json>(options, name, where);
    if (began_with == value) continue;
    findings += (findings.empty() ? "train." : ", train.") + name + " is " + value.dump() +
                ", but the run began with " + began_with.dump();
  }
  if (!findings.empty()) {
    throw UsageError(findings + "; resume with the run's own config.ini");
  }
  if (json_get<std::string>(stored, "frozen_fingerprint", where) != frozen_fingerprint_) {
    throw std::runtime_error(where + ": the run began with other frozen weights than these");
  }
  if (const auto threads = json_get<int64_t>(stored, "threads", where); threads != threads_) {
    log_warning("resume: " + std::to_string(threads_) + " threads instead of " +
                std::to_string(threads) + ", so sums may round differently");
  }
}

TrainCounters TrainingState::load(const std::filesystem::path& dir) {
  const std::string where = (dir / kCountersName).string();
  const Json stored = read_json(dir / kCountersName);
  check_identity(stored, where);
  TrainCounters counters;
  counters.step = json_get<int64_t>(stored, "step", where);
  counters.samples = json_get<int64_t>(stored, "samples", where);
  counters.tokens = json_get<int64_t>(stored, "tokens", where);
  counters.seconds = json_get<double>(stored, "seconds", where);
  counters.flops = stored.value("flops", 0.0);
  counters.loss = json_get<double>(stored, "loss", where);
  if (stored.contains("best")) counters.best = json_get<double>(stored, "best", where);

  const SafetensorsFile file = SafetensorsFile::open(dir / kTensorsName);
  std::map<std::string, Tensor> tensors, weights;
  for (const auto& [name, entry] : file.entries()) {
    tensors[name] = file.tensor(name);
    if (name.starts_with("parameter/") || name.starts_with("buffer/"))
      weights[name] = tensors[name];
  }
  std::map<std::string, Tensor> live = live_tensors(model_, optimizer_);
  const std::string findings = state_misfits(live, weights);
  if (!findings.empty()) {
    throw std::runtime_error((dir / kTensorsName).string() + ": another model's state:" + findings);
  }
  optimizer_.load_state(under(tensors, "optimizer/"));
  const c10::NoGradGuard no_grad;
  for (auto& [name, tensor] : live) tensor.copy_(weights.at(name));
  const auto random = under(tensors, random_prefix(workers_.rank()));
  if (random.empty()) {
    seed_worker(seed_, workers_.rank(), counters.step);
  } else {
    set_random_state(device_, random);
  }
  return counters;
}

}  // namespace nvlm::experiments
