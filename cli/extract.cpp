// nvlm extract: pictures of tables to Markdown.
#include <c10/util/Exception.h>

#include <iostream>

#include "cli/image_inputs.h"
#include "cli/reader_options.h"
#include "common/atomic_file.h"
#include "common/logging.h"
#include "common/progress.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/gfm_writer.h"
#include "vision/image.h"

namespace nvlm::cli {
namespace {

namespace fs = std::filesystem;

/// The answer as a well-formed table; an almost well-formed one is repaired, with a word about it.
/// An answer without any row is an error, not an output.
std::string as_table(const std::string& answer, const fs::path& image) {
  auto parsed = eval::parse_gfm_table(answer);
  if (!parsed) {
    parsed = eval::repair_gfm_table(answer);
    if (!parsed) throw std::runtime_error("the model's answer holds no table");
    log_warning(image.string() + ": the model's table was malformed; its rows were padded");
  }
  std::string text = eval::write_gfm(parsed->table);
  if (text.empty() || text.back() != '\n') text += '\n';
  return text;
}

/// Where the table of `image` goes: nothing = stdout.
fs::path output_path(const fs::path& out, const fs::path& image, bool into_folder) {
  if (out.empty() || !into_folder) return out;
  return out / image.filename().replace_extension(".md");
}

}  // namespace

int run_extract(const Arguments& arguments) {
  std::string out;
  ReaderOptions reader_options;
  VerbOptions options("extract [options] IMAGE|FOLDER...",
                      "Reads pictures of tables (PNG, JPEG, WebP, TIFF) and prints Markdown.",
                      "nvlm extract docs/samples/staff.png");
  options.add()("out,o", po::value(&out),
                "file to write, or folder where several pictures are read");
  add_reader_options(options, reader_options);
  options.positional("image");
  const auto values = options.parse(arguments);
  if (!values) return 0;

  const auto names = (*values)["image"].as<std::vector<std::string>>();
  const std::vector<fs::path> images = image_inputs(names);
  const bool into_folder = images.size() > 1 || (names.size() == 1 && fs::is_directory(names[0]));
  eval::ModelReader reader = load_reader(reader_options);
  if (!out.empty() && into_folder) fs::create_directories(out);
  int failures = 0;
  std::optional<Progress> progress;
  if (into_folder && !out.empty()) {
    progress.emplace("extract", static_cast<int64_t>(images.size()));
  }
  for (size_t i = 0; i < images.size(); ++i) {
    try {
      const std::vector<Tensor> image{vision::read_image(images[i])};
      const std::string table = as_table(reader.read(image).at(0).text, images[i]);
      const fs::path path = output_path(out, images[i], into_folder);
      if (path.empty()) {
        if (images.size() > 1) std::cout << "<!-- " << images[i].string() << " -->\n";
        std::cout << table << (i + 1 < images.size() ? "\n" : "") << std::flush;
      } else {
        write_file_atomically(path, table);
      }
    } catch (const c10::Error& error) {
      ++failures;
      std::cerr << "nvlm: " << images[i].string() << ": " << error.what_without_backtrace() << "\n";
    } catch (const std::exception& error) {
      ++failures;
      const std::string what = error.what();
      const bool names_file = what.find(images[i].string()) != std::string::npos;
      std::cerr << "nvlm: " << (names_file ? "" : images[i].string() + ": ") << what << "\n";
    }
    if (progress) progress->update(static_cast<int64_t>(i) + 1);
  }
  if (progress) progress->finish();
  if (failures > 0 && images.size() > 1) {
    std::cerr << "nvlm: " << failures << " of " << images.size() << " pictures failed\n";
  }
  return failures > 0 ? 1 : 0;
}

}  // namespace nvlm::cli
