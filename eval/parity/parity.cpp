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
      "InternVisionModel, InternVLChatModel, NVLM_D or MllamaForConditionalGeneration, "
      "model.safetensors with cross_attn.q_proj.weight or attn.to_kv.weight, inputs.safetensors "
      "with policy_chosen_logits, tokenizer.json with cases.jsonl, 'images' "
      "in case.json, and "
      "teds.jsonl, cer_wer.jsonl or anls.jsonl");
}

bool holds_tensor(const CaseFolder& folder, const std::string& file, const std::string& tensor) {
  return folder.has(file) && SafetensorsFile::open(folder.path() / file).contains(tensor);
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
      case ModelFamily::kInternVl:
        return {"InternVL chat model", check_internvl_chat};
      case ModelFamily::kNvlmD:
        return {"NVLM-D", check_internvl_chat};
      case ModelFamily::kMllama:
        return {"Llama 3.2 Vision", check_mllama};
      default:
        throw_unknown_kind(folder, " (config.json says '" + fusion::architecture_of(config) + "')");
    }
  }
  if (holds_tensor(folder, "model.safetensors", "cross_attn.q_proj.weight")) {
    return {"gated cross-attention", check_gated_cross_attention};
  }
  if (holds_tensor(folder, "model.safetensors", "attn.to_kv.weight")) {
    return {"Flamingo's gated cross-attention", check_flamingo};
  }
  if (holds_tensor(folder, "inputs.safetensors", "policy_chosen_logits")) {
    return {"losses", check_losses};
  }
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
