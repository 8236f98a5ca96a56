// nvlm extract: pictures and PDFs of tables to Markdown, HTML, CSV or JSON, with proof.
#include <c10/util/Exception.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "cli/extract_options.h"
#include "cli/extract_readers.h"
#include "cli/image_inputs.h"
#include "common/atomic_file.h"
#include "common/error.h"
#include "common/hash.h"
#include "common/progress.h"
#include "eval/extraction/extract_document.h"
#include "eval/extraction/extract_log.h"
#include "eval/extraction/overlay.h"
#include "vision/image.h"

namespace nvlm::cli {
namespace {

namespace fs = std::filesystem;

/// One input with the places of its results.
struct ExtractJob {
  fs::path input;
  fs::path output;           // empty: stdout
  fs::path overlay;          // empty: none; else the picture, or the folder of a paged document
  std::string overlay_stem;  // of the pictures in that folder
};

struct ExtractTotals {
  int64_t documents = 0, failed_documents = 0, resumed = 0;
  int64_t tables = 0, failed_tables = 0;
};

/// "page 2, table 1: check (confidence 0.83, 17 of 20 words): mean confidence 0.83".
std::string status_line(const eval::ExtractedPage& page, size_t index, bool is_paged) {
  const eval::ExtractedTable& table = page.tables[index];
  std::string line = is_paged ? "page " + std::to_string(page.number) + ", " : "";
  line += "table " + std::to_string(index + 1) + ": " + std::string(name(table.verdict.status));
  const auto confidence = table.proof.mean_confidence();
  char number[64];
  if (confidence) {
    std::snprintf(number, sizeof number, " (confidence %.2f)", *confidence);
    line += number;
  }
  if (table.proof.agreement) {
    line += " (" + std::to_string(table.proof.agreement->same_words) + " of " +
            std::to_string(table.proof.agreement->table_words) + " words verified)";
  }
  std::string_view before = ": ";
  for (const auto* remarks : {&table.verdict.reasons, &table.verdict.notes}) {
    for (const std::string& remark : *remarks) {
      line += before;
      line += remark;
      before = "; ";
    }
  }
  return line;
}

std::string overlay_name(const std::string& stem, int64_t page, bool is_paged) {
  return stem + (is_paged ? "-p" + std::to_string(page) : "") + ".png";
}

class Extraction {
 public:
  Extraction(const ExtractSettings& settings, std::vector<fs::path> inputs, bool into_folder);

  /// Reads all inputs. returns the exit code
  int run();

 private:
  void run_job(const ExtractJob& job);
  std::vector<eval::ExtractedPage> read(const ExtractJob& job, const eval::DocumentPages& document);
  void write(const ExtractJob& job, const std::vector<eval::ExtractedPage>& pages, bool is_paged);
  void count(int64_t tables, int64_t failed);
  /// A line on stderr that does not run into the progress bar.
  void say(const std::string& line) const;

  const ExtractSettings& settings_;
  std::vector<ExtractJob> jobs_;
  ExtractReaders readers_;
  std::optional<eval::ExtractLog> log_;
  std::string settings_sha256_;
  std::optional<Progress> progress_;
  ExtractTotals totals_;
};

bool names_picture(const fs::path& path) { return path.extension() == ".png"; }

Extraction::Extraction(const ExtractSettings& settings, std::vector<fs::path> inputs,
                       bool into_folder)
    : settings_(settings) {
  const std::string ending = "." + std::string(name(settings.output.table.format));
  const std::vector<std::string> outputs = output_names(inputs, ending);
  if (names_picture(settings.overlay) && inputs.size() > 1) {
    throw UsageError("--overlay is the picture '" + settings.overlay.string() + "', but " +
                     std::to_string(inputs.size()) + " files are read; expected a folder");
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool in_folder = into_folder && !settings.out.empty();
    jobs_.push_back({inputs[i], in_folder ? settings.out / outputs[i] : settings.out,
                     settings.overlay, fs::path(outputs[i]).stem().string()});
  }
  readers_ = make_readers(settings);
  settings_sha256_ = sha256(settings.fingerprint + "\n" + readers_.names());
  if (!settings.overlay.empty() && !names_picture(settings.overlay)) {
    fs::create_directories(settings.overlay);
  }
  if (settings.out.empty() || !into_folder) return;
  fs::create_directories(settings.out);
  log_.emplace(settings.out);
  progress_.emplace("extract", static_cast<int64_t>(jobs_.size()));
}

void Extraction::count(int64_t tables, int64_t failed) {
  totals_.tables += tables;
  totals_.failed_tables += failed;
}

void Extraction::say(const std::string& line) const {
  const bool on_bar = progress_ && isatty(STDERR_FILENO) == 1;
  std::cerr << (on_bar ? "\r\033[K" : "") << "nvlm: " << line << "\n";
}

std::vector<eval::ExtractedPage> Extraction::read(const ExtractJob& job,
                                                  const eval::DocumentPages& document) {
  const size_t num_pages = document.numbers().size();
  if (names_picture(job.overlay) && num_pages > 1) {
    throw std::runtime_error("--overlay is one picture, but " + std::to_string(num_pages) +
                             " pages are read; name a folder");
  }
  const auto on_page = [&](const Tensor& image, const eval::ExtractedPage& page) {
    for (size_t i = 0; i < page.tables.size(); ++i) {
      // In a folder run the log has all; what needs no attention is not said.
      if (log_ && page.tables[i].verdict.status == eval::TableStatus::kOk) continue;
      say(job.input.string() + ", " + status_line(page, i, document.is_paged()));
    }
    if (!job.overlay.empty() && image.defined()) {
      const fs::path path =
          names_picture(job.overlay)
              ? job.overlay
              : job.overlay / overlay_name(job.overlay_stem, page.number, document.is_paged());
      vision::write_png(path, eval::draw_overlay(image, page.tables));
    }
    if (progress_ && num_pages > 1) {
      progress_->update(totals_.documents, "page " + std::to_string(page.number));
    }
  };
  eval::ExtractOptions options;
  options.find_tables = settings_.find_tables;
  options.fail_under = settings_.fail_under;
  return eval::extract_document(document, readers_.view(), options, on_page);
}

void Extraction::write(const ExtractJob& job, const std::vector<eval::ExtractedPage>& pages,
                       bool is_paged) {
  eval::DocumentOutputOptions options = settings_.output;
  options.is_paged = is_paged;
  const bool several = jobs_.size() > 1;
  const std::string text = eval::document_text(job.input.string(), pages, options, several);
  if (!job.output.empty()) {
    write_file_atomically(job.output, text);
    return;
  }
  const eval::TableFormat format = options.table.format;
  const bool is_markup =
      format == eval::TableFormat::kMarkdown || format == eval::TableFormat::kHtml;
  if (several && is_markup) std::cout << "<!-- " << job.input.string() << " -->\n";
  std::cout << text;
  const bool is_last = &job == &jobs_.back();
  if (several && !is_last && format != eval::TableFormat::kJson) std::cout << "\n";
  std::cout << std::flush;
}

void Extraction::run_job(const ExtractJob& job) {
  eval::DocumentRecord record;
  if (log_) {
    record.key = {job.input.string(), sha256_file(job.input), settings_sha256_};
    record.output = job.output.filename().string();
    const auto finished = log_->finished(record.key);
    if (!settings_.overwrite && finished && finished->output == record.output) {
      ++totals_.resumed;
      count(finished->num_tables, finished->num_failed);
      return;
    }
  }
  const eval::DocumentPages document(job.input, settings_.pages, settings_.dpi);
  const std::vector<eval::ExtractedPage> pages = read(job, document);
  for (const eval::ExtractedPage& page : pages) {
    for (const eval::ExtractedTable& table : page.tables) {
      ++record.num_tables;
      if (table.verdict.status == eval::TableStatus::kFail) ++record.num_failed;
    }
  }
  write(job, pages, document.is_paged());
  if (log_) log_->add(record, pages);
  count(record.num_tables, record.num_failed);
}

int Extraction::run() {
  for (const ExtractJob& job : jobs_) {
    std::string problem;
    try {
      run_job(job);
    } catch (const c10::Error& error) {
      problem = error.what_without_backtrace();
    } catch (const std::exception& error) {
      problem = error.what();
    }
    ++totals_.documents;
    if (!problem.empty()) {
      ++totals_.failed_documents;
      const bool names_file = problem.find(job.input.string()) != std::string::npos;
      say((names_file ? "" : job.input.string() + ": ") + problem);
      if (log_) log_->add_failure(job.input.string(), problem);
    }
    if (progress_) {
      const int64_t failed = totals_.failed_documents + totals_.failed_tables;
      progress_->update(totals_.documents, std::to_string(failed) + " failed");
    }
  }
  if (progress_) progress_->finish();
  const std::string of_files = " of " + std::to_string(jobs_.size()) + " files ";
  if (totals_.resumed > 0) {
    say(std::to_string(totals_.resumed) + of_files +
        "were read before; --overwrite reads them again");
  }
  if (totals_.failed_documents > 0 && jobs_.size() > 1) {
    say(std::to_string(totals_.failed_documents) + of_files + "failed");
  }
  if (totals_.failed_tables > 0) {
    say(std::to_string(totals_.failed_tables) + " of " + std::to_string(totals_.tables) +
        " tables have the status fail");
  }
  return totals_.failed_documents + totals_.failed_tables > 0 ? 1 : 0;
}

}  // namespace

int run_extract(const Arguments& arguments) {
  const std::optional<ExtractSettings> settings = parse_extract_settings(arguments);
  if (!settings) return 0;
  std::vector<fs::path> inputs = image_inputs(settings->inputs);
  const bool into_folder =
      inputs.size() > 1 || fs::is_directory(settings->inputs[0]) || fs::is_directory(settings->out);
  return Extraction(*settings, std::move(inputs), into_folder).run();
}

}  // namespace nvlm::cli
