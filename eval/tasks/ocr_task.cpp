#include "eval/tasks/ocr_task.h"

#include <stdexcept>
#include <utility>

#include "eval/metrics/error_rate.h"
#include "eval/table/canonical.h"
#include "eval/tasks/task_items.h"

namespace nvlm::eval {

ItemScores OcrTask::score(size_t index, const std::string& answer) const {
  const std::string expected = canonical_cell_text(items[index].text);
  const std::string given = canonical_cell_text(answer);
  const BoundedErrors characters = bounded_character_errors(expected, given);
  ItemScores scores{{{"cer", characters.counts.rate()},
                     {"wer", word_error_rate(expected, given)},
                     {"ned", characters.counts.normalized()},
                     {"exact_match", expected == given ? 1.0 : 0.0}},
                    {}};
  if (!characters.exact) scores.flags.emplace_back("bounded");
  return scores;
}

std::map<std::string, double> OcrTask::failed_scores(size_t) const {
  return {{"cer", 1.0}, {"wer", 1.0}, {"ned", 1.0}, {"exact_match", 0.0}};
}

Json OcrTask::description() const { return {{"canonical_text_version", kCanonicalTextVersion}}; }

OcrTask OcrTask::open(const std::filesystem::path& folder) {
  OcrTask task;
  ItemList list;
  for_each_annotation(
      folder / "index.jsonl", "one JSON object per line with id, image, text", "",
      [&](const Json& entry, const std::string& where) {
        OcrItem item;
        item.id = json_get<std::string>(entry, "id", where);
        item.document = json_get_or(entry, "doc", "", where);
        item.question = kOcrQuestion;
        const auto image = json_get<std::string>(entry, "image", where);
        item.image = item_file(folder, image, "image", where);
        item.text = json_get<std::string>(entry, "text", where);
        const ErrorCounts length = character_errors(canonical_cell_text(item.text), "");
        if (length.reference_length == 0) throw std::runtime_error(where + ": 'text' is blank");
        item.groups["length"] =
            length.reference_length <= 30
                ? "1-30 characters"
                : (length.reference_length <= 300 ? "31-300 characters" : "301+ characters");
        list.add(item, image, item.text, where);
        task.items.push_back(std::move(item));
      });
  list.finish(task, folder / "index.jsonl");
  return task;
}

}  // namespace nvlm::eval
