#include "experiments/tasks/bad_sample_ledger.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "common/atomic_file.h"
#include "common/hash.h"
#include "common/json.h"

namespace nvlm::experiments {
namespace {

constexpr size_t kNamedSamples = 3;  // in the error

/// What JSON can hold: names of files need not be UTF-8.
std::string ledger_line(const Json& line) {
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json hash_of_file(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return nullptr;
  try {
    return sha256_file(file);
  } catch (const std::runtime_error&) {
    return nullptr;  // unreadable: that is why the sample is bad
  }
}

}  // namespace

BadSampleLedger::BadSampleLedger(double max_share, int64_t num_samples)
    : max_share_(max_share), num_samples_(num_samples) {}

void BadSampleLedger::open(const std::filesystem::path& file, int64_t first_sample) {
  file_ = file;
  seen_.clear();
  first_.clear();
  if (!std::filesystem::exists(file)) return;
  std::istringstream lines(read_text_file(file));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const Json entry = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (entry.is_discarded()) {
      if (lines.peek() == std::istringstream::traits_type::eof()) break;  // cut off
      throw std::runtime_error(file.string() + ": not valid JSON: '" + line.substr(0, 60) + "'");
    }
    if (json_get<int64_t>(entry, "sample", file.string()) >= first_sample) continue;
    seen_.emplace(json_get<std::string>(entry, "source", file.string()),
                  json_get<int64_t>(entry, "index", file.string()));
    if (first_.size() < kNamedSamples) {
      first_.push_back(json_get<std::string>(entry, "name", file.string()) + ": " +
                       json_get<std::string>(entry, "reason", file.string()));
    }
    kept += line + '\n';
  }
  write_file_atomically(file, kept);
}

void BadSampleLedger::add(const std::vector<BadSampleRecord>& bad, int64_t drawn) {
  bool grew = false;
  for (const BadSampleRecord& record : bad) {
    if (!seen_.emplace(record.source, record.index).second) continue;
    grew = true;
    if (first_.size() < kNamedSamples) first_.push_back(record.name + ": " + record.reason);
    if (!file_.empty()) append(record);
  }
  if (grew) check_share(drawn);
}

void BadSampleLedger::append(const BadSampleRecord& record) {
  Json line{{"sample", record.sample}, {"source", record.source},
            {"index", record.index},   {"name", record.name},
            {"reason", record.reason}, {"sha256", hash_of_file(record.file)}};
  line["path"] = record.file.empty() ? Json(nullptr) : Json(record.file.string());
  std::ofstream file(file_, std::ios::app | std::ios::binary);
  file << ledger_line(line) << std::flush;
  if (!file) throw std::runtime_error("bad samples: cannot write '" + file_.string() + "'");
}

void BadSampleLedger::check_share(int64_t drawn) const {
  const auto bad = static_cast<double>(count());
  // A source without end is judged by what it gave; the first thousand are too few to judge by.
  constexpr int64_t kFewest = 1000;
  const int64_t all = num_samples_ > 0 ? num_samples_ : std::max(drawn, kFewest);
  if (bad <= max_share_ * static_cast<double>(all)) return;
  std::ostringstream text;
  text << "bad samples: " << count() << " of " << all << ", more than data.max_bad = " << max_share_
       << " allows";
  if (!file_.empty()) text << "; all are in " << file_.string();
  text << ". The first:";
  for (const std::string& entry : first_) text << "\n  " << entry;
  throw std::runtime_error(text.str());
}

}  // namespace nvlm::experiments
