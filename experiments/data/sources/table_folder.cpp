#include "experiments/data/sources/table_folder.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "common/atomic_file.h"
#include "common/json.h"
#include "eval/readers/model_reader.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/gfm_writer.h"
#include "eval/table/html_parser.h"
#include "eval/table/merge_marks.h"
#include "eval/tasks/task_items.h"
#include "experiments/data/sources/picture_file.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

std::string without_outer_blanks(const std::string& text) {
  constexpr const char* kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

int64_t count_lines(const std::string& text) {
  return 1 + std::count(text.begin(), text.end(), '\n');
}

/// `path` if it is a file, else nothing.
fs::path existing_file(const fs::path& path) {
  return fs::is_regular_file(path) ? path : fs::path();
}

}  // namespace

std::string markdown_answer(const std::string& text) {
  const std::string answer = without_outer_blanks(text);
  const std::optional<eval::GfmTable> table = eval::parse_gfm_table(answer);
  const bool is_all = table && count_lines(answer) == table->table.num_rows + 1;  // delimiter row
  if (!is_all) return answer;
  if (table->is_ragged()) {
    throw std::runtime_error("ground truth: " + std::to_string(table->padded_rows) +
                             " rows with too few cells and " + std::to_string(table->cut_rows) +
                             " with too many");
  }
  return eval::write_gfm(table->table);
}

std::string html_answer(const std::string& text) {
  const std::optional<eval::Table> table = eval::parse_html_table(text);
  if (!table) throw std::runtime_error("ground truth: no HTML table with cells");
  return eval::write_marked_gfm(*table);
}

TableFolder::TableFolder(const fs::path& folder) : folder_(folder) {
  if (fs::exists(folder / "index.jsonl")) {
    read_index(folder / "index.jsonl");
  } else if (fs::is_directory(folder / "images")) {
    list_pictures(folder / "images", folder / "gt");
  } else {
    list_pictures(folder, folder);
  }
}

void TableFolder::read_index(const fs::path& index) {
  eval::for_each_annotation(index, "one JSON object per line with image, md, html", "",
                            [this](const Json& entry, const std::string& where) {
                              Item item;
                              try {
                                item.image = folder_ / json_get<std::string>(entry, "image", where);
                                const std::string markdown = json_get_or(entry, "md", "", where);
                                const std::string html = json_get_or(entry, "html", "", where);
                                if (!markdown.empty()) item.markdown = folder_ / markdown;
                                if (!html.empty()) item.html = folder_ / html;
                              } catch (const std::runtime_error& error) {
                                item.problem = error.what();
                              }
                              items_.push_back(std::move(item));
                            });
}

void TableFolder::list_pictures(const fs::path& images, const fs::path& truth) {
  for (const auto& entry : fs::directory_iterator(images)) {
    if (!entry.is_regular_file() || !has_picture_name(entry.path())) continue;
    const std::string stem = entry.path().stem().string();
    if (stem.starts_with('.')) continue;
    items_.push_back({entry.path(), existing_file(truth / (stem + ".md")),
                      existing_file(truth / (stem + ".html")), ""});
  }
  std::sort(items_.begin(), items_.end(),
            [](const Item& a, const Item& b) { return a.image < b.image; });
}

std::string TableFolder::wanted() const {
  return "index.jsonl, or images/ID.png with gt/ID.md or gt/ID.html, or NAME.png beside NAME.md or "
         "NAME.html (pictures: png, jpg, webp, tif), or *.txt";
}

Sample TableFolder::read(int64_t index, Random& /*random*/) const {
  const Item& item = items_[static_cast<size_t>(index)];
  Sample sample;
  sample.name = item.image.empty() ? folder_.string() + ": item " + std::to_string(index)
                                   : item.image.string();
  sample.file = item.image;
  try {
    if (!item.problem.empty()) throw std::runtime_error(item.problem);
    if (item.markdown.empty() && item.html.empty()) {
      const std::string stem = item.image.stem().string();
      throw std::runtime_error("no ground truth: neither " + stem + ".md nor " + stem + ".html");
    }
    sample.answer = item.html.empty() ? markdown_answer(read_text_file(item.markdown))
                                      : html_answer(read_text_file(item.html));
    sample.images.push_back(read_picture(item.image));
  } catch (const std::runtime_error& error) {
    throw BadSample(sample.name, sample.file, error.what());
  }
  sample.conversation = {{.text = eval::kTableQuestion, .num_images = 1}};
  return sample;
}

}  // namespace nvlm::experiments
