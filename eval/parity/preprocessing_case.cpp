// Pictures, their tiles and the grids that are chosen for sizes: expected.safetensors, grids.csv.
#include <charconv>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "common/atomic_file.h"
#include "common/hash.h"
#include "eval/parity/kinds.h"
#include "eval/text/lines.h"
#include "vision/image.h"
#include "vision/tiling.h"

namespace nvlm::eval {
namespace {

namespace fs = std::filesystem;

constexpr double kResamplerLevels = 1;  // of 255; a resampler that is not bit-exact
constexpr double kJpegLevels = 3;       // decoders differ by so much
constexpr Tolerance kMeanTolerance{0.05, 0};
constexpr Tolerance kPixelTolerance{1e-5, 0};        // where the 8-bit tiles are equal
constexpr Tolerance kPixelLevelTolerance{0.018, 0};  // where they differ by a level

std::string picture_hash(const Tensor& image) {
  const Tensor bytes = image.contiguous();
  return sha256(
      {static_cast<const char*>(bytes.const_data_ptr()), static_cast<size_t>(bytes.numel())});
}

/// The pictures of a case. One file may stand there under several names, for several ways to read
/// it (with and without its orientation, say); only one of them can be this program's.
class PictureFolder {
 public:
  explicit PictureFolder(const CaseFolder& folder) : path_(folder.path()) {
    Json images = json_get<Json>(folder.about(), "images", folder.about_path());
    std::string where = folder.about_path();
    if (images.is_string()) {  // in another folder
      path_ /= images.get<std::string>();
      where = (path_ / "case.json").string();
      images = json_get<Json>(read_json(path_ / "case.json"), "images", where);
    }
    if (!images.is_object()) {
      throw std::runtime_error(where + ": 'images' is no object, expected names and their files");
    }
    for (const auto& [name, facts] : images.items()) {
      const std::string place = where + ": images." + name;
      const auto size = json_get<std::vector<int64_t>>(facts, "size", place);
      if (size.size() != 2) throw std::runtime_error(place + ": 'size' is not [width, height]");
      pictures_[name] = {json_get<std::string>(facts, "file", place), size[0], size[1],
                         json_get_or(facts, "rgb_sha256", "", place)};
    }
    if (fs::exists(path_ / "decoded.safetensors")) {
      decoded_ = SafetensorsFile::open(path_ / "decoded.safetensors");
    }
  }

  bool contains(const std::string& name) const { return pictures_.count(name) > 0; }

  /// uint8 [height, width, 3]: what read_image gives if that is this way to read the file, else
  /// the decoded pixels of the case; undefined if there are none.
  Tensor pixels(const std::string& name) const {
    const Tensor image = vision::read_image(path_ / pictures_.at(name).file);
    if (is_own_reading(name, image)) return image;
    return decoded_ && decoded_->contains(name + ".rgb") ? decoded_->tensor(name + ".rgb")
                                                         : Tensor();
  }

  /// How far pixels may be from the reference before they are resized.
  double levels(const std::string& name) const {
    const std::string extension = fs::path(pictures_.at(name).file).extension().string();
    return extension == ".jpg" || extension == ".jpeg" ? kJpegLevels : 0;
  }

  void compare_decoding(TensorComparison& comparison) const {
    for (const auto& [name, picture] : pictures_) {
      if (!decoded_ || !decoded_->contains(name + ".rgb")) continue;
      const Tensor image = vision::read_image(path_ / picture.file);
      if (!is_own_reading(name, image)) continue;
      comparison.compare_values(name + ".rgb", image, decoded_->tensor(name + ".rgb"),
                                {levels(name), 0});
    }
  }

 private:
  struct Picture {
    std::string file;
    int64_t width = 0, height = 0;
    std::string sha256;
  };
  bool has_size(const Picture& picture, const Tensor& image) const {
    return image.size(0) == picture.height && image.size(1) == picture.width;
  }
  bool is_own_reading(const std::string& name, const Tensor& image) const {
    const Picture& picture = pictures_.at(name);
    const std::string hash = picture_hash(image);
    if (has_size(picture, image) && hash == picture.sha256) return true;
    for (const auto& [other_name, other] : pictures_) {
      if (other_name == name || other.file != picture.file) continue;
      if (hash == other.sha256) return false;
      if (!has_size(picture, image) && has_size(other, image)) return false;
    }
    return true;
  }

  fs::path path_;
  std::map<std::string, Picture> pictures_;
  std::optional<SafetensorsFile> decoded_;
};

/// "landscape.max6.tiles" taken apart.
struct TileKey {
  std::string picture;
  int64_t max_tiles = 0;
  std::string what;
};

std::optional<TileKey> parse_tile_key(const std::string& name) {
  static const std::regex pattern(
      R"((.+)\.max(\d{1,4})\.(tiles|pixel_values|mean|std|every[1-9]\d?|crop_y\d{1,4}_x\d{1,4}))");
  std::smatch match;
  if (!std::regex_match(name, match, pattern)) return std::nullopt;
  return TileKey{match[1], std::stoll(match[2]), match[3]};
}

/// Tile size in pixels that an expected tensor implies; 0 if it implies none that makes sense.
int64_t implied_tile_size(const std::string& what, const std::vector<int64_t>& shape) {
  constexpr int64_t kLargest = 4096;
  if (shape.size() != 4 || shape[1] > kLargest || shape[2] > kLargest) return 0;
  if (what == "tiles") return shape[1];
  if (what == "pixel_values") return shape[2];
  if (!what.starts_with("every")) return 0;
  const int64_t size = shape[1] * std::stoll(what.substr(5));
  return size > kLargest ? 0 : size;
}

void compare_tiles(const std::string& name, const std::string& what, const Tensor& tiles,
                   double levels, TensorComparison& comparison) {
  const Tolerance bound{levels + kResamplerLevels, 0};
  if (what == "tiles") {
    comparison.compare_within(name, tiles, bound);
  } else if (what.starts_with("every")) {
    const int64_t step = std::stoll(what.substr(5));
    comparison.compare_within(
        name, tiles.slice(1, 0, std::nullopt, step).slice(2, 0, std::nullopt, step), bound);
  } else if (what.starts_with("crop_y")) {
    const Tensor expected = comparison.expected(name);
    const int64_t size = expected.dim() == 4 ? expected.size(1) : 0;
    const int64_t y = std::stoll(what.substr(6)), x = std::stoll(what.substr(what.find("_x") + 2));
    comparison.compare_within(name, tiles.slice(1, y, y + size).slice(2, x, x + size), bound);
  } else {
    const Tensor values = tiles.to(at::kDouble).flatten(1, 2);  // [tiles, pixels, 3]
    comparison.compare_within(
        name, what == "mean" ? values.mean(1) : values.std(1, /*unbiased=*/false), kMeanTolerance);
  }
}

/// The same picture cut in the same way, with all that is expected of it.
void compare_picture(const std::vector<std::pair<std::string, TileKey>>& keys, int64_t tile_size,
                     const PictureFolder& pictures, const SafetensorsFile& expected,
                     TensorComparison& comparison) {
  const TileKey& first = keys.front().second;
  const Tensor image = pictures.pixels(first.picture);
  if (!image.defined()) {
    for (const auto& [name, key] : keys) comparison.leave_out(name, "read in another way");
    return;
  }
  const Tensor tiles =
      vision::cut_tiles(image, {tile_size, 1, first.max_tiles, /*use_thumbnail=*/true}).tiles;
  for (const auto& [name, key] : keys) {
    if (key.what != "pixel_values") {
      compare_tiles(name, key.what, tiles, pictures.levels(first.picture), comparison);
      continue;
    }
    const std::string source = name.substr(0, name.size() - key.what.size()) + "tiles";
    const bool same = expected.contains(source) && at::equal(tiles, expected.tensor(source));
    comparison.compare_within(name, vision::normalise_tiles(tiles),
                              same ? kPixelTolerance : kPixelLevelTolerance);
  }
}

void compare_grids(const CaseFolder& folder, ParityReport& report) {
  const std::string content = read_text_file(folder.path() / "grids.csv");
  RowComparison grids("grids.csv columns, rows, tiles");
  for (const FileLine& line : non_blank_lines(content)) {
    if (line.number == 1) continue;  // names of the columns
    const std::string where = "grids.csv:" + std::to_string(line.number);
    std::vector<int64_t> row;
    std::istringstream stream{std::string(line.text)};
    for (std::string field; std::getline(stream, field, ',');) {
      int64_t value = 0;
      const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
      if (error == std::errc() && end == field.data() + field.size()) row.push_back(value);
    }
    if (row.size() != 8) {
      throw std::runtime_error((folder.path() / where).string() + ": expected 8 whole numbers");
    }
    const vision::ImageLayout layout =
        vision::choose_layout(row[0], row[1], {row[2], row[3], row[4], /*use_thumbnail=*/true});
    grids.ids(where, {layout.columns, layout.rows, layout.num_tiles()}, {row[5], row[6], row[7]});
  }
  grids.finish(report);
}

}  // namespace

void check_preprocessing(const CaseFolder& folder, ParityReport& report) {
  const PictureFolder pictures(folder);
  const SafetensorsFile expected = folder.expected();
  TensorComparison comparison(expected, {}, report);
  pictures.compare_decoding(comparison);

  std::map<std::string, std::vector<std::pair<std::string, TileKey>>> groups;
  std::map<std::string, int64_t> tile_sizes;  // means and crops do not tell
  for (const auto& [name, entry] : expected.entries()) {
    const std::optional<TileKey> key = parse_tile_key(name);
    if (!key || !pictures.contains(key->picture)) continue;
    const std::string group = name.substr(0, name.size() - key->what.size());
    groups[group].emplace_back(name, *key);
    const int64_t size = implied_tile_size(key->what, entry.shape);
    if (size > 0) tile_sizes[group] = size;
  }
  for (const auto& [group, keys] : groups) {
    if (tile_sizes.count(group) > 0) {
      compare_picture(keys, tile_sizes[group], pictures, expected, comparison);
    }
  }
  comparison.finish();
  if (folder.has("grids.csv")) compare_grids(folder, report);
}

}  // namespace nvlm::eval
