#include "experiments/training/freeze_plan.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace nvlm::experiments {
namespace {

/// A parameter with every name it is registered under, in order of registration.
struct NamedParameter {
  std::vector<std::string> names;
  Tensor tensor;
};

std::vector<NamedParameter> distinct_parameters(const torch::nn::Module& model) {
  std::vector<NamedParameter> parameters;
  std::unordered_map<const void*, size_t> seen;
  for (const auto& entry : model.named_parameters()) {
    const void* identity = entry.value().unsafeGetTensorImpl();
    const auto [place, is_new] = seen.emplace(identity, parameters.size());
    if (is_new) parameters.push_back({{}, entry.value()});
    parameters[place->second].names.push_back(entry.key());
  }
  return parameters;
}

bool has_prefix(const std::string& name, const std::string& prefix) {
  return name.compare(0, prefix.size(), prefix) == 0 &&
         (name.size() == prefix.size() || name[prefix.size()] == '.');
}

bool has_prefix(const NamedParameter& parameter, const std::string& prefix) {
  return std::any_of(parameter.names.begin(), parameter.names.end(),
                     [&](const std::string& name) { return has_prefix(name, prefix); });
}

std::string first_part(const std::string& name) { return name.substr(0, name.find('.')); }

void require_match(const std::vector<NamedParameter>& parameters, const std::string& prefix,
                   const char* what) {
  std::set<std::string> tops;
  for (const NamedParameter& parameter : parameters) {
    if (has_prefix(parameter, prefix)) return;
    for (const std::string& name : parameter.names) tops.insert(first_part(name));
  }
  std::string list;
  for (const std::string& top : tops) list += (list.empty() ? "" : ", ") + top;
  throw std::invalid_argument(std::string("freeze plan: ") + what + " '" + prefix +
                              "' matches no parameter; the model has " +
                              (list.empty() ? "none" : list));
}

double lr_factor_of(const NamedParameter& parameter, const FreezePlan& plan) {
  size_t longest = 0;
  double factor = 1.0;
  for (const auto& [prefix, value] : plan.lr_factors) {
    if (prefix.size() >= longest && has_prefix(parameter, prefix)) {
      longest = prefix.size();
      factor = value;
    }
  }
  return factor;
}

bool decays(const Tensor& parameter) {
  const auto sizes = parameter.sizes();
  return std::count_if(sizes.begin(), sizes.end(), [](int64_t size) { return size > 1; }) > 1;
}

}  // namespace

std::vector<ParameterGroup> apply_freeze_plan(torch::nn::Module& model, const FreezePlan& plan) {
  const std::vector<NamedParameter> parameters = distinct_parameters(model);
  for (const std::string& prefix : plan.trainable) {
    require_match(parameters, prefix, "trainable prefix");
  }
  for (const auto& [prefix, factor] : plan.lr_factors) {
    require_match(parameters, prefix, "rate prefix");
    if (!(factor >= 0)) {
      throw std::invalid_argument("freeze plan: rate factor of '" + prefix + "' is " +
                                  std::to_string(factor) + ", expected 0 or more");
    }
  }

  std::vector<ParameterGroup> groups;
  for (const NamedParameter& parameter : parameters) {
    const std::string& name = parameter.names.front();
    Tensor tensor = parameter.tensor;
    const bool trainable =
        tensor.is_floating_point() &&
        (plan.trainable.empty() ||
         std::any_of(plan.trainable.begin(), plan.trainable.end(),
                     [&](const std::string& prefix) { return has_prefix(parameter, prefix); }));
    tensor.set_requires_grad(trainable);
    if (!trainable) continue;
    if (tensor.scalar_type() != at::kFloat) {
      throw std::invalid_argument("freeze plan: trainable parameter '" + name + "' is " +
                                  c10::toString(tensor.scalar_type()) + ", expected Float");
    }
    const bool decay = decays(tensor);
    const double factor = lr_factor_of(parameter, plan);
    auto group = std::find_if(groups.begin(), groups.end(), [&](const ParameterGroup& candidate) {
      return candidate.decay == decay && candidate.lr_factor == factor;
    });
    if (group == groups.end()) group = groups.insert(groups.end(), {decay, factor, {}, {}});
    group->names.push_back(name);
    group->parameters.push_back(tensor);
  }
  if (groups.empty()) throw std::invalid_argument("freeze plan: nothing is trainable");
  return groups;
}

std::map<std::string, ParameterCount> count_parameters(const torch::nn::Module& model) {
  std::map<std::string, ParameterCount> counts;
  for (const NamedParameter& parameter : distinct_parameters(model)) {
    ParameterCount& count = counts[first_part(parameter.names.front())];
    (parameter.tensor.requires_grad() ? count.trainable : count.frozen) += parameter.tensor.numel();
  }
  return counts;
}

ParameterCount count_all_parameters(const torch::nn::Module& model) {
  ParameterCount sum;
  for (const auto& [part, count] : count_parameters(model)) {
    sum.trainable += count.trainable;
    sum.frozen += count.frozen;
  }
  return sum;
}

}  // namespace nvlm::experiments
