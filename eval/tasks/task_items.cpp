#include "eval/tasks/task_items.h"

#include <fstream>
#include <stdexcept>

namespace nvlm::eval {

bool is_error_score(const std::string& name) {
  static const std::set<std::string> kErrors = {"cer", "wer", "ned", "seconds"};
  return kErrors.contains(name);
}

void for_each_annotation(const std::filesystem::path& path, const std::string& wanted,
                         std::string_view list_key,
                         const std::function<void(const Json&, const std::string&)>& visit) {
  if (!std::filesystem::is_regular_file(path)) {
    throw std::runtime_error("'" + path.string() + "' is missing, expected " + wanted);
  }
  const auto visit_object = [&visit](const Json& entry, const std::string& where) {
    if (!entry.is_object()) throw std::runtime_error(where + ": no JSON object");
    visit(entry, where);
  };
  if (path.extension() == ".jsonl") {
    std::ifstream file(path, std::ios::binary);
    int64_t number = 0;
    for (std::string line; std::getline(file, line);) {
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      const std::string where = path.string() + ":" + std::to_string(number);
      visit_object(parse_json(line, where), where);
    }
    if (!file.eof()) throw std::runtime_error("cannot read '" + path.string() + "'");
    return;
  }
  const Json whole = read_json(path);
  const bool is_keyed = whole.is_object() && !list_key.empty();
  const Json list = is_keyed ? json_get<Json>(whole, list_key, path.string()) : whole;
  if (!list.is_array()) {
    throw std::runtime_error(path.string() + ": no list of entries, expected " + wanted);
  }
  for (size_t i = 0; i < list.size(); ++i) {
    visit_object(list[i], path.string() + ": entry " + std::to_string(i));
  }
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
