#include "experiments/training/gradient_reducer.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/logging.h"

namespace nvlm::experiments {
namespace {

// As DistributedDataParallel: a small first bucket sets out early, and 25 MB keep a network busy.
constexpr int64_t kFirstBucketBytes = int64_t{1} << 20;
constexpr int64_t kBucketBytes = int64_t{25} << 20;

/// Sums instead of the means that the Reducer makes by itself: means over workers with different
/// numbers of supervised tokens would weigh tokens differently.
class SumOverWorkers : public c10d::CppCommHookInterface<c10::intrusive_ptr<c10d::ProcessGroup>> {
 public:
  using CppCommHookInterface::CppCommHookInterface;
  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override {
    std::vector<at::Tensor> tensors{bucket.getBufferRef()};
    return state_->allreduce(tensors)->getFuture();
  }
};

/// The Reducer warns whenever a batch used all parameters; here that is as good as a batch that did
/// not.
class ReducerWarnings : public c10::WarningHandler {
 public:
  void process(const c10::Warning& warning) override { log_debug(warning.msg()); }
};

std::vector<std::pair<std::string, Tensor>> trainable_parameters(const torch::nn::Module& model) {
  std::vector<std::pair<std::string, Tensor>> parameters;
  std::unordered_set<const void*> seen;  // tied parameters have several names
  for (const auto& entry : model.named_parameters()) {
    if (!entry.value().requires_grad()) continue;
    if (!seen.insert(entry.value().unsafeGetTensorImpl()).second) continue;
    parameters.emplace_back(entry.key(), entry.value());
  }
  return parameters;
}

std::unique_ptr<c10d::Reducer> make_reducer(
    const std::vector<std::pair<std::string, Tensor>>& named, const WorkerGroup& workers) {
  std::vector<Tensor> parameters;
  std::unordered_map<size_t, std::string> names;
  for (const auto& [name, parameter] : named) {
    names[parameters.size()] = name;
    parameters.push_back(parameter);
  }
  const std::vector<bool> dense(parameters.size(), false);
  auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(
      parameters, {static_cast<size_t>(kFirstBucketBytes), static_cast<size_t>(kBucketBytes)},
      dense, {}, {});
  // The backward pass comes to the last layers first.
  std::reverse(buckets.begin(), buckets.end());
  auto reducer = std::make_unique<c10d::Reducer>(
      parameters, std::move(buckets), workers.handle(), dense, kBucketBytes,
      /*find_unused_parameters=*/true, /*gradient_as_bucket_view=*/false, std::move(names),
      kFirstBucketBytes, /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false,
      std::vector<int64_t>{});
  reducer->register_comm_hook(std::make_unique<SumOverWorkers>(workers.handle()));
  return reducer;
}

}  // namespace

GradientReducer::GradientReducer(const torch::nn::Module& model, const WorkerGroup& workers,
                                 bool overlaps)
    : workers_(workers),
      parameters_(trainable_parameters(model)),
      reducer_(overlaps && workers.size() > 1 ? make_reducer(parameters_, workers) : nullptr) {}

GradientReducer::~GradientReducer() = default;

void GradientReducer::backward(const Tensor& total, bool last) {
  if (reducer_ && last) {
    ReducerWarnings quiet;
    const c10::WarningUtils::WarningHandlerGuard guard(&quiet);
    reducer_->prepare_for_backward({total});
  }
  total.backward();
  if (!reducer_ && last && workers_.size() > 1) reduce_afterwards();
}

void GradientReducer::reduce_afterwards() const {
  const c10::NoGradGuard no_grad;
  const Tensor uses = at::zeros({static_cast<int64_t>(parameters_.size())}, at::kInt);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    uses.mutable_data_ptr<int>()[i] = parameters_[i].second.grad().defined() ? 1 : 0;
  }
  const Tensor all_uses = workers_.sum(uses);
  std::vector<Tensor> bucket;
  int64_t bytes = 0;
  const auto flush = [&] {
    if (bucket.empty()) return;
    std::vector<Tensor> flat;
    for (const Tensor& gradient : bucket) flat.push_back(gradient.reshape(-1));
    const Tensor sums = workers_.sum(at::cat(flat));
    int64_t begin = 0;
    for (const Tensor& gradient : bucket) {
      gradient.copy_(sums.narrow(0, begin, gradient.numel()).view_as(gradient));
      begin += gradient.numel();
    }
    bucket.clear();
    bytes = 0;
  };
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& parameter = parameters_[i].second;
    if (all_uses.const_data_ptr<int>()[i] == 0) continue;
    if (!parameter.grad().defined()) parameter.mutable_grad() = at::zeros_like(parameter);
    bucket.push_back(parameter.grad());
    bytes += static_cast<int64_t>(parameter.nbytes());
    if (bytes >= kBucketBytes) flush();
  }
  flush();
}

}  // namespace nvlm::experiments
