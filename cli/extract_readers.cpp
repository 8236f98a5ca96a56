#include "cli/extract_readers.h"

#include "common/device.h"
#include "common/error.h"
#include "eval/extraction/tesseract_words.h"

namespace nvlm::cli {

std::string ExtractReaders::names() const {
  std::string text = model ? model->name() : "";
  if (rules) text += (text.empty() ? "" : " and ") + rules->name();
  return text;
}

ExtractReaders make_readers(const ExtractSettings& settings) {
  ExtractReaders readers;
  if (settings.reader != ReaderChoice::kModel) {
    throw UsageError("--reader is rules or auto; this build has the model alone");
  }
  readers.model.reset(new eval::ModelReader(load_reader(settings.reader_options)));
  if (settings.verify) readers.words = eval::tesseract_words();
  return readers;
}

}  // namespace nvlm::cli
