#include "experiments/tasks/generated_sources.h"

#include "eval/readers/model_reader.h"
#include "experiments/data/text_corpus.h"

namespace nvlm::experiments {

Sample RenderedTables::read(int64_t index, Random& random) const {
  RenderedTable table = render_training_table(mixture_, random);
  Sample sample;
  sample.name = "rendered table " + std::to_string(index);
  sample.images.push_back(std::move(table.image));
  sample.conversation = {{.text = eval::kTableQuestion, .num_images = 1}};
  sample.answer = std::move(table.answer);
  sample.glyphs = std::move(table.glyphs);
  return sample;
}

Sample CorpusDocuments::read(int64_t index, Random& random) const {
  Sample sample;
  sample.name = "generated document " + std::to_string(index);
  sample.conversation = {{.text = kTextQuestion}};
  sample.answer = corpus_document(random);
  return sample;
}

}  // namespace nvlm::experiments
