#include "eval/parity/parity.h"

#include <stdexcept>

#include "eval/parity/case_folder.h"
#include "eval/parity/kinds.h"
#include "fusion/model_family.h"

namespace nvlm::eval {
namespace {

using fusion::model_family;
using fusion::ModelFamily;

struct ParityKind {
  const char* name;
  void (*check)(const CaseFolder& folder, ParityReport& report);
};

[[noreturn]] void throw_unknown_kind(const CaseFolder& folder, const std::string& found) {
  throw std::runtime_error(
      "parity: '" + folder.path().string() + "' is no known kind of case" + found +
      "; looked for config.json of LlamaForCausalLM, Qwen2ForCausalLM, GPT2LMHeadModel, "
      "InternVisionModel or MllamaForConditionalGeneration, model.safetensors with "
      "cross_attn.q_proj.weight, tokenizer.json with cases.jsonl, 'images' in case.json, and "
      "teds.jsonl, cer_wer.jsonl or anls.jsonl");
}

bool holds_gated_block(const CaseFolder& folder) {
  return folder.has("model.safetensors") &&
         SafetensorsFile::open(folder.path() / "model.safetensors")
             .contains("cross_attn.q_proj.weight");
}

ParityKind kind_of(const CaseFolder& folder) {
  // First what only such a case holds: a tokenizer's folder may have a config.json besides.
  if (folder.has("cases.jsonl")) return {"tokenizer", check_tokenizer};
  if (folder.has("teds.jsonl") || folder.has("cer_wer.jsonl") || folder.has("anls.jsonl")) {
    return {"metrics", check_metrics};
  }
  if (folder.about().contains("images") && !folder.has("config.json")) {
    return {"pictures and tiles", check_preprocessing};
  }
  if (folder.has("config.json")) {
    const Json config = read_json(folder.path() / "config.json");
    switch (model_family(config)) {
      case ModelFamily::kLlama:
        return {"Llama decoder", check_llama};
      case ModelFamily::kQwen2:
        return {"Qwen2 decoder", check_llama};
      case ModelFamily::kGpt2:
        return {"GPT-2 decoder", check_llama};
      case ModelFamily::kInternVit:
        return {"InternViT encoder", check_internvit};
      case ModelFamily::kMllama:
        return {"Llama 3.2 Vision", check_mllama};
      default:
        throw_unknown_kind(folder, " (config.json says '" + fusion::architecture_of(config) + "')");
    }
  }
  if (holds_gated_block(folder)) return {"gated cross-attention", check_gated_cross_attention};
  throw_unknown_kind(folder, "");
}

}  // namespace

ParityReport check_case(const std::filesystem::path& case_dir) {
  const CaseFolder folder(case_dir);
  const ParityKind kind = kind_of(folder);
  ParityReport report;
  // "x/" and "." have no name of their own.
  report.name = std::filesystem::weakly_canonical(case_dir).filename().string();
  report.kind = kind.name;
  kind.check(folder, report);
  if (report.rows.empty()) {
    throw std::runtime_error("parity: '" + case_dir.string() +
                             "' holds no expected output that a " + report.kind +
                             " case could be compared with");
  }
  return report;
}

}  // namespace nvlm::eval
