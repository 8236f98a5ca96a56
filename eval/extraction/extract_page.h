// One page: its tables found, read, and judged.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "eval/extraction/page_tables.h"
#include "eval/extraction/verdict.h"
#include "eval/readers/table_reader.h"
#include "eval/table/table.h"

namespace nvlm::eval {

/// The words in a picture, as an independent reader sees them.
/// image  uint8 [height, width, 3]
using WordReader = std::function<std::vector<std::string>(const Tensor& image)>;

/// Who reads. With both readers, choose_reading decides for each table.
struct PageReaders {
  TableReader* model = nullptr;
  TableReader* rules = nullptr;
  WordReader words = {};  // empty: no agreement is measured
};

struct ExtractOptions {
  bool find_tables = true;  // false: the page is one table
  PageKind kind = PageKind::kPicture;
  std::optional<double> fail_under = {};
};

/// A table that was read, or that could not be.
struct ExtractedTable {
  PixelBox box;        // in the page
  std::string error;   // why there is no table; all that follows is then blank
  Table table;         // boxes of cells in the page
  std::string reader;  // whose reading it is
  std::string choice;  // why it was chosen; blank with one reader
  TableProof proof;
  Verdict verdict;
  double seconds = 0.0;
};

/// What a reading's text says, as a table: as the reader gave it, or repaired if its rows had
/// different lengths.
struct ResolvedTable {
  Table table;
  bool was_ragged = false;
};

/// returns  nothing if the text holds no row of a table
std::optional<ResolvedTable> resolve_table(TableReading reading);

/// A table that could not be read, with the status kFail.
ExtractedTable unread_table(const PixelBox& box, const std::string& error);

/// The tables of a page in reading order; none where find_tables finds none. A table that cannot be
/// read has an error and the status kFail, and does not stop the others. page    uint8 [height,
/// width, 3] throws  std::invalid_argument if `readers` has neither reader
std::vector<ExtractedTable> extract_page(const Tensor& page, const PageReaders& readers,
                                         const ExtractOptions& options);

}  // namespace nvlm::eval
