// nvlm convert assemble: an encoder and a decoder become a multimodal model.
#include <filesystem>
#include <iostream>

#include "cli/convert_verbs.h"
#include "cli/options.h"
#include "cli/output_folder.h"
#include "common/error.h"
#include "common/json.h"
#include "fusion/assemble.h"
#include "fusion/multimodal_checkpoint.h"

namespace nvlm::cli {
namespace {

namespace fs = std::filesystem;

at::ScalarType assembled_dtype(const std::string& name, at::ScalarType stored) {
  if (name == "auto") return stored;
  return name == "bfloat16" ? at::kBFloat16 : at::kFloat;
}

/// The decoder's tokenizer.json, or the file that is named instead.
fs::path find_tokenizer(const fs::path& decoder, const std::string& named) {
  const fs::path path = named.empty() ? decoder / "tokenizer.json" : fs::path(named);
  if (fs::exists(path)) return path;
  if (!named.empty()) throw UsageError("--tokenizer: '" + named + "' does not exist");
  if (!fs::is_directory(decoder)) {
    throw UsageError("--decoder: '" + decoder.string() + "' is no folder");
  }
  throw UsageError(
      "--decoder: '" + decoder.string() + "' has no tokenizer.json" +
      (fs::exists(decoder / "tokenizer.model") ? " (tokenizer.model is not converted)" : "") +
      "; --tokenizer names one, such as that of the model's Hugging Face repository");
}

void print_assembly(const std::string& out, const fusion::Assembly& assembly) {
  const fusion::MultimodalConfig& config = assembly.model->config();
  int64_t encoder = 0, fusion = 0, decoder = 0;
  for (const auto& item : assembly.model->named_parameters()) {
    const std::string& key = item.key();
    (key.starts_with("vision_model.")     ? encoder
     : key.starts_with("language_model.") ? decoder
                                          : fusion) += item.value().numel();
  }
  const std::string variant = name(config.fusion.variant);
  std::cout << out << "\n  parameters  encoder " << encoder << ", fusion " << fusion << ", decoder "
            << decoder << "\n  vocabulary  " << config.decoder.vocab << " rows, "
            << assembly.num_new_tokens << " new tokens, " << assembly.num_grown_rows
            << " rows grown\n  next        nvlm train fusion-pretrain --fusion.variant " << variant
            << " --init.model " << out << " --out runs/" << variant << "\n";
}

}  // namespace

int run_convert_assemble(const Arguments& arguments) {
  std::string vision, decoder, tokenizer, variant, tags, out, dtype_name;
  fusion::AssembleConfig config;
  bool overwrite = false;
  VerbOptions options(
      "convert assemble --vision DIR --decoder DIR --fusion d|x|h --out DIR [options]",
      "Joins a trained InternViT and a trained Llama or Qwen2 with a fresh projector and, for x "
      "and h, fresh cross-attention whose gates are closed. Each folder may also be a multimodal "
      "checkpoint, of which the part is taken. The result is what nvlm train starts from with "
      "--init.model.",
      "nvlm convert assemble --vision InternViT-300M-448px --decoder Llama-3.2-1B --fusion h "
      "--out runs/h0");
  options.add()("vision", po::value(&vision)->required(), "folder with the encoder")(
      "decoder", po::value(&decoder)->required(),
      "folder with the decoder, in Hugging Face's or Meta's layout")(
      "fusion", po::value(&variant)->required(), "d, x, h or reversed")(
      "out,o", po::value(&out)->required(), "folder to write")(
      "tokenizer", po::value(&tokenizer), "tokenizer.json, where the decoder's folder has none")(
      "tile-tags", po::value(&tags)->default_value("1d"), "none, 1d, 2d_grid or 2d_box")(
      "max-tiles", po::value(&config.max_tiles)->default_value(config.max_tiles),
      "regular tiles per picture, at most")("tile-size",
                                            po::value(&config.tile_size)->default_value(0),
                                            "side of a tile, pixels; 0 = the encoder's image size")(
      "every", po::value(&config.every)->default_value(0),
      "decoder layers per cross-attention block; 0 = a tenth of them")(
      "template", po::value(&config.prompt_template)->default_value(config.prompt_template),
      "nvlm_lab, chatml or internvl2_5")(
      "dtype", po::value(&dtype_name)->default_value("auto"),
      "of the written weights: auto (bfloat16 if both parts are), float32 or bfloat16")(
      "seed", po::value(&config.seed)->default_value(0), "of fresh weights")(
      "overwrite", po::bool_switch(&overwrite), "replace the checkpoint in --out");
  if (!options.parse(arguments)) return 0;
  config.variant = parse_option("--fusion", variant, fusion::parse_variant);
  config.tile_tags = parse_option("--tile-tags", tags, fusion::parse_tile_tag_kind);
  parse_option("--template", config.prompt_template, fusion::prompt_format);
  require_range("--max-tiles", config.max_tiles, 1, 64);
  require_range("--tile-size", config.tile_size, 0, 1 << 14);
  require_range("--every", config.every, 0, 1 << 12);
  if (dtype_name != "auto" && dtype_name != "float32" && dtype_name != "bfloat16") {
    throw UsageError("--dtype is '" + dtype_name + "', expected auto, float32 or bfloat16");
  }

  AtomicFolder folder = start_output_folder(out, overwrite, {vision, decoder});
  const fs::path tokenizer_json = folder.path() / "tokenizer.json";
  const fusion::Assembly assembly =
      fusion::assemble(vision, decoder, find_tokenizer(decoder, tokenizer), config);
  write_json(tokenizer_json, assembly.tokenizer);
  save_multimodal(folder.path(), assembly.model, tokenizer_json,
                  assembled_dtype(dtype_name, assembly.stored_dtype));
  folder.commit();
  print_assembly(out, assembly);
  return 0;
}

}  // namespace nvlm::cli
