#include "experiments/recipes/recipe.h"

#include "common/error.h"
#include "common/nearest_name.h"
#include "experiments/recipes/nvlm_recipes.h"

namespace nvlm::experiments {
namespace {

/// The code of every patch; NVLM's counterpart is the trained InternViT.
ExperimentConfig reader_pretrain() {
  ExperimentConfig c;
  // docs/decisions/0003-a-convolutional-stem.md
  c.model.vision.stem_channels = 32;
  c.model.vision.image_size = 256;
  c.model.vision.patch_size = 16;
  c.model.vision.layers = 4;
  c.train.steps = 3600;
  c.train.batch_size = 16;
  c.train.lr = 1.5e-3;
  c.train.min_lr = 1e-5;
  c.train.muon = 2;
  c.train.beta2 = 0.98;
  c.train.weight_decay = 0.05;
  c.data.text_blocks = 0.7;
  return c;
}

/// Markdown tables and prose; NVLM's counterpart is the trained language model.
ExperimentConfig text_pretrain() {
  ExperimentConfig c;
  c.train.steps = 400;
  c.train.batch_size = 16;
  c.train.lr = 1.5e-3;
  c.train.min_lr = 1.5e-4;
  c.train.warmup_steps = 50;
  c.train.beta2 = 0.98;
  c.train.weight_decay = 0.05;
  return c;
}

/// NVLM Table 10, scaled: projector and cross-attention alone.
ExperimentConfig fusion_pretrain() {
  ExperimentConfig c;
  c.train.steps = 200;
  c.train.batch_size = 16;
  c.train.lr = 1.5e-3;
  c.train.min_lr = 1.5e-3 / 10;
  c.train.warmup_steps = 50;
  c.train.beta2 = 0.98;
  c.train.weight_decay = 0.05;
  return c;
}

/// Not in the paper: decoder and fusion learn where to look on features made from labels, while the
/// encoder is still learning to read.
ExperimentConfig fusion_align() {
  ExperimentConfig c = fusion_pretrain();
  c.features.source = FeatureSource::kCode;
  c.train.steps = 600;
  c.train.min_lr = 7e-4;
  c.train.muon = 3;
  c.data.text_only = 0.05;
  return c;
}

/// NVLM Table 11, scaled: decoder, projector and cross-attention, text-only data mixed in.
ExperimentConfig fusion_sft() {
  ExperimentConfig c = fusion_align();
  c.features.source = FeatureSource::kEncoder;
  c.train.steps = 1200;
  c.train.lr = 1e-3;
  c.train.min_lr = 2e-5;
  return c;
}

/// A finished model on data of one's own (docs/train-your-own.md). The projector moves little and
/// the decoder less, so that what the model can do stays where the data say nothing about it.
ExperimentConfig finetune() {
  ExperimentConfig c;
  c.train.steps = 300;
  c.train.batch_size = 8;
  c.train.lr = 2e-4;
  c.train.min_lr = 2e-5;
  c.train.warmup_steps = 20;
  c.train.beta2 = 0.98;
  c.train.weight_decay = 0.05;
  c.train.checkpoint_every = 100;
  c.rates.decoder = 0.25;
  c.guidance.weight = 0;  // files say nothing about where a character stands
  c.data.text_only = 0;
  return c;
}

struct NamedRecipe {
  const char* name;
  ExperimentConfig (*make)();
};

constexpr NamedRecipe kRecipes[] = {
    {"reader-pretrain", reader_pretrain}, {"text-pretrain", text_pretrain},
    {"fusion-pretrain", fusion_pretrain}, {"fusion-align", fusion_align},
    {"fusion-sft", fusion_sft},           {"nvlm-d-pretrain", nvlm_d_pretrain},
    {"nvlm-x-pretrain", nvlm_x_pretrain}, {"nvlm-h-pretrain", nvlm_h_pretrain},
    {"nvlm-d-sft", nvlm_d_sft},           {"nvlm-x-sft", nvlm_x_sft},
    {"nvlm-h-sft", nvlm_h_sft},           {"finetune", finetune}};

}  // namespace

const std::vector<std::string>& recipe_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const NamedRecipe& entry : kRecipes) all.emplace_back(entry.name);
    return all;
  }();
  return names;
}

std::string recipe_list() {
  std::string list;
  for (const std::string& name : recipe_names()) list += (list.empty() ? "" : ", ") + name;
  return list;
}

ExperimentConfig recipe(const std::string& name) {
  for (const NamedRecipe& entry : kRecipes) {
    if (name != entry.name) continue;
    ExperimentConfig config = entry.make();
    config.recipe = name;
    return config;
  }
  throw UsageError("'" + name + "' is no recipe, expected one of " + recipe_list() +
                   did_you_mean(name, recipe_names()));
}

ConfigSchema make_schema(ExperimentConfig& config) {
  ConfigSchema schema;
  schema.add("run.recipe", &config.recipe, "the recipe that the run began from",
             one_of(recipe_names()));
  register_options(schema, config.train);
  register_options(schema, config.data);
  register_options(schema, config.sources);
  register_options(schema, config.model);
  register_options(schema, config.guidance);
  register_options(schema, config.features);
  register_options(schema, config.rates);
  schema.add("fusion.train_decoder", &config.train_decoder,
             "whether the stages after pretraining train the decoder as well");
  schema.add("init.reader", &config.init.reader, "folder of an encoder (reader-pretrain)");
  schema.add("init.decoder", &config.init.decoder,
             "folder of a decoder with its tokenizer (text-pretrain)");
  schema.add("init.model", &config.init.model,
             "folder of a multimodal model, instead of a decoder; with init.reader its encoder is "
             "replaced");
  schema.add("text.sequence_length", &config.sequence_length, "tokens per row of text-pretrain",
             whole_number_from(2, 1 << 20));
  return schema;
}

}  // namespace nvlm::experiments
