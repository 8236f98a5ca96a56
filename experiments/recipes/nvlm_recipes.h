// The two stages of the NVLM paper for each variant, tables 10 and 11.
#pragma once

#include "experiments/recipes/recipe.h"

namespace nvlm::experiments {

/// source  NVLM (arXiv 2409.11402), tables 10 and 11; where 34B and 72B differ, 72B.
///
/// As in the paper: what is trained, the largest and the smallest rate, linear warm-up and cosine,
/// AdamW's betas and decay, clipping, the number of tiles, closed gates, loss on answers alone.
/// Every module has the stage's one rate; rates.* change that.
///
/// differs: scaled to the lab by two numbers, and by nothing else. A step has a 32nd of the paper's
/// samples (2048, 512, 256, 128 -> 64, 16, 8, 4), and a run a 20th of its steps, warm-up included
/// (20K, 40K, 1000, 500 -> 1000, 2000, 50, 25). The whole recipe is --train.accumulation,
/// --train.steps and --train.warmup_steps at 32, 20 and 20 times what it says. Rates are not
/// scaled: they are those of models a thousand times as large, and a lab model learns slowly under
/// them (the lab's own recipes take 5e-4 to 1e-3).
///
/// The paper publishes no weights of its data sets: pictures come from data.* and data.sources as
/// in the lab's recipes, with a tenth of text-only batches in the second stage.
ExperimentConfig nvlm_d_pretrain();
ExperimentConfig nvlm_x_pretrain();
ExperimentConfig nvlm_h_pretrain();
ExperimentConfig nvlm_d_sft();
ExperimentConfig nvlm_x_sft();
ExperimentConfig nvlm_h_sft();

}  // namespace nvlm::experiments
