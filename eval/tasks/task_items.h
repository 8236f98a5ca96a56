// What all readers of annotation files check, and the hashes that identify their items.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "common/hash.h"
#include "common/json.h"
#include "eval/tasks/task.h"

namespace nvlm::eval {

/// Calls visit(object, where) for every object of an annotation file: one per line, read line by
/// line, where its name ends in .jsonl, else a JSON list, or the list that stands under `list_key`
/// of a JSON object. where: "file:3" or "file: entry 2".
/// wanted  what the file is and where it comes from, for the error
/// throws  std::runtime_error: no such file, not valid JSON, an entry that is no object
void for_each_annotation(const std::filesystem::path& path, const std::string& wanted,
                         std::string_view list_key,
                         const std::function<void(const Json&, const std::string&)>& visit);

/// A member that is a string or a whole number, as a string.
/// throws  std::runtime_error if it is absent or something else
std::string text_or_number(const Json& entry, std::string_view key, const std::string& where);

/// `folder`/`relative`, which must exist.
/// key     the member that names it, for the error
/// throws  std::runtime_error: empty, absolute, or no file
std::filesystem::path item_file(const std::filesystem::path& folder, const std::string& relative,
                                const std::string& key, const std::string& where);

/// Checks items as they come and hashes them.
class ItemList {
 public:
  /// Gives `item` the hash of its truth.
  /// image   as the annotation names it
  /// throws  std::runtime_error if the id is empty or was used before
  void add(TaskItem& item, const std::string& image, const std::string& truth,
           const std::string& where);
  /// Sets source and hashes of `task`. Once only.
  /// throws  std::runtime_error if nothing was added
  void finish(Task& task, const std::filesystem::path& source);

 private:
  std::set<std::string> ids_;
  Sha256 list_hash_, truth_hash_;
};

}  // namespace nvlm::eval
