// nvlm convert export: NVLM-D models for the code of published families.
#include <iostream>

#include "cli/convert_verbs.h"
#include "cli/model_folder.h"
#include "cli/options.h"
#include "cli/output_folder.h"
#include "common/error.h"
#include "fusion/internvl_export.h"
#include "fusion/multimodal_checkpoint.h"

namespace nvlm::cli {
namespace {

at::ScalarType stored_dtype(const std::string& name) {
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  throw UsageError("--dtype is '" + name + "', expected float32 or bfloat16");
}

}  // namespace

int run_convert_export(const Arguments& arguments) {
  std::string layout_name, model_name, out, dtype_name;
  bool overwrite = false;
  VerbOptions options(
      "convert export --layout internvl|internvl-hf|nvlm-d --model DIR --out DIR [options]",
      "Writes an NVLM-D model as InternVL 2.5 or NVLM-D are published, so that their code runs it: "
      "internvl-hf is what Hugging Face transformers load by themselves. Tile tags stay text of "
      "the prompt. X and H have no published code.",
      "nvlm convert export --layout internvl-hf --model d --out nvlm-d-hf");
  options.add()("layout", po::value(&layout_name)->required(), "internvl, internvl-hf or nvlm-d")(
      "model,m", po::value(&model_name)->required(), "d or the folder of an NVLM-D model")(
      "out,o", po::value(&out)->required(), "folder to write")(
      "dtype", po::value(&dtype_name)->default_value("float32"), "float32 or bfloat16")(
      "overwrite", po::bool_switch(&overwrite), "replace the checkpoint in --out");
  if (!options.parse(arguments)) return 0;
  const fusion::PublishedLayout layout =
      parse_option("--layout", layout_name, fusion::parse_published_layout);
  const at::ScalarType dtype = stored_dtype(dtype_name);
  const std::filesystem::path source = model_folder(model_name);

  AtomicFolder folder = start_output_folder(out, overwrite, {source});
  fusion::export_internvl(folder.path(), fusion::load_multimodal(source), source / "tokenizer.json",
                          layout, dtype);
  folder.commit();
  std::cout << out << "\n";
  return 0;
}

}  // namespace nvlm::cli
