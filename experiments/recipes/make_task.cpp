#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <optional>
#include <string>

#include "common/device.h"
#include "common/error.h"
#include "common/json.h"
#include "common/load_weights.h"
#include "common/weight_store.h"
#include "decoder/checkpoint.h"
#include "experiments/recipes/lab_tokenizer.h"
#include "experiments/recipes/recipe.h"
#include "experiments/tasks/fusion_task.h"
#include "experiments/tasks/reader_task.h"
#include "experiments/tasks/text_task.h"
#include "fusion/multimodal_checkpoint.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

fs::path require(const std::string& folder, const std::string& option,
                 const std::string& recipe_name, const std::string& made_by) {
  if (folder.empty()) {
    throw UsageError(recipe_name + " needs --" + option + ", a checkpoint folder of " + made_by);
  }
  if (!fs::exists(fs::path(folder) / "config.json")) {
    throw UsageError("--" + option + ": '" + folder + "' holds no config.json");
  }
  return folder;
}

vision::VisionConfig reader_config(const fs::path& reader) {
  return vision::vision_config_from_json(read_json(reader / "config.json"));
}

void load_reader(torch::nn::Module& encoder, const fs::path& reader) {
  load_weights(encoder, WeightStore::open(reader / "model.safetensors"));
}

std::unique_ptr<TrainingTask> reader_task(const ExperimentConfig& config, at::Device device) {
  if (!config.sources.sources.empty()) {
    throw UsageError("data.sources: reader-pretrain learns from the renderer's glyphs alone");
  }
  vision::VisionConfig vision = config.model.vision;
  fs::path start;
  if (!config.init.reader.empty()) {
    start = require(config.init.reader, "init.reader", config.recipe, "reader-pretrain");
    vision = reader_config(start);
  }
  vision::TilingConfig tiling = config.model.tiling;
  tiling.tile_size = vision.image_size;
  auto task = std::make_unique<ReaderTask>(vision, tiling, config.data, device);
  if (!start.empty()) load_reader(task->model(), start);
  return task;
}

std::unique_ptr<TrainingTask> text_task(const ExperimentConfig& config, const fs::path& run_dir,
                                        at::Device device) {
  const fs::path tokenizer_json = run_dir / "tokenizer.json";
  if (!fs::exists(tokenizer_json)) {
    fs::create_directories(run_dir);
    train_lab_tokenizer(tokenizer_json);
  }
  const auto tokenizer = decoder::Tokenizer::from_file(tokenizer_json);
  decoder::LlamaConfig decoder = config.model.decoder;
  decoder.vocab = tokenizer.vocab_size();
  decoder.bos_token_id = tokenizer.id("<|endoftext|>");
  decoder.eos_token_ids = {tokenizer.id("<|im_end|>"), tokenizer.id("<|endoftext|>")};
  return std::make_unique<TextTask>(decoder, tokenizer_json, config.sequence_length, config.sources,
                                    device);
}

/// Encoder and decoder from their own stages, fresh fusion between them.
/// reader  absent: an untrained encoder of the configured sizes, which coded features stand in for
fusion::MultimodalModel assemble(const ExperimentConfig& config,
                                 const std::optional<fs::path>& reader, const fs::path& decoder) {
  LabModelConfig parts = config.model;
  if (reader) parts.vision = reader_config(*reader);
  parts.decoder = decoder::llama_config_from_json(read_json(decoder / "config.json"));
  fusion::MultimodalModel model(multimodal_config(parts));
  if (reader) load_reader(*model->vision_model, *reader);
  load_weights(*model->language_model, WeightStore::open(decoder / "model.safetensors"));
  return model;
}

/// The model of a folder, with the encoder of another one in place of its own.
fusion::MultimodalModel load_with_reader(const fs::path& folder, const fs::path& reader) {
  const fusion::MultimodalModel stored = fusion::load_multimodal(folder);
  fusion::MultimodalConfig parts = stored->config();
  parts.vision = reader_config(reader);
  parts.preprocessor.tiling.tile_size = parts.vision.image_size;
  fusion::MultimodalModel model(parts);
  const auto weights = stored->named_parameters();
  const c10::NoGradGuard no_grad;
  for (auto& parameter : model->named_parameters()) {
    if (parameter.key().starts_with("vision_model.")) continue;
    parameter.value().copy_(weights[parameter.key()]);
  }
  load_reader(*model->vision_model, reader);
  return model;
}

FusionStage stage_of(const ExperimentConfig& config) {
  if (config.recipe.ends_with("-pretrain")) return FusionStage::kPretrain;
  return config.train_decoder ? FusionStage::kSft : FusionStage::kFrozenSft;
}

std::unique_ptr<TrainingTask> fusion_task(const ExperimentConfig& config, at::Device device) {
  const at::ScalarType dtype = compute_dtype(device, config.train.dtype);
  const FusionTaskConfig task{.stage = stage_of(config),
                              .mixture = config.data,
                              .sources = config.sources,
                              .guidance = config.guidance,
                              .features = config.features,
                              .rates = config.rates};
  if (!config.init.model.empty()) {
    const fs::path folder =
        require(config.init.model, "init.model", config.recipe, "fusion-pretrain");
    fusion::MultimodalModel model =
        config.init.reader.empty()
            ? fusion::load_multimodal(folder)
            : load_with_reader(folder, require(config.init.reader, "init.reader", config.recipe,
                                               "reader-pretrain"));
    if (model->config().fusion.variant != config.model.variant) {
      throw UsageError("--init.model: '" + folder.string() + "' is variant " +
                       fusion::name(model->config().fusion.variant) +
                       ", expected --fusion.variant " + fusion::name(config.model.variant));
    }
    if (model->config().fusion.tile_tags != config.model.tile_tags) {
      throw UsageError("--init.model: '" + folder.string() + "' has tile tags " +
                       fusion::name(model->config().fusion.tile_tags) +
                       ", but fusion.tile_tags is " + fusion::name(config.model.tile_tags));
    }
    vision::TilingConfig tiling = config.model.tiling;
    tiling.tile_size = model->config().preprocessor.tiling.tile_size;
    model->retile(tiling);
    return std::make_unique<FusionTask>(std::move(model), folder / "tokenizer.json", task, device,
                                        dtype);
  }
  std::optional<fs::path> reader;
  if (!config.init.reader.empty() || config.features.source == FeatureSource::kEncoder) {
    reader = require(config.init.reader, "init.reader", config.recipe, "reader-pretrain");
  }
  const fs::path decoder =
      require(config.init.decoder, "init.decoder", config.recipe, "text-pretrain");
  return std::make_unique<FusionTask>(assemble(config, reader, decoder), decoder / "tokenizer.json",
                                      task, device, dtype);
}

bool is_recipe_of_the_paper(const ExperimentConfig& config) {
  return config.recipe.starts_with("nvlm-");
}

/// The paper's recipes differ by variant.
void require_recipe_variant(const ExperimentConfig& config) {
  if (!is_recipe_of_the_paper(config)) return;
  const fusion::Variant variant = recipe(config.recipe).model.variant;
  if (config.model.variant == variant) return;
  throw UsageError("fusion.variant is " + fusion::name(config.model.variant) + ", but " +
                   config.recipe + " is the recipe of " + fusion::name(variant));
}

}  // namespace

void adopt_init_model(ExperimentConfig& config) {
  const bool is_finetune = config.recipe == "finetune";
  if (config.init.model.empty() && !is_finetune) return;
  const fs::path folder =
      require(config.init.model, "init.model", config.recipe, "a trained model");
  if (is_finetune && config.sources.sources.empty()) {
    throw UsageError("finetune needs --data.sources, the data to learn from (FOLDER or FILE)");
  }
  const fusion::MultimodalConfig model = fusion::read_multimodal_config(folder);
  config.model.tile_tags = model.fusion.tile_tags;
  if (is_recipe_of_the_paper(config)) return;  // its variant and tiles are the paper's
  config.model.variant = model.fusion.variant;
  config.model.tiling = model.preprocessor.tiling;
}

std::unique_ptr<TrainingTask> make_task(const ExperimentConfig& config, const fs::path& run_dir) {
  config.train.validate();
  config.data.validate();
  if (const vision::TilingConfig& tiling = config.model.tiling;
      tiling.min_tiles > tiling.max_tiles) {
    throw UsageError("tiling.min_tiles is " + std::to_string(tiling.min_tiles) +
                     ", expected at most tiling.max_tiles, " + std::to_string(tiling.max_tiles));
  }
  const at::Device device = parse_device(config.train.device);
  at::manual_seed(static_cast<uint64_t>(config.train.seed));
  if (config.recipe == "reader-pretrain") return reader_task(config, device);
  if (config.recipe == "text-pretrain") return text_task(config, run_dir, device);
  require_recipe_variant(config);
  return fusion_task(config, device);
}

}  // namespace nvlm::experiments
