#include "experiments/tasks/text_task.h"

#include "common/error.h"
#include "decoder/checkpoint.h"
#include "decoder/language_model_loss.h"
#include "experiments/data/text_corpus.h"
#include "experiments/tasks/mixture.h"

namespace nvlm::experiments {
namespace {

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
      device_(device),
      model_(config) {
  model_->to(device_);
}

std::vector<std::any> TextTask::prepare(const BatchRequest& request) const {
  const int64_t end = tokenizer_.id("<|endoftext|>");
  const Tensor ids = at::empty({request.num_samples, sequence_length_}, at::kLong);
  for (int64_t i = 0; i < request.num_samples; ++i) {
    Random random = training_random(request.seed, request.first_sample + i);
    std::vector<int64_t> row{end};
    int64_t number = (request.first_sample + i) * kRowStride;
    const auto next_document = [&] {
      if (!documents_) return corpus_document(random);
      std::string text;
      std::vector<BadSampleRecord> unreadable;  // their successors stand in for them
      documents_->take(request.seed, number++, unreadable,
                       [&](Sample sample, Random&) { text = std::move(sample.answer); });
      return text;
    };
    while (static_cast<int64_t>(row.size()) < sequence_length_) {
      const std::vector<int64_t> document = tokenizer_.encode(next_document());
      row.insert(row.end(), document.begin(), document.end());
      row.push_back(end);
    }
    row.resize(static_cast<size_t>(sequence_length_));  // the last document goes on in no row
    ids[i].copy_(at::tensor(row, at::kLong));
  }
  return {ids};
}

TaskLoss TextTask::loss(const std::any& batch) {
  const Tensor ids = std::any_cast<const Tensor&>(batch).to(device_);
  const Tensor mask = at::ones_like(ids, at::kBool);
  const Tensor hidden = model_->hidden_states(model_->text_inputs(ids, mask));
  const decoder::LossSum loss = decoder::language_model_loss(model_, hidden, ids);
  return {.sum = loss.sum, .count = loss.count, .extra = {}, .metrics = {}};
}

void TextTask::save(const std::filesystem::path& dir) {
  decoder::save_llama(dir, model_);
  std::filesystem::copy_file(tokenizer_json_, dir / "tokenizer.json");
}

}  // namespace nvlm::experiments
