#include "cli/extract_options.h"

#include <cmath>
#include <sstream>

#include "common/error.h"
#include "common/nearest_name.h"

namespace nvlm::cli {
namespace {

/// The options as text, before they are checked.
struct ExtractWords {
  std::string out, overlay, format, spans, header, reader, tables, pages;
  double dpi = 0.0, fail_under = 0.0;
};

/// An empty name is the default: the rules, which read real tables best (docs/results/tables.md),
/// unless a model was asked for.
ReaderChoice parse_reader_choice(const std::string& name, bool names_model) {
  if (name.empty()) return names_model ? ReaderChoice::kModel : ReaderChoice::kRules;
  if (name == "model") return ReaderChoice::kModel;
  if (name == "rules") return ReaderChoice::kRules;
  if (name == "auto") return ReaderChoice::kAuto;
  throw UsageError("--reader is '" + name + "', expected model, rules or auto" +
                   did_you_mean(name, {"model", "rules", "auto"}));
}

void require_between(const char* option, double value, double low, double high) {
  if (value >= low && value <= high) return;  // false for NaN
  std::ostringstream text;
  text << option << " is " << value << ", expected " << low << " to " << high;
  throw UsageError(text.str());
}

void check_words(const ExtractWords& words, const po::variables_map& values,
                 ExtractSettings& settings) {
  settings.out = words.out;
  settings.overlay = words.overlay;
  settings.output.table.format = eval::parse_table_format(words.format);
  settings.output.table.spans = eval::parse_span_policy(words.spans);
  settings.output.table.header = eval::parse_header_policy(words.header);
  if (settings.output.show_confidence && settings.output.table.format == eval::TableFormat::kCsv) {
    throw UsageError("--confidence has no place in CSV; expected --format md, html or json");
  }
  settings.reader = parse_reader_choice(words.reader, !values["model"].defaulted());
  if (words.tables != "auto" && words.tables != "one") {
    throw UsageError("--tables is '" + words.tables + "', expected auto or one");
  }
  settings.find_tables = words.tables == "auto";
  require_between("--dpi", words.dpi, 36.0, 1200.0);
  settings.dpi = words.dpi;
  settings.pages = eval::parse_page_ranges(words.pages);
  if (values.count("fail-under") > 0) {
    require_between("--fail-under", words.fail_under, 0.0, 1.0);
    settings.fail_under = words.fail_under;
  }
}

std::string fingerprint_of(const ExtractWords& words, const ExtractSettings& settings) {
  const eval::ModelReaderOptions& reader = settings.reader_options.reader;
  std::ostringstream text;
  text << words.format << '\n'
       << words.spans << '\n'
       << words.header << '\n'
       << static_cast<int>(settings.reader) << '\n'
       << words.tables << '\n'
       << words.pages << '\n'
       << words.dpi << '\n'
       << settings.fail_under.value_or(-1.0) << '\n'
       << settings.verify << settings.output.show_confidence << '\n'
       << settings.reader_options.model << '\n'
       << reader.model.max_tiles << ' ' << reader.max_new_tokens << ' ' << reader.model.dtype;
  return text.str();
}

}  // namespace

std::optional<ExtractSettings> parse_extract_settings(const Arguments& arguments) {
  ExtractSettings settings;
  ExtractWords words;
  VerbOptions options(
      "extract [options] IMAGE|PDF|FOLDER...",
      "Reads the tables in pictures (PNG, JPEG, WebP, TIFF) and PDFs and prints them, with a "
      "status "
      "for each: ok, check or fail. Exit code 1 if a table fails or a file cannot be read.",
      "nvlm extract --format json --verify docs/samples/staff.png");
  options.add()("out,o", po::value(&words.out),
                "file to write; a folder where several inputs are read, or that exists: one file "
                "for each, and extract.jsonl with what is known of each table")(
      "overwrite", po::bool_switch(&settings.overwrite),
      "read again what the output folder has already")(
      "format,f", po::value(&words.format)->default_value("md"), "md, html, csv or json")(
      "spans", po::value(&words.spans)->default_value("blank"),
      "merged cells in md and csv: repeat the text, blank after the first, html for such tables, "
      "or error")("header", po::value(&words.header)->default_value("keep"),
                  "header rows: keep, or join into one")(
      "confidence", po::bool_switch(&settings.output.show_confidence),
      "a comment below each table: mean and lowest confidence, cells below 0.5; json always has "
      "it")("verify", po::bool_switch(&settings.verify),
            "compare with the words that Tesseract sees in the picture")(
      "fail-under", po::value(&words.fail_under),
      "a table whose mean confidence is lower fails (0 to 1)")(
      "reader", po::value(&words.reader)->default_value("", "rules; model with --model"),
      "model, rules (lines and columns of Tesseract's words) or auto (both; the better for each "
      "table)")("tables", po::value(&words.tables)->default_value("auto"),
                "auto: find the tables on a page; one: the page is one table")(
      "pages", po::value(&words.pages)->default_value("", "all"), "of PDFs: 1-3,7 or 5-")(
      "dpi", po::value(&words.dpi)->default_value(150.0), "of a PDF's pages")(
      "overlay", po::value(&words.overlay),
      "picture to write (.png), or folder: each page with what was read from it");
  settings.reader_options.structure = "rectangular";
  add_reader_options(options, settings.reader_options);
  options.positional("input");
  const auto values = options.parse(arguments);
  if (!values) return std::nullopt;
  settings.inputs = (*values)["input"].as<std::vector<std::string>>();
  check_words(words, *values, settings);
  settings.fingerprint = fingerprint_of(words, settings);
  return settings;
}

}  // namespace nvlm::cli
