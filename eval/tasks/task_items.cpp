#include "eval/tasks/task_items.h"

#include <stdexcept>
#include <utility>

#include "common/atomic_file.h"
#include "eval/text/lines.h"

namespace nvlm::eval {

bool is_error_score(const std::string& name) {
  static const std::set<std::string> kErrors = {"cer", "wer", "ned", "seconds"};
  return kErrors.contains(name);
}

std::vector<Annotation> read_annotations(const std::filesystem::path& path,
                                         const std::string& wanted, std::string_view list_key) {
  if (!std::filesystem::is_regular_file(path)) {
    throw std::runtime_error("'" + path.string() + "' is missing, expected " + wanted);
  }
  std::vector<Annotation> annotations;
  if (path.extension() == ".jsonl") {
    const std::string content = read_text_file(path);
    for (const TextLine& line : non_blank_lines(content)) {
      const std::string where = path.string() + ":" + std::to_string(line.number);
      annotations.push_back({parse_json(line.text, where), where});
    }
  } else {
    Json whole = read_json(path);
    Json list = whole;
    if (whole.is_object() && !list_key.empty()) {
      list = json_get<Json>(whole, list_key, path.string());
    }
    if (!list.is_array()) {
      throw std::runtime_error(path.string() + ": no list of entries, expected " + wanted);
    }
    for (size_t i = 0; i < list.size(); ++i) {
      annotations.push_back({std::move(list[i]), path.string() + ": entry " + std::to_string(i)});
    }
  }
  for (const Annotation& annotation : annotations) {
    if (!annotation.entry.is_object()) {
      throw std::runtime_error(annotation.where + ": no JSON object");
    }
  }
  return annotations;
}

std::string text_or_number(const Json& entry, std::string_view key, const std::string& where) {
  const auto found = entry.find(key);
  if (found != entry.end() && found->is_number_integer()) return found->dump();
  return json_get<std::string>(entry, key, where);
}

std::filesystem::path item_file(const std::filesystem::path& folder, const std::string& relative,
                                const std::string& key, const std::string& where) {
  if (relative.empty()) throw std::runtime_error(where + ": '" + key + "' is empty");
  if (std::filesystem::path(relative).is_absolute()) {
    throw std::runtime_error(where + ": '" + key + "' is the absolute path '" + relative +
                             "', expected one relative to " + folder.string());
  }
  std::filesystem::path path = folder / relative;
  if (!std::filesystem::is_regular_file(path)) {
    throw std::runtime_error(where + ": '" + key + "' names '" + path.string() +
                             "', which is no file");
  }
  return path;
}

void ItemList::add(TaskItem& item, const std::string& image, const std::string& truth,
                   const std::string& where) {
  if (item.id.empty()) throw std::runtime_error(where + ": 'id' is empty");
  if (!ids_.insert(item.id).second) {
    throw std::runtime_error(where + ": the id '" + item.id + "' was used before");
  }
  if (item.document.empty()) item.document = item.id;
  item.truth_sha256 = sha256(truth);
  list_hash_.update(item.id + "\t" + image + "\n");
  truth_hash_.update(item.id + "\t" + std::to_string(truth.size()) + "\n" + truth);
}

void ItemList::finish(Task& task, const std::filesystem::path& source) {
  if (ids_.empty()) throw std::runtime_error(source.string() + ": no items");
  task.source = source;
  task.item_list_sha256 = list_hash_.hex_digest();
  task.truth_sha256 = truth_hash_.hex_digest();
}

}  // namespace nvlm::eval
