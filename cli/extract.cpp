// nvlm extract: pictures of tables to Markdown.
#include <c10/util/Exception.h>

#include <iostream>

#include "cli/image_inputs.h"
#include "cli/model_folder.h"
#include "cli/options.h"
#include "common/atomic_file.h"
#include "common/device.h"
#include "common/error.h"
#include "common/progress.h"
#include "eval/readers/model_reader.h"
#include "eval/table/gfm_parser.h"
#include "eval/table/gfm_writer.h"

namespace nvlm::cli {
namespace {

namespace fs = std::filesystem;

/// The answer as a well-formed table. An answer that holds none is an error, not an output.
std::string as_table(const std::string& answer) {
  const auto parsed = eval::parse_gfm_table(answer);
  if (!parsed) throw std::runtime_error("the model's answer holds no table");
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
  std::string model, out;
  eval::ModelReaderOptions reader_options;
  int threads = 0;
  VerbOptions options("extract [options] IMAGE|FOLDER...",
                      "Reads pictures of tables (PNG, JPEG, WebP, TIFF) and prints Markdown.",
                      "nvlm extract docs/samples/staff.png");
  options.add()("model,m", po::value(&model)->default_value("d"),
                "d, x, h (the models that come with the repository) or the folder of a checkpoint")(
      "out,o", po::value(&out), "file to write, or folder where several pictures are read")(
      "max-tiles", po::value(&reader_options.max_tiles)->default_value(0),
      "regular tiles per picture, at most; 0 = as the model was trained")(
      "max-new-tokens",
      po::value(&reader_options.max_new_tokens)->default_value(reader_options.max_new_tokens),
      "longest answer")("device", po::value(&reader_options.device)->default_value("cpu"),
                        "cpu, cuda or cuda:N")(
      "dtype", po::value(&reader_options.dtype)->default_value("float32"),
      "auto, float32 or bfloat16")("threads", po::value(&threads)->default_value(0),
                                   "of tensor operations; 0 = all processors");
  options.positional("image");
  const auto values = options.parse(arguments);
  if (!values) return 0;
  if (reader_options.max_tiles < 0 || reader_options.max_tiles > 64) {
    throw UsageError("--max-tiles is " + std::to_string(reader_options.max_tiles) +
                     ", expected 0 to 64");
  }
  if (reader_options.max_new_tokens < 1) {
    throw UsageError("--max-new-tokens is " + std::to_string(reader_options.max_new_tokens) +
                     ", expected 1 or more");
  }

  const auto names = (*values)["image"].as<std::vector<std::string>>();
  const std::vector<fs::path> images = image_inputs(names);
  const bool into_folder = images.size() > 1 || (names.size() == 1 && fs::is_directory(names[0]));
  if (!out.empty() && into_folder) fs::create_directories(out);

  set_threads(threads);
  eval::ModelReader reader(model_folder(model), reader_options);
  int failures = 0;
  std::optional<Progress> progress;
  if (into_folder && !out.empty()) {
    progress.emplace("extract", static_cast<int64_t>(images.size()));
  }
  for (size_t i = 0; i < images.size(); ++i) {
    try {
      const std::string table = as_table(reader.read(images[i]));
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
