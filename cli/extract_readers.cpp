#include "cli/extract_readers.h"

#include "common/device.h"
#include "eval/extraction/tesseract_words.h"
#include "eval/readers/rules_reader.h"

namespace nvlm::cli {

std::string ExtractReaders::names() const {
  std::string text = model ? model->name() : "";
  if (rules) text += (text.empty() ? "" : " and ") + rules->name();
  return text;
}

ExtractReaders make_readers(const ExtractSettings& settings) {
  check_reader_options(settings.reader_options);
  ExtractReaders readers;
  if (settings.reader != ReaderChoice::kRules) {
    readers.model.reset(new eval::ModelReader(load_reader(settings.reader_options)));
  }
  if (settings.reader != ReaderChoice::kModel) {
    set_threads(settings.reader_options.threads);
    readers.rules = std::make_unique<eval::RulesReader>();
  }
  if (settings.verify || settings.reader == ReaderChoice::kAuto) {
    readers.words = eval::tesseract_words();
  }
  return readers;
}

}  // namespace nvlm::cli
