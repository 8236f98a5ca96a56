// A run is a function: a recipe returns a complete configuration, the command line changes fields.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/config_schema.h"
#include "experiments/recipes/lab_model.h"
#include "experiments/tasks/attention_guide.h"
#include "experiments/tasks/fusion_task.h"
#include "experiments/tasks/mixture.h"
#include "experiments/tasks/source_config.h"
#include "experiments/training/train_config.h"
#include "experiments/training/training_task.h"

namespace nvlm::experiments {

/// Checkpoint folders that a stage starts from.
struct InitConfig {
  std::string reader;   // an encoder (reader-pretrain)
  std::string decoder;  // a Llama with its tokenizer (text-pretrain)
  std::string model;    // a multimodal model, instead of a decoder; `reader` replaces its encoder
};

/// Everything a run depends on.
struct ExperimentConfig {
  std::string recipe;
  TrainConfig train;
  LabModelConfig model;
  MixtureConfig data;
  SourceConfig sources;
  GuidanceConfig guidance;
  RateConfig rates;
  InitConfig init;
  FeatureConfig features;
  bool train_decoder = true;      // of fusion-sft and fusion-align
  int64_t sequence_length = 256;  // tokens, of text-pretrain
};

/// The lab's: reader-pretrain, text-pretrain, fusion-pretrain, fusion-align, fusion-sft; the
/// paper's (nvlm_recipes.h): nvlm-d-pretrain, nvlm-d-sft and the same of x and h; finetune.
const std::vector<std::string>& recipe_names();

/// The same names in one line, for help and errors.
std::string recipe_list();

/// The configuration of a recipe. throws UsageError naming the nearest known recipe
ExperimentConfig recipe(const std::string& name);

/// Fits a configuration to the model in init.model, if it starts from one: variant, tile tags and
/// tiles are the model's; the paper's recipes keep their own variant and tiles.
/// throws  UsageError if init.model is no folder of a model, or finetune lacks it or its data
void adopt_init_model(ExperimentConfig& config);

/// Registers every field of a configuration; `config` must outlive the schema.
ConfigSchema make_schema(ExperimentConfig& config);

/// Builds the task of a configuration: models on their device, weights loaded. Weights from scratch
/// are drawn from train.seed.
/// run_dir  text-pretrain writes the tokenizer that it trains there
/// throws   UsageError where `init.*` lacks what the recipe needs
std::unique_ptr<TrainingTask> make_task(const ExperimentConfig& config,
                                        const std::filesystem::path& run_dir);

}  // namespace nvlm::experiments
