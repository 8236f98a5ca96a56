// The kinds of case that can be compared, a file each; private to this folder.
#pragma once

#include <torch/nn/module.h>

#include <stdexcept>
#include <string>

#include "eval/parity/case_folder.h"
#include "eval/parity/parity_report.h"

namespace nvlm::eval {

/// Each compares one folder of its kind and fills the rows of the report.
void check_llama(const CaseFolder& folder, ParityReport& report);
void check_internvit(const CaseFolder& folder, ParityReport& report);
void check_gated_cross_attention(const CaseFolder& folder, ParityReport& report);
void check_flamingo(const CaseFolder& folder, ParityReport& report);
void check_losses(const CaseFolder& folder, ParityReport& report);
void check_preprocessing(const CaseFolder& folder, ParityReport& report);
void check_internvl_chat(const CaseFolder& folder, ParityReport& report);
void check_mllama(const CaseFolder& folder, ParityReport& report);
void check_metrics(const CaseFolder& folder, ParityReport& report);
void check_tokenizer(const CaseFolder& folder, ParityReport& report);

/// The module registered under `name`, such as "encoder.layers.0.norm1".
template <class Impl>
Impl& submodule(torch::nn::Module& module, const std::string& name) {
  const auto modules = module.named_modules();
  const auto* found = modules.find(name);
  auto* typed = found == nullptr ? nullptr : (*found)->as<Impl>();
  TORCH_INTERNAL_ASSERT(typed != nullptr, "no module '", name, "' of the expected type");
  return *typed;
}

}  // namespace nvlm::eval
