#include "experiments/training/worker_group.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <utility>

#include "experiments/training/gloo_backend.h"
#include "experiments/training/nccl_backend.h"
#include "experiments/training/worker_health.h"

namespace nvlm::experiments {
namespace {

constexpr std::chrono::minutes kTimeToCome{5};
constexpr std::chrono::minutes kTimeToAnswer{30};
constexpr size_t kBroadcastBytes = size_t{25} << 20;

c10::intrusive_ptr<c10d::Store> open_store(const LaunchEnvironment& environment) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(environment.store_port);
  options.isServer = environment.rank == 0 && !environment.launcher_has_store;
  options.waitWorkers = false;
  options.timeout = kTimeToCome;
  auto store = c10::make_intrusive<c10d::TCPStore>(environment.store_address, options);
  // The launcher's store outlives a restart, and must not answer with what earlier workers said.
  return c10::make_intrusive<c10d::PrefixStore>("nvlm/" + std::to_string(environment.restarts),
                                                store);
}

std::string arrival_key(int64_t rank) { return "came/" + std::to_string(rank); }

void wait_for_all(c10d::Store& store, const LaunchEnvironment& environment) {
  store.set(arrival_key(environment.rank), "yes");
  std::vector<std::string> keys;
  for (int64_t rank = 0; rank < environment.world_size; ++rank) keys.push_back(arrival_key(rank));
  try {
    store.wait(keys, kTimeToCome);
  } catch (const std::exception& error) {
    std::string missing;
    for (int64_t rank = 0; rank < environment.world_size; ++rank) {
      if (store.check({arrival_key(rank)})) continue;
      missing += (missing.empty() ? "" : ", ") + std::to_string(rank);
    }
    throw std::runtime_error("training: of " + std::to_string(environment.world_size) +
                             " workers these did not come: " + missing + " (" + error.what() + ")");
  }
}

}  // namespace

/// What a group of several has beside its size.
class WorkerLink {
 public:
  WorkerLink(const LaunchEnvironment& environment, at::Device device)
      : store_(open_store(environment)) {
    wait_for_all(*store_, environment);
    health_ =
        std::make_unique<WorkerHealth>(store_->clone(), environment.rank, environment.world_size);
    const auto rank = static_cast<int>(environment.rank);
    const auto size = static_cast<int>(environment.world_size);
    group_ = c10::make_intrusive<c10d::ProcessGroup>(store_, rank, size);
    const auto gloo = make_gloo(c10::make_intrusive<c10d::PrefixStore>("gloo", store_),
                                environment.store_address, rank, size, kTimeToAnswer);
    group_->setBackend(at::kCPU, c10d::ProcessGroup::BackendType::GLOO, gloo);
    group_->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
    if (!device.is_cpu()) {
      const c10::DeviceGuard on_own_gpu(device);
      group_->setBackend(device.type(), c10d::ProcessGroup::BackendType::NCCL,
                         make_nccl(c10::make_intrusive<c10d::PrefixStore>("nccl", store_), rank,
                                   size, kTimeToAnswer));
    }
  }

  const c10::intrusive_ptr<c10d::ProcessGroup>& group() const { return group_; }
  WorkerHealth& health() { return *health_; }
  void end_health() { health_.reset(); }

 private:
  c10::intrusive_ptr<c10d::Store> store_;
  std::unique_ptr<WorkerHealth> health_;
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
};

WorkerGroup::WorkerGroup() = default;

WorkerGroup::WorkerGroup(const LaunchEnvironment& environment, at::Device device)
    : rank_(environment.rank), size_(environment.world_size) {
  if (size_ > 1) link_ = std::make_unique<WorkerLink>(environment, device);
}

WorkerGroup::~WorkerGroup() = default;
WorkerGroup::WorkerGroup(WorkerGroup&&) noexcept = default;

Tensor WorkerGroup::sum(const Tensor& value) const {
  if (!link_) return value;
  std::vector<Tensor> sums{value.detach().clone()};
  link_->group()->allreduce(sums)->wait();
  return sums.front();
}

bool WorkerGroup::any(bool mine) const {
  if (!link_) return mine;
  return sum(at::scalar_tensor(mine ? 1 : 0, at::kInt)).item<int>() > 0;
}

void WorkerGroup::broadcast(const std::vector<Tensor>& tensors, int64_t from) const {
  if (!link_ || tensors.empty()) return;
  const c10::NoGradGuard no_grad;
  std::vector<Tensor> plain;
  for (const Tensor& tensor : tensors) plain.push_back(tensor.detach());
  c10d::broadcast_coalesced(link_->group(), plain, kBroadcastBytes, static_cast<int>(from));
}

std::vector<std::string> WorkerGroup::gather(const std::string& text) const {
  if (!link_) return {text};
  const auto gathered = [&](Tensor mine) {
    std::vector<std::vector<Tensor>> all(1);
    for (int64_t rank = 0; rank < size_; ++rank) all[0].push_back(at::empty_like(mine));
    std::vector<Tensor> inputs{std::move(mine)};
    link_->group()->allgather(all, inputs)->wait();
    return all[0];
  };
  std::vector<int64_t> lengths;
  int64_t longest = 1;
  for (const Tensor& length : gathered(at::tensor({static_cast<int64_t>(text.size())}))) {
    lengths.push_back(length.item<int64_t>());
    longest = std::max(longest, lengths.back());
  }
  const Tensor bytes = at::zeros({longest}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), text.data(), text.size());
  std::vector<std::string> texts;
  for (const Tensor& other : gathered(bytes)) {
    texts.emplace_back(static_cast<const char*>(other.const_data_ptr()),
                       static_cast<size_t>(lengths[texts.size()]));
  }
  return texts;
}

void WorkerGroup::send(const Tensor& tensor, int64_t to) const {
  std::vector<Tensor> tensors{tensor.detach().contiguous()};
  link_->group()->send(tensors, static_cast<int>(to), /*tag=*/0)->wait();
}

void WorkerGroup::receive(const Tensor& tensor, int64_t from) const {
  std::vector<Tensor> tensors{tensor.detach()};
  link_->group()->recv(tensors, static_cast<int>(from), /*tag=*/0)->wait();
}

std::string WorkerGroup::explain(const std::string& message) const {
  return link_ ? link_->health().explain(message) : message;
}

void WorkerGroup::leave() const {
  if (!link_) return;
  any(false);           // all are done,
  link_->end_health();  // so silence means no harm,
  any(false);           // and nobody uses worker 0's store when that goes
}

const c10::intrusive_ptr<c10d::ProcessGroup>& WorkerGroup::handle() const {
  TORCH_CHECK(link_, "a group of one worker has no process group");
  return link_->group();
}

}  // namespace nvlm::experiments
