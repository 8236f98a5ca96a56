#include "experiments/data/dataset_writer.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/atomic_file.h"
#include "common/json.h"
#include "common/progress.h"
#include "experiments/data/table_renderer.h"
#include "vision/image.h"

namespace nvlm::experiments {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMarker = "dataset.json";
constexpr const char* kWriter = "nvlm synthetic tables 1";

/// Makes the folder ours, or checks that it already is.
void claim_folder(const fs::path& folder, const Json& description) {
  fs::create_directories(folder);
  const fs::path marker = folder / kMarker;
  if (fs::exists(marker)) {
    const Json found = read_json(marker);
    for (const char* key : {"writer", "difficulty", "seed"}) {
      if (!found.is_object() || !found.contains(key) || found[key] != description[key]) {
        throw std::runtime_error(
            "data.dataset: " + marker.string() + " has " + key + " " +
            (found.is_object() && found.contains(key) ? found[key].dump() : "missing") +
            ", expected " + description[key].dump() + "; choose another folder");
      }
    }
  } else if (!fs::is_empty(folder)) {
    throw std::runtime_error(
        "data.dataset: " + folder.string() +
        " is not empty and has no dataset.json of ours; choose another folder");
  }
  write_json(marker, description);
  fs::create_directories(folder / "images");
  fs::create_directories(folder / "gt");
}

void write_if_absent(const fs::path& path, const std::string& content) {
  if (!fs::exists(path)) write_file_atomically(path, content);
}

}  // namespace

std::string dataset_item_id(const TableDifficulty& difficulty, uint64_t seed, int64_t index) {
  std::string number = std::to_string(index);
  if (number.size() < 5) number.insert(size_t{0}, 5 - number.size(), '0');
  return difficulty.name + "-" + std::to_string(seed) + "-" + number;
}

void write_dataset(const std::filesystem::path& folder, const TableDifficulty& difficulty,
                   uint64_t seed, int64_t count) {
  if (count < 1) {
    throw std::invalid_argument("data.dataset: count is " + std::to_string(count) +
                                ", expected at least 1");
  }
  difficulty.validate();
  Json description;
  description["writer"] = kWriter;
  description["difficulty"] = difficulty.name;
  description["seed"] = seed;
  description["count"] = count;
  claim_folder(folder, description);

  Progress progress("render " + difficulty.name + " tables", count);
  std::string index;
  for (int64_t i = 0; i < count; ++i) {
    const std::string id = dataset_item_id(difficulty, seed, i);
    const std::string image = "images/" + id + ".png", html = "gt/" + id + ".html",
                      markdown = "gt/" + id + ".md";
    const RenderedTable table = render_table_sample(difficulty, seed, static_cast<uint64_t>(i));
    if (!fs::exists(folder / image)) vision::write_png(folder / image, table.image);
    write_if_absent(folder / html, table.html + "\n");
    write_if_absent(folder / markdown, table.markdown + "\n");
    Json item;
    item["id"] = id;
    item["image"] = image;
    item["html"] = html;
    item["md"] = markdown;
    item["n_rows"] = table.rows;
    item["n_cols"] = table.columns;
    item["n_cells"] = table.cells;
    item["has_spans"] = table.has_spans;
    item["borders"] = table.borders;
    item["glyph_height"] = median_glyph_height(table.glyphs);
    item["width"] = table.image.size(1);
    item["height"] = table.image.size(0);
    item["seed"] = seed;
    item["difficulty"] = difficulty.name;
    index += item.dump() + "\n";
    progress.update(i + 1);
  }
  write_file_atomically(folder / "index.jsonl", index);
  progress.finish();
}

}  // namespace nvlm::experiments
