// Text for tokenizers and for pre-training a language model: tables, copied tables, plain prose.
#pragma once

#include <string>

#include "common/random.h"

namespace nvlm::experiments {

/// One document. Three of four hold a canonical Markdown table (table_spec.h), most of those after
/// the same content in another notation, so that a model learns to copy: rows with separators,
/// columns, shuffled "row 3: ..." lines, one cell per line, or the same Markdown. The rest is
/// prose about tables, numbers and dates, questions on a table with answers, and lists.
std::string corpus_document(Random& random);

}  // namespace nvlm::experiments
