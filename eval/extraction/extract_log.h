// extract.jsonl in an output folder: what was read, and what need not be read again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eval/extraction/document_output.h"

namespace nvlm::eval {

/// What a document's result depends on.
struct DocumentKey {
  std::string source;           // path of the input
  std::string source_sha256;    // of its bytes
  std::string settings_sha256;  // of reader, options and format
};

struct DocumentRecord {
  DocumentKey key;
  std::string output;  // file name within the folder
  int64_t num_tables = 0;
  int64_t num_failed = 0;  // tables with status fail
};

/// The log as one line per table and, after the last of a document, one line for the document:
///   {"source", "page", "table", ...proof_json}
///   {"document": source, "source_sha256", "settings_sha256", "output", "tables", "failed"}
///   {"document": source, "error"} for one that could not be read
/// Tables without the line of their document are of a run that was stopped. When the log is opened,
/// they are dropped, as is all but the last that is said of a document.
class ExtractLog {
 public:
  /// Opens or creates `folder`/extract.jsonl; a last line that was only half written is cut off.
  /// throws  std::runtime_error naming the line that is no record of this log
  explicit ExtractLog(const std::filesystem::path& folder);

  /// The record of a document that has been read, if nothing it depends on has changed and its
  /// output exists.
  std::optional<DocumentRecord> finished(const DocumentKey& key) const;

  /// Adds a document with all its tables; handed to the system when it returns.
  void add(const DocumentRecord& record, const std::vector<ExtractedPage>& pages);
  /// Adds a document that could not be read; a later run tries it again.
  void add_failure(const std::string& source, const std::string& error);

 private:
  void append(const std::string& lines);

  std::filesystem::path path_;
  std::map<std::string, DocumentRecord> finished_;  // by source
  std::ofstream stream_;
};

}  // namespace nvlm::eval
