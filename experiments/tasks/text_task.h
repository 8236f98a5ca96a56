// Teaches the decoder the language of tables before it sees a picture.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "decoder/llama.h"
#include "decoder/tokenizer/tokenizer.h"
#include "experiments/tasks/bad_sample_ledger.h"
#include "experiments/tasks/sample_stream.h"
#include "experiments/training/training_task.h"

namespace nvlm::experiments {

/// text-pretrain: next-token prediction on documents, packed into sequences of equal length.
class TextTask : public TrainingTask {
 public:
  /// tokenizer_json  the tokenizer's file; it is copied into every checkpoint
  /// sources         of text; empty: the generated corpus. A row takes the answers of samples that
  ///                 lie far from those of every other row in the sources' order
  /// throws          UsageError as open_sources(), and for a source with pictures
  TextTask(const decoder::LlamaConfig& config, const std::filesystem::path& tokenizer_json,
           int64_t sequence_length, const SourceConfig& sources, at::Device device);

  torch::nn::Module& model() override { return *model_; }
  std::vector<std::any> prepare(const BatchRequest& request) const override;
  TaskLoss loss(const std::any& pass) override;
  void save(const std::filesystem::path& dir) override;
  void recompute_activations(bool enabled) override {
    model_->model->recompute_activations(enabled);
  }
  /// Keeps run_dir/bad_samples.jsonl; `sample` there is the row.
  void begin(const std::filesystem::path& run_dir, int64_t samples) override;
  std::map<std::string, int64_t> totals() const override;

 private:
  /// Whole documents with end tokens around them: at least as many tokens as a row has.
  std::vector<int64_t> row_tokens(uint64_t seed, int64_t row,
                                  std::vector<BadSampleRecord>& bad) const;

  std::filesystem::path tokenizer_json_;
  decoder::Tokenizer tokenizer_;
  int64_t sequence_length_;
  std::optional<SampleStream> documents_;  // absent: the generated corpus
  BadSampleLedger bad_samples_;
  at::Device device_;
  decoder::LlamaForCausalLM model_{nullptr};
};

}  // namespace nvlm::experiments
