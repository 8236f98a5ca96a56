// Conversations about pictures in LLaVA's JSON, as a source of training samples.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/json.h"
#include "experiments/data/sources/sample_source.h"

namespace nvlm::experiments {

/// A JSON list, or one object per line (.jsonl), of
///   {"image": "a.jpg" or ["a.jpg", ...],
///    "conversations": [{"from": "human", "value": "<image>\nWhat is this?"},
///                      {"from": "gpt", "value": "A table."}, ...]}
/// "user" and "assistant" are understood beside "human" and "gpt"; "system" may come first.
/// Without "image" an entry is text alone. There must be as many <image> markers as pictures.
///
/// chosen: a conversation with n answers is n samples. Sample k asks question k with all turns
/// before it as they are, and its loss is on answer k alone, so each answer is learnt once in a
/// pass, in its context. LLaVA computes all n losses in one sequence; the sum of gradients is the
/// same.
class LlavaFile : public SampleSource {
 public:
  /// images  folder that pictures are relative to; an absolute path stands for itself
  /// throws  std::runtime_error for a file that is no such JSON. An entry of another form is a bad
  ///         sample
  LlavaFile(const std::filesystem::path& file, const std::filesystem::path& images);

  std::optional<int64_t> size() const override { return static_cast<int64_t>(samples_.size()); }
  Sample read(int64_t index, Random& random) const override;
  SourceTraits traits() const override;
  std::string name() const override { return file_.string(); }
  std::string wanted() const override;

 private:
  struct Entry {
    std::string where;
    std::string problem;  // "" = usable as far as its JSON goes
    std::vector<std::filesystem::path> images;
    std::vector<decoder::Message> turns;
  };
  struct Place {
    size_t entry, answer;  // index in entries_, and of the answer among its turns
  };

  std::filesystem::path file_;
  std::vector<Entry> entries_;
  std::vector<Place> samples_;
};

}  // namespace nvlm::experiments
