// Small PDFs written by hand.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace nvlm::test {

/// A PDF of pages of 200 x 100 points that share one content: `content` in PDF operators.
inline std::string pdf_text(int64_t num_pages, const std::string& content = "") {
  std::string text = "%PDF-1.4\n";
  std::vector<size_t> offsets;
  const auto object = [&](const std::string& body) {
    offsets.push_back(text.size());
    text += std::to_string(offsets.size()) + " 0 obj\n" + body + "\nendobj\n";
  };
  object("<< /Type /Catalog /Pages 2 0 R >>");
  std::string kids;
  for (int64_t page = 0; page < num_pages; ++page) kids += std::to_string(5 + page) + " 0 R ";
  object("<< /Type /Pages /Kids [" + kids + "] /Count " + std::to_string(num_pages) +
         " /MediaBox [0 0 200 100] /Resources << /Font << /F1 4 0 R >> >> >>");
  object("<< /Length " + std::to_string(content.size()) + " >>\nstream\n" + content +
         "\nendstream");
  object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
  for (int64_t page = 0; page < num_pages; ++page) {
    object("<< /Type /Page /Parent 2 0 R /Contents 3 0 R >>");
  }
  const size_t xref = text.size();
  text += "xref\n0 " + std::to_string(offsets.size() + 1) + "\n0000000000 65535 f \n";
  for (const size_t offset : offsets) {
    char entry[32];
    std::snprintf(entry, sizeof entry, "%010zu 00000 n \n", offset);
    text += entry;
  }
  return text + "trailer\n<< /Size " + std::to_string(offsets.size() + 1) +
         " /Root 1 0 R >>\nstartxref\n" + std::to_string(xref) + "\n%%EOF\n";
}

}  // namespace nvlm::test
