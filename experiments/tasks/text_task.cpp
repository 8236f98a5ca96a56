#include "experiments/tasks/text_task.h"

#include "decoder/checkpoint.h"
#include "decoder/language_model_loss.h"
#include "experiments/data/text_corpus.h"
#include "experiments/tasks/mixture.h"

namespace nvlm::experiments {

TextTask::TextTask(const decoder::LlamaConfig& config, const std::filesystem::path& tokenizer_json,
                   int64_t sequence_length, at::Device device)
    : tokenizer_json_(tokenizer_json),
      tokenizer_(decoder::Tokenizer::from_file(tokenizer_json)),
      sequence_length_(sequence_length),
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
    while (static_cast<int64_t>(row.size()) < sequence_length_) {
      const std::vector<int64_t> document = tokenizer_.encode(corpus_document(random));
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
