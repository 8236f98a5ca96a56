#include "experiments/training/muon.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/device.h"

namespace nvlm::experiments {
namespace {

constexpr int kNewtonSchulzSteps = 5;
// x -> a x + b x³ + c x⁵, steep at 0: small singular values grow 3.4-fold in each step.
constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;
constexpr double kUpdateSize = 0.2;  // root mean square of AdamW's usual updates

bool is_fused_qkv(const std::string& name, const Tensor& parameter) {
  return name.ends_with("qkv.weight") && parameter.size(0) % 3 == 0;
}

}  // namespace

Tensor orthogonalised(const Tensor& matrices) {
  const bool is_tall = matrices.size(-2) > matrices.size(-1);
  const at::ScalarType dtype = compute_dtype(matrices.device(), "auto");
  const Tensor norm = at::linalg_vector_norm(matrices, 2, at::IntArrayRef{-2, -1},
                                             /*keepdim=*/true);
  Tensor x = (matrices / (norm + 1e-7)).to(dtype);
  if (is_tall) x = x.transpose(-2, -1);
  for (int step = 0; step < kNewtonSchulzSteps; ++step) {
    const Tensor square = x.matmul(x.transpose(-2, -1));  // [..., rows, rows]
    x = kA * x + (kB * square + kC * square.matmul(square)).matmul(x);
  }
  if (is_tall) x = x.transpose(-2, -1);
  return x.to(at::kFloat);
}

bool is_hidden_matrix(const std::string& name, const Tensor& parameter) {
  // The filters of a convolution are the rows of a matrix.
  const bool is_filters = parameter.dim() == 4 && name.find(".stem.") != std::string::npos;
  if (is_filters) return true;
  if (parameter.dim() != 2 || std::min(parameter.size(0), parameter.size(1)) < 2) return false;
  return name.find("embed") == std::string::npos && name.find("lm_head") == std::string::npos &&
         name.find("position") == std::string::npos;
}

Muon::Muon(std::vector<ParameterGroup> groups, const MuonConfig& config)
    : groups_(std::move(groups)), config_(config) {
  for (const ParameterGroup& group : groups_) {
    std::vector<Tensor>& momenta = momenta_.emplace_back();
    for (const Tensor& parameter : group.parameters) {
      momenta.push_back(at::zeros_like(parameter.detach()));
    }
  }
}

void Muon::step(double lr, const Tensor& divisor, const Tensor& skip) {
  const c10::NoGradGuard no_grad;
  const Tensor active = 1 - skip;
  for (size_t g = 0; g < groups_.size(); ++g) {
    const ParameterGroup& group = groups_[g];
    const double rate = lr * group.lr_factor;
    const double decay = group.decay ? config_.weight_decay : 0.0;
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      Tensor parameter = group.parameters[i], momentum = momenta_[g][i];
      if (!parameter.grad().defined()) continue;
      // A gradient that is not finite must not reach the momentum even when multiplied by 0.
      const Tensor gradient =
          at::where(skip != 0, at::zeros({}, skip.options()), parameter.grad() / divisor);
      momentum.mul_(1 - active * (1 - config_.momentum)).add_(gradient);
      const Tensor ahead = gradient + config_.momentum * momentum;  // Nesterov
      const Tensor direction = is_fused_qkv(group.names[i], parameter)
                                   ? orthogonalised(ahead.view({3, -1, ahead.size(1)}))
                                   : orthogonalised(ahead.flatten(1));
      const double size =
          kUpdateSize *
          std::sqrt(static_cast<double>(std::max(direction.size(-1), direction.size(-2))));
      parameter.mul_(1 - active * rate * decay)
          .sub_(active * rate * size * direction.view_as(parameter));
    }
  }
}

std::map<std::string, Tensor> Muon::state() const {
  std::map<std::string, Tensor> state;
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (size_t i = 0; i < groups_[g].names.size(); ++i) {
      state["momentum/" + groups_[g].names[i]] = momenta_[g][i];
    }
  }
  return state;
}

}  // namespace nvlm::experiments
