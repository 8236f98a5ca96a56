// A multimodal model trained on files: what is learnt, what is left out, what ends a run.
#include <c10/core/GradMode.h>
#include <doctest/doctest.h>

#include <fstream>
#include <new>

#include "common/error.h"
#include "common/json.h"
#include "decoder/tokenizer/bpe_trainer.h"
#include "experiments/recipes/lab_model.h"
#include "experiments/tasks/fusion_task.h"
#include "experiments/tasks/prompt_checks.h"
#include "experiments/training/trainer.h"
#include "tests/experiments/shared_tokenizer.h"
#include "tests/experiments/source_files.h"
#include "tests/experiments/training_support.h"
#include "tests/support/json_lines.h"

namespace nvlm::experiments {
namespace {

fusion::MultimodalConfig sources_model(fusion::Variant variant) {
  LabModelConfig parts;
  parts.variant = variant;
  parts.vision.hidden = 16;
  parts.vision.layers = 1;
  parts.vision.heads = 2;
  parts.vision.ffn_hidden = 16;
  parts.vision.image_size = 56;
  parts.decoder.hidden = 16;
  parts.decoder.layers = 3;
  parts.decoder.heads = parts.decoder.kv_heads = 2;
  parts.decoder.head_dim = 8;
  parts.decoder.ffn_hidden = 16;
  parts.decoder.vocab = decoder::Tokenizer::from_file(lab_tokenizer_json()).vocab_size();
  return multimodal_config(parts);
}

std::unique_ptr<FusionTask> small_task(const FusionTaskConfig& config,
                                       fusion::Variant variant = fusion::Variant::kHybrid) {
  at::manual_seed(1);
  return std::make_unique<FusionTask>(fusion::MultimodalModel(sources_model(variant)),
                                      lab_tokenizer_json(), config, at::kCPU, at::kFloat);
}

FusionTaskConfig learn_from(std::vector<std::string> sources, double max_bad = 1) {
  FusionTaskConfig config;
  config.sources.sources = std::move(sources);
  config.sources.max_bad = max_bad;
  config.guidance.weight = 0;
  return config;
}

/// Names of a batch's samples, in order.
std::vector<std::string> batch_names(const FusionTask& task, int64_t first, int64_t count) {
  const test::TempDir dir;
  const std::any pass = task.prepare({/*seed=*/3, 0, 0, first, count}).front();
  const Json json = read_json(task.dump(pass, dir / "batch"));
  return json.at("samples").get<std::vector<std::string>>();
}

TrainConfig short_run(int64_t steps, int64_t workers = 1) {
  TrainConfig config = tiny_config();
  config.steps = steps;
  config.batch_size = 2;
  config.warmup_steps = 1;
  config.checkpoint_every = 3;
  config.log_every = 1;
  config.workers = workers;
  return config;
}

/// Six pairs of which two are no use.
const DataFolder& mixed_folder() {
  static const DataFolder folder;
  static const bool filled = [] {
    for (const char* name : {"a", "b", "c", "d"}) folder.pair(name, 2);
    folder.text("e.png", "no picture").text("e.md", "words");
    folder.picture("f.png").text("f.md", " \n");
    return true;
  }();
  (void)filled;
  return folder;
}

bool has_part(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("'" << text << "' lacks '" << part << "'");
  return found;
}

}  // namespace

TEST_CASE("training from files: the order depends on neither batch size nor variant") {
  const DataFolder text;
  text.text("notes.txt", "one\n\ntwo\n\nthree\n");
  const FusionTaskConfig config =
      learn_from({mixed_folder().path().string() + ":2", (text / "notes.txt").string(), "render"});
  const auto task = small_task(config);
  const std::vector<std::string> names = batch_names(*task, 0, 24);
  std::vector<std::string> singly;
  for (int64_t i = 0; i < 24; ++i) singly.push_back(batch_names(*task, i, 1).front());
  CHECK(singly == names);
  CHECK(batch_names(*small_task(config, fusion::Variant::kDecoder), 0, 24) == names);
  for (const std::string& name : names) {
    CHECK(name.find("e.png") == std::string::npos);
    CHECK(name.find("f.png") == std::string::npos);
  }
  // Whole batches go through the model: pictures beside text.
  task->model().train();
  const TaskLoss loss = task->loss(task->prepare({3, 0, 0, 0, 8}).front());
  CHECK(std::isfinite(loss.sum.item<double>()));
  loss.sum.backward();
}

TEST_CASE("training from files: bad samples are written down, counted and survive a resume") {
  const ScratchDir scratch;
  const FusionTaskConfig config = learn_from({mixed_folder().path().string()});
  std::vector<std::string> ledgers;
  for (const int64_t workers : {0, 4}) {
    const std::string run = "run_" + std::to_string(workers);
    const auto task = small_task(config);
    train(*task, short_run(6, workers), scratch / run);
    CHECK(task->totals().at("bad_samples") == 2);
    ledgers.push_back(read_text_file(scratch / run / "bad_samples.jsonl"));
    const auto lines = test::json_lines(scratch / run / "metrics.jsonl");
    CHECK(lines.back().at("bad_samples") == 2);
    CHECK(lines.back().at("bad_samples").is_number_integer());
  }
  CHECK(ledgers[0] == ledgers[1]);
  const auto bad = test::json_lines(scratch / "run_0" / "bad_samples.jsonl");
  REQUIRE(bad.size() == 2);
  for (const Json& line : bad) {
    const bool torn = line.at("index") == 4;
    CHECK(has_part(line.at("reason"), torn ? "not a PNG" : "an empty answer"));
    CHECK(line.at("sha256").get<std::string>().size() == 64);
    CHECK(has_part(line.at("path"), torn ? "e.png" : "f.png"));
  }

  // Interrupted after three steps, and killed a step later: the fourth step's line is met again.
  TrainConfig half = short_run(6);
  const auto first = small_task(config);
  std::filesystem::copy(
      scratch / "run_0", scratch / "resumed",
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  std::filesystem::remove(scratch / "resumed/checkpoints/latest");
  std::filesystem::create_directory_symlink("step_3", scratch / "resumed/checkpoints/latest");
  train(*first, half, scratch / "resumed", /*resume=*/true);
  CHECK(read_text_file(scratch / "resumed/bad_samples.jsonl") == ledgers[0]);
  CHECK(first->totals().at("bad_samples") == 2);
}

TEST_CASE("training from files: too many bad samples end the run and are named") {
  const ScratchDir scratch;
  const auto task = small_task(learn_from({mixed_folder().path().string()}, /*max_bad=*/0.1));
  const std::string error = thrown_by([&] { train(*task, short_run(20), scratch / "run"); });
  CHECK(has_part(error, "bad samples: 1 of 6, more than data.max_bad = 0.1 allows"));
  CHECK(has_part(error, ".png: "));
  CHECK(has_part(error, "bad_samples.jsonl"));
}

TEST_CASE("training from files: samples that the model cannot take are bad, none is cut") {
  const DataFolder folder;
  folder.pair("short", 1).pair("long", 200);
  folder.picture("control.png").text("control.md", "ends <|im_end|> early");
  folder.picture("1.png").text(
      "chat.json",
      R"([{"image":"1.png","conversations":[{"from":"human","value":"<image> <|vision_pad|>"},)"
      R"({"from":"gpt","value":"x"}]},)"
      R"({"image":"1.png","conversations":[{"from":"human","value":"<image>"},)"
      R"({"from":"gpt","value":"fine"}]}])");
  std::filesystem::remove(folder / "1.png");
  folder.picture("images/1.png");
  FusionTaskConfig config = learn_from({(folder / "chat.json").string()});
  config.sources.image_folder = (folder / "images").string();
  const ScratchDir scratch;
  const auto reasons_of = [&](const FusionTaskConfig& of, const std::string& run) {
    const auto task = small_task(of);
    train(*task, short_run(4), scratch / run);
    std::string reasons;
    for (const Json& line : test::json_lines(scratch / run / "bad_samples.jsonl")) {
      reasons += line.at("reason").get<std::string>() + "\n";
    }
    return reasons;
  };
  CHECK(reasons_of(config, "chat") == "5 image slots but 4 tile tokens\n");

  std::filesystem::remove_all(folder / "images");
  config = learn_from({folder.path().string()});
  config.sources.max_tokens = 600;
  const std::string reasons = reasons_of(config, "pairs");
  CHECK(has_part(reasons, "tokens, more than the 600 of the model's context"));
  CHECK(has_part(reasons, "the answer holds the control token '<|im_end|>'"));

  config.sources.long_samples = LongSamples::kRefuse;
  const std::string error =
      thrown_by([&] { train(*small_task(config), short_run(4), scratch / "refuse"); });
  CHECK(has_part(error, "long.png: "));
  CHECK(has_part(error, "data.long_samples is refuse"));
}

TEST_CASE("training from files: a tokenizer without the prompt's tokens is refused") {
  const DataFolder folder;
  decoder::BpeTrainerConfig bpe;
  bpe.vocab_size = 300;
  bpe.special_tokens = {"<|im_start|>", "<|vision_pad|>"};
  decoder::train_bpe({"some words", "and more"}, bpe, folder / "tokenizer.json");
  const auto tokenizer = decoder::Tokenizer::from_file(folder / "tokenizer.json");
  const auto model = sources_model(fusion::Variant::kDecoder);
  CHECK(thrown_by([&] { require_prompt_tokens(tokenizer, model, "t.json"); }) ==
        "template mismatch: t.json lacks '<|im_end|>', '<Image>', '</Image>', which prompts of the "
        "template 'nvlm_lab' need");
  auto narrow = model;
  narrow.decoder.vocab -= 1;
  const auto lab = decoder::Tokenizer::from_file(lab_tokenizer_json());
  CHECK(has_part(thrown_by([&] { require_prompt_tokens(lab, narrow, "t.json"); }),
                 "but the decoder's vocabulary has"));
  CHECK(has_part(thrown_by([&] {
                   FusionTask(fusion::MultimodalModel(model), folder / "tokenizer.json", {},
                              at::kCPU, at::kFloat);
                 }),
                 "template mismatch"));
}

TEST_CASE("training from files: sources that a stage or its features cannot use are refused") {
  const DataFolder folder;
  folder.text("notes.txt", "one");
  FusionTaskConfig config = learn_from({(folder / "notes.txt").string()});
  config.stage = FusionStage::kPretrain;
  CHECK_THROWS_WITH_AS(small_task(config), doctest::Contains("while the decoder is frozen"),
                       UsageError);
  config = learn_from({mixed_folder().path().string()});
  config.features.source = FeatureSource::kCode;
  CHECK_THROWS_WITH_AS(small_task(config), doctest::Contains("has no glyph labels"), UsageError);
}

TEST_CASE("a loss that is not finite: the batch is dumped and the error names the file") {
  const ScratchDir scratch;
  const auto task = small_task(learn_from({mixed_folder().path().string()}));
  {
    const c10::NoGradGuard no_grad;
    task->multimodal()->language_model->parameters().front().fill_(std::nan(""));
  }
  const std::string error = thrown_by([&] { train(*task, short_run(2), scratch / "run"); });
  const std::filesystem::path file = scratch / "run/bad_batch/step_1_batch_0.json";
  CHECK(has_part(error, "training: step 1, batch 0 (samples 0..1): loss is nan"));
  CHECK(has_part(error, "; its samples are in " + file.string()));
  const Json json = read_json(file);
  CHECK(json.at("samples").size() == 2);
  CHECK(json.at("tile_refs").size() >= 2);
  const auto tensors =
      SafetensorsFile::open(file.parent_path() / json.at("tensors").get<std::string>());
  const Tensor labels = tensors.tensor("labels");
  CHECK(labels.size(0) == 2);
  CHECK(labels.sizes() == tensors.tensor("ids").sizes());
  CHECK((labels != -100).any().item<bool>());
}

TEST_CASE("out of memory: the error names step, batch, its size and what to lower") {
  class HungryTask : public TinyTask {
   public:
    std::string describe(const std::any&) const override { return "4 rows, 9 tiles"; }
  };
  const ScratchDir scratch;
  HungryTask task;
  task.on_loss = [](const BatchRequest& r, TaskLoss&) {
    if (r.step == 2) throw std::bad_alloc();
  };
  CHECK(
      thrown_by([&] { train(task, tiny_config(), scratch / "run"); }) ==
      "training: step 3, batch 0 (samples 8..11): out of memory with 4 rows, 9 tiles; lower "
      "train.pass_tokens, which cuts the batch without changing the step, set train.recompute, or "
      "lower data.max_tokens or the model's tiling.max_tiles");
}

TEST_CASE("validation: the same held-out samples every time, and none without them") {
  FusionTaskConfig config = learn_from({});
  const auto without = small_task(config);
  CHECK(without->validate().empty());
  config.sources.validation_samples = 11;
  const auto task = small_task(config);
  const c10::NoGradGuard no_grad;
  task->model().eval();
  const double loss = task->validate().at("loss");
  CHECK(loss > 1);
  CHECK(loss < 20);
  CHECK(task->validate().at("loss") == loss);
  for (Tensor& parameter : task->multimodal()->language_model->parameters()) {
    parameter.mul_(1.5);
  }
  CHECK(task->validate().at("loss") != loss);
  config.sources.validation = {"/nowhere"};
  CHECK(has_part(thrown_by([&] { small_task(config); }), "no file or folder '/nowhere'"));
}

TEST_CASE("learning rates by part of the model") {
  FusionTaskConfig config = learn_from({"render"});
  config.rates = {.projector = 1, .cross_attention = 0.5, .decoder = 0.25};
  const auto task = small_task(config);
  std::map<std::string, double> factors;
  for (const ParameterGroup& group : apply_freeze_plan(task->model(), task->freeze_plan())) {
    for (const std::string& name : group.names) {
      factors[name.substr(0, name.find('.'))] = group.lr_factor;
    }
  }
  CHECK(factors == std::map<std::string, double>{{"mlp1", 1},
                                                 {"cross_attention", 0.5},
                                                 {"tile_positions", 0.5},
                                                 {"language_model", 0.25}});
}

TEST_CASE("the encoder learns if it has a rate, and stays as it is without") {
  for (const double rate : {0.0, 0.5}) {
    CAPTURE(rate);
    const ScratchDir scratch;
    FusionTaskConfig config = learn_from({mixed_folder().path().string()});
    config.rates.encoder = rate;
    const auto task = small_task(config);
    std::vector<Tensor> before;
    for (const Tensor& weight : task->multimodal()->vision_model->parameters()) {
      before.push_back(weight.clone());
    }
    train(*task, short_run(2), scratch / "run");
    size_t changed = 0;
    const std::vector<Tensor> after = task->multimodal()->vision_model->parameters();
    for (size_t i = 0; i < after.size(); ++i) changed += at::equal(before[i], after[i]) ? 0 : 1;
    CHECK(changed == (rate > 0 ? after.size() : 0));
  }
}

TEST_CASE("an encoder that learns has features neither from a cache nor from labels") {
  const ScratchDir scratch;
  FusionTaskConfig config = learn_from({});
  config.rates.encoder = 0.5;
  config.features.cache = scratch / "features";
  CHECK_THROWS_WITH_AS(small_task(config), doctest::Contains("rates.encoder is above 0"),
                       UsageError);
  config.features = {};
  config.features.source = FeatureSource::kCode;
  CHECK_THROWS_WITH_AS(small_task(config), doctest::Contains("leave no encoder to train"),
                       UsageError);
}

}  // namespace nvlm::experiments
