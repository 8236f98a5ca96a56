#include "common/recompute.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <utility>

#include "common/autocast.h"

namespace nvlm {
namespace {

/// What the backward pass needs beside the inputs.
struct RecomputedWork : torch::CustomClassHolder {
  std::function<Tensor(const Tensor&, const Tensor&)> work;
  c10::DeviceType device = c10::kCPU;
  c10::ScalarType autocast = c10::kFloat;
};

class Recompute : public torch::autograd::Function<Recompute> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context,
                        const c10::intrusive_ptr<RecomputedWork>& work, const Tensor& first,
                        const Tensor& second, const Tensor& /*keeps_the_node*/) {
    context->saved_data["work"] = c10::IValue::make_capsule(work);
    context->save_for_backward({first, second});
    return work->work(first, second);
  }

  static std::vector<Tensor> backward(torch::autograd::AutogradContext* context,
                                      const std::vector<Tensor>& gradients) {
    const auto work =
        c10::static_intrusive_pointer_cast<RecomputedWork>(context->saved_data["work"].toCapsule());
    std::vector<Tensor> inputs;
    for (const Tensor& input : context->get_saved_variables()) {
      inputs.push_back(input.detach().set_requires_grad(input.requires_grad()));
    }
    Tensor output;
    {
      const c10::AutoGradMode records(true);
      const AutocastScope autocast(work->device, work->autocast);
      output = work->work(inputs[0], inputs[1]);
    }
    if (output.requires_grad()) torch::autograd::backward({output}, {gradients.front()});
    std::vector<Tensor> result = {Tensor()};  // of `work`
    for (const Tensor& input : inputs) result.push_back(input.grad());
    result.emplace_back();  // of the one that keeps the node
    return result;
  }
};

}  // namespace

Tensor recomputed(std::function<Tensor(const Tensor&, const Tensor&)> work, const Tensor& first,
                  const Tensor& second) {
  if (!c10::GradMode::is_enabled()) return work(first, second);
  auto kept = c10::make_intrusive<RecomputedWork>();
  kept->work = std::move(work);
  kept->device = first.device().type();
  if (at::autocast::is_autocast_enabled(kept->device)) {
    kept->autocast = at::autocast::get_autocast_dtype(kept->device);
  }
  // Parameters do not pass as inputs; this one lets the output have a gradient for their sake.
  const Tensor keeps_the_node = at::empty({0}).requires_grad_(true);
  return Recompute::apply(kept, first, second.defined() ? second : at::empty({0}), keeps_the_node);
}

}  // namespace nvlm
