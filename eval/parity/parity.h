// Comparison of this program's parts with stored outputs of a reference implementation.
#pragma once

#include <filesystem>

#include "eval/parity/parity_report.h"

namespace nvlm::eval {

/// Computes what the folder holds reference outputs for, and compares. The kind of case follows
/// from the files: a checkpoint (config.json of a model) with inputs.safetensors and
/// expected.safetensors, a gated cross-attention block, losses, pictures and their tiles, a
/// tokenizer with cases.jsonl, or metrics. The format of the folders is described in
/// docs/parity.md. throws  std::runtime_error, one line: no such folder, a file that is missing or
/// damaged, or no
///         known kind and what was looked for
ParityReport check_case(const std::filesystem::path& case_dir);

}  // namespace nvlm::eval
