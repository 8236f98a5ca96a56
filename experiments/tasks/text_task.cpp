#include "experiments/tasks/text_task.h"

#include "common/error.h"
#include "decoder/checkpoint.h"
#include "decoder/language_model_loss.h"
#include "experiments/data/text_corpus.h"
#include "experiments/tasks/mixture.h"

namespace nvlm::experiments {
namespace {

struct TextBatch {
  Tensor ids;                        // [rows, sequence length], int64
  std::vector<BadSampleRecord> bad;  // documents that could not be read
  int64_t drawn = 0;                 // rows of the run, this batch included
};

/// Numbers of the order that belong to one row: more than it has tokens, so rows never meet.
constexpr int64_t kRowStride = int64_t{1} << 20;

std::optional<SampleStream> open_documents(const SourceConfig& config) {
  if (config.sources.empty()) return std::nullopt;
  std::vector<WeightedSource> sources = open_sources(config, {});
  for (const auto& [source, weight] : sources) {
    if (!source->traits().has_pictures) continue;
    throw UsageError("data.sources: '" + source->name() +
                     "' has pictures, and text-pretrain learns from text alone");
  }
  return SampleStream(std::move(sources));
}

}  // namespace

TextTask::TextTask(const decoder::LlamaConfig& config, const std::filesystem::path& tokenizer_json,
                   int64_t sequence_length, const SourceConfig& sources, at::Device device)
    : tokenizer_json_(tokenizer_json),
      tokenizer_(decoder::Tokenizer::from_file(tokenizer_json)),
      sequence_length_(sequence_length),
      documents_(open_documents(sources)),
      bad_samples_(sources.max_bad, documents_ ? documents_->num_samples() : 0),
      device_(device),
      model_(config) {
  model_->to(device_);
}

std::vector<int64_t> TextTask::row_tokens(uint64_t seed, int64_t row,
                                          std::vector<BadSampleRecord>& bad) const {
  const int64_t end = tokenizer_.id("<|endoftext|>");
  Random random = training_random(seed, row);
  int64_t number = row * kRowStride;
  const auto next_document = [&] {
    if (!documents_) return corpus_document(random);
    std::string text;
    documents_->take(seed, number++, bad,
                     [&](Sample sample, Random&) { text = std::move(sample.answer); });
    return text;
  };
  std::vector<int64_t> tokens{end};
  while (static_cast<int64_t>(tokens.size()) < sequence_length_) {
    const std::vector<int64_t> document = tokenizer_.encode(next_document());
    tokens.insert(tokens.end(), document.begin(), document.end());
    tokens.push_back(end);
  }
  for (BadSampleRecord& record : bad) record.sample = row;
  return tokens;
}

std::vector<std::any> TextTask::prepare(const BatchRequest& request) const {
  TextBatch batch;
  batch.drawn = request.first_sample + request.num_samples;
  batch.ids = at::empty({request.num_samples, sequence_length_}, at::kLong);
  for (int64_t i = 0; i < request.num_samples; ++i) {
    std::vector<BadSampleRecord> bad;
    std::vector<int64_t> row = row_tokens(request.seed, request.first_sample + i, bad);
    row.resize(static_cast<size_t>(sequence_length_));  // the last document goes on in no row
    batch.ids[i].copy_(at::tensor(row, at::kLong));
    batch.bad.insert(batch.bad.end(), bad.begin(), bad.end());
  }
  return {batch};
}

TaskLoss TextTask::loss(const std::any& pass) {
  const auto& batch = std::any_cast<const TextBatch&>(pass);
  bad_samples_.add(batch.bad, batch.drawn);
  const Tensor ids = batch.ids.to(device_);
  const Tensor mask = at::ones_like(ids, at::kBool);
  const Tensor hidden = model_->hidden_states(model_->text_inputs(ids, mask));
  const decoder::LossSum loss = decoder::language_model_loss(model_, hidden, ids);
  return {.sum = loss.sum, .count = loss.count, .extra = {}, .metrics = {}};
}

void TextTask::save(const std::filesystem::path& dir) {
  decoder::save_llama(dir, model_);
  std::filesystem::copy_file(tokenizer_json_, dir / "tokenizer.json");
}

void TextTask::begin(const std::filesystem::path& run_dir, int64_t samples) {
  bad_samples_.open(run_dir / "bad_samples.jsonl", samples);
}

std::map<std::string, int64_t> TextTask::totals() const {
  return {{"bad_samples", bad_samples_.count()}};
}

}  // namespace nvlm::experiments
