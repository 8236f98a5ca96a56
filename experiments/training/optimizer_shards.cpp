#include "experiments/training/optimizer_shards.h"

#include <algorithm>
#include <utility>

#include "common/json.h"

namespace nvlm::experiments {
namespace {

std::string parameter_of_state(const std::string& entry) {
  return entry.substr(entry.find('/') + 1);
}

}  // namespace

OptimizerShards::OptimizerShards(const std::vector<ParameterGroup>& groups,
                                 const WorkerGroup& workers)
    : workers_(workers),
      state_options_(
          at::TensorOptions(at::kFloat).device(groups.front().parameters.front().device())) {
  std::vector<std::pair<int64_t, std::string>> by_size;
  for (const ParameterGroup& group : groups) {
    for (size_t i = 0; i < group.names.size(); ++i) {
      by_size.emplace_back(-group.parameters[i].numel(), group.names[i]);
    }
  }
  std::sort(by_size.begin(), by_size.end());
  std::vector<int64_t> loads(static_cast<size_t>(workers.size()), 0);
  for (const auto& [minus_size, name] : by_size) {
    const auto least = std::min_element(loads.begin(), loads.end());
    *least -= minus_size;
    owners_[name] = least - loads.begin();
  }
}

std::vector<ParameterGroup> OptimizerShards::own(const std::vector<ParameterGroup>& groups) const {
  std::vector<ParameterGroup> result;
  for (const ParameterGroup& group : groups) {
    ParameterGroup part{group.decay, group.lr_factor, {}, {}};
    for (size_t i = 0; i < group.names.size(); ++i) {
      if (owner(group.names[i]) != workers_.rank()) continue;
      part.names.push_back(group.names[i]);
      part.parameters.push_back(group.parameters[i]);
    }
    if (!part.names.empty()) result.push_back(std::move(part));
  }
  return result;
}

void OptimizerShards::share_weights(const std::vector<ParameterGroup>& groups) const {
  for (int64_t rank = 0; rank < workers_.size(); ++rank) {
    std::vector<Tensor> weights;
    for (const ParameterGroup& group : groups) {
      for (size_t i = 0; i < group.names.size(); ++i) {
        if (owner(group.names[i]) == rank) weights.push_back(group.parameters[i]);
      }
    }
    workers_.broadcast(weights, rank);
  }
}

std::map<std::string, Tensor> OptimizerShards::gather_state(
    const std::map<std::string, Tensor>& own) const {
  Json shapes = Json::object();
  for (const auto& [name, tensor] : own) shapes[name] = tensor.sizes().vec();
  const std::vector<std::string> all = workers_.gather(shapes.dump());
  if (!workers_.is_first()) {
    for (const auto& [name, tensor] : own) workers_.send(tensor, 0);
    return {};
  }
  std::map<std::string, Tensor> state = own;
  for (int64_t rank = 1; rank < workers_.size(); ++rank) {
    const Json of_worker = Json::parse(all[static_cast<size_t>(rank)]);
    // Both ends go through the names in the same order.
    for (const auto& [name, shape] : of_worker.items()) {
      const Tensor received = at::empty(shape.get<std::vector<int64_t>>(), state_options_);
      workers_.receive(received, rank);
      state[name] = received;
    }
  }
  return state;
}

std::map<std::string, Tensor> OptimizerShards::without_others(
    const std::map<std::string, Tensor>& state) const {
  std::map<std::string, Tensor> result;
  for (const auto& [name, tensor] : state) {
    const auto found = owners_.find(parameter_of_state(name));
    if (found == owners_.end() || found->second == workers_.rank()) result[name] = tensor;
  }
  return result;
}

}  // namespace nvlm::experiments
