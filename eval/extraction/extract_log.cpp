#include "eval/extraction/extract_log.h"

#include <stdexcept>
#include <utility>

#include "common/atomic_file.h"
#include "eval/text/lines.h"

namespace nvlm::eval {
namespace {

namespace fs = std::filesystem;

DocumentRecord document_record(const Json& line, const std::string& where) {
  DocumentRecord record;
  record.key.source = json_get<std::string>(line, "document", where);
  record.key.source_sha256 = json_get<std::string>(line, "source_sha256", where);
  record.key.settings_sha256 = json_get<std::string>(line, "settings_sha256", where);
  record.output = json_get<std::string>(line, "output", where);
  record.num_tables = json_get<int64_t>(line, "tables", where);
  record.num_failed = json_get<int64_t>(line, "failed", where);
  return record;
}

std::string line_text(const Json& line) {
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

ExtractLog::ExtractLog(const fs::path& folder) : path_(folder / "extract.jsonl") {
  std::vector<std::string> sources;                         // in the order of their last lines
  std::map<std::string, std::string> complete, unfinished;  // lines by source
  const std::string content = fs::exists(path_) ? read_text_file(path_) : "";
  for (const FileLine& line : non_blank_lines(content)) {
    if (!line.terminated && !Json::accept(line.text)) break;  // a killed run
    const std::string where = path_.string() + ":" + std::to_string(line.number);
    const Json entry = parse_json(line.text, where);
    const bool ends_document = entry.is_object() && entry.contains("document");
    const auto source = json_get<std::string>(entry, ends_document ? "document" : "source", where);
    unfinished[source] += std::string(line.text) + "\n";
    if (!ends_document) continue;
    sources.push_back(source);
    complete[source] = std::exchange(unfinished[source], "");
    finished_.erase(source);
    if (!entry.contains("error")) finished_[source] = document_record(entry, where);
  }
  std::string kept;
  for (const std::string& source : sources) kept += std::exchange(complete[source], "");
  if (kept != content) write_file_atomically(path_, kept);
  stream_.open(path_, std::ios::binary | std::ios::app);
  if (!stream_) throw std::runtime_error("cannot write '" + path_.string() + "'");
}

std::optional<DocumentRecord> ExtractLog::finished(const DocumentKey& key) const {
  const auto found = finished_.find(key.source);
  if (found == finished_.end()) return std::nullopt;
  const DocumentRecord& record = found->second;
  const bool same = record.key.source_sha256 == key.source_sha256 &&
                    record.key.settings_sha256 == key.settings_sha256;
  if (!same || !fs::exists(path_.parent_path() / record.output)) return std::nullopt;
  return record;
}

void ExtractLog::add(const DocumentRecord& record, const std::vector<ExtractedPage>& pages) {
  std::string lines;
  for (const ExtractedPage& page : pages) {
    for (size_t i = 0; i < page.tables.size(); ++i) {
      Json line = proof_json(page.tables[i]);
      line["source"] = record.key.source;
      line["page"] = page.number;
      line["table"] = i + 1;
      lines += line_text(line);
    }
  }
  lines += line_text({{"document", record.key.source},
                      {"source_sha256", record.key.source_sha256},
                      {"settings_sha256", record.key.settings_sha256},
                      {"output", record.output},
                      {"tables", record.num_tables},
                      {"failed", record.num_failed}});
  append(lines);
  finished_[record.key.source] = record;
}

void ExtractLog::add_failure(const std::string& source, const std::string& error) {
  append(line_text({{"document", source}, {"error", error}}));
  finished_.erase(source);
}

void ExtractLog::append(const std::string& lines) {
  stream_ << lines << std::flush;
  if (!stream_) throw std::runtime_error("cannot write '" + path_.string() + "' (disk full?)");
}

}  // namespace nvlm::eval
