// Samples that are made on the fly: rendered tables, documents of the text corpus.
#pragma once

#include "experiments/data/sources/sample_source.h"
#include "experiments/tasks/mixture.h"

namespace nvlm::experiments {

/// Rendered tables of a mixture, with the glyphs of picture and answer. The answers are right:
/// MixtureConfig::corrupted_cells is left to whoever draws last from the sample's numbers.
class RenderedTables : public SampleSource {
 public:
  explicit RenderedTables(const MixtureConfig& mixture) : mixture_(mixture) {}

  std::optional<int64_t> size() const override { return std::nullopt; }
  Sample read(int64_t index, Random& random) const override;
  SourceTraits traits() const override { return {.has_glyphs = true}; }
  std::string name() const override { return "render"; }
  std::string wanted() const override { return "tables of the renderer"; }

 private:
  MixtureConfig mixture_;
};

/// corpus_document(); the question is kTextQuestion.
class CorpusDocuments : public SampleSource {
 public:
  std::optional<int64_t> size() const override { return std::nullopt; }
  Sample read(int64_t index, Random& random) const override;
  SourceTraits traits() const override { return {.has_pictures = false}; }
  std::string name() const override { return "corpus"; }
  std::string wanted() const override { return "documents of the generated corpus"; }
};

}  // namespace nvlm::experiments
