// nvlm convert llama: between Meta's layout and Hugging Face's.
#include <filesystem>
#include <iostream>
#include <optional>

#include "cli/convert_verbs.h"
#include "cli/options.h"
#include "cli/output_folder.h"
#include "common/error.h"
#include "decoder/meta_conversion.h"

namespace nvlm::cli {
namespace {

std::optional<at::ScalarType> weights_dtype(const std::string& name) {
  if (name == "auto") return std::nullopt;
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  if (name == "float16") return at::kHalf;
  throw UsageError("--dtype is '" + name + "', expected auto, float32, bfloat16 or float16");
}

}  // namespace

int run_convert_llama(const Arguments& arguments) {
  std::string layout, model, out, dtype_name;
  int64_t shards = 1;
  bool overwrite = false;
  VerbOptions options(
      "convert llama --to meta|hf --model DIR --out DIR [options]",
      "Writes a Llama of Meta's layout (params.json, consolidated.NN.safetensors) in Hugging "
      "Face's (config.json, model.safetensors), or the other way round. A tokenizer.json is "
      "copied; Meta's tokenizer.model is not converted.",
      "nvlm convert llama --to hf --model Llama-3.2-1B/original --out Llama-3.2-1B-hf");
  options.add()("to", po::value(&layout)->required(), "meta or hf")(
      "model,m", po::value(&model)->required(), "folder in the other layout")(
      "out,o", po::value(&out)->required(), "folder to write")(
      "dtype", po::value(&dtype_name)->default_value("auto"),
      "auto (as stored), float32, bfloat16 or float16")(
      "shards", po::value(&shards)->default_value(1), "files of model parallelism, for --to meta")(
      "overwrite", po::bool_switch(&overwrite), "replace the checkpoint in --out");
  if (!options.parse(arguments)) return 0;
  if (layout != "meta" && layout != "hf") {
    throw UsageError("--to is '" + layout + "', expected meta or hf");
  }
  if (shards < 1 || (shards > 1 && layout == "hf")) {
    throw UsageError("--shards is " + std::to_string(shards) +
                     (layout == "hf" ? ", expected 1 for --to hf" : ", expected 1 or more"));
  }
  const std::optional<at::ScalarType> dtype = weights_dtype(dtype_name);

  AtomicFolder folder = start_output_folder(out, overwrite, {model});
  if (layout == "hf") {
    decoder::meta_to_hugging_face(model, folder.path(), dtype);
  } else {
    decoder::hugging_face_to_meta(model, folder.path(), dtype, shards);
  }
  if (!std::filesystem::exists(folder.path() / "tokenizer.json")) {
    std::cerr << "nvlm: '" << model
              << "' has no tokenizer.json, which this program needs to read or write text"
              << (std::filesystem::exists(std::filesystem::path(model) / "tokenizer.model")
                      ? " (tokenizer.model is not converted)"
                      : "")
              << "; the model's Hugging Face repository has one\n";
  }
  folder.commit();
  std::cout << out << "\n";
  return 0;
}

}  // namespace nvlm::cli
