#include "cli/extract_readers.h"

#include "common/error.h"

namespace nvlm::cli {

std::string ExtractReaders::names() const {
  std::string text = model ? model->name() : "";
  if (rules) text += (text.empty() ? "" : " and ") + rules->name();
  return text;
}

ExtractReaders make_readers(const ExtractSettings& settings) {
  ExtractReaders readers;
  if (settings.reader != ReaderChoice::kRules) {
    readers.model.reset(new eval::ModelReader(load_reader(settings.reader_options)));
  }
  return readers;
}

}  // namespace nvlm::cli
