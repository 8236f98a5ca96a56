// The tokenizer of the lab models.
#pragma once

#include <filesystem>

namespace nvlm::experiments {

/// Trains the lab models' byte-level BPE on the generated corpus and writes `tokenizer.json`.
///
/// chosen: the pre-tokenizer cuts text into single characters and whole pieces of table syntax, so
/// merges build only the syntax (" | ", the end of a row with the delimiter row), the words of the
/// prompt, and multi-byte characters. A token of text is then one glyph of the picture, which makes
/// "which glyph comes next" a question with one answer; a decoder of two million parameters learns
/// it from thousands of tables instead of millions.
void train_lab_tokenizer(const std::filesystem::path& tokenizer_json);

}  // namespace nvlm::experiments
