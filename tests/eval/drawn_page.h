// Pages drawn with OpenCV's stroke font: prose, tables, lines.
#pragma once

#include <cstdint>
#include <cstring>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "common/tensor.h"
#include "eval/table/table.h"

namespace nvlm::test {

class DrawnPage {
 public:
  DrawnPage(int width, int height) : picture_(height, width, CV_8UC3, cv::Scalar::all(255)) {}

  void text(const std::string& words, int left, int baseline) {
    cv::putText(picture_, words, {left, baseline}, cv::FONT_HERSHEY_SIMPLEX, 0.5,
                cv::Scalar::all(0), 1, cv::LINE_AA);
  }
  /// Lines of prose from x `left`, 22 pixels apart; returns the y below them.
  int prose(int left, int top, int lines, int words_per_line = 10) {
    for (int line = 0; line < lines; ++line) {
      std::string words;
      for (int word = 0; word < words_per_line; ++word) words += "harbour ";
      text(words, left, top + 16 + 22 * line);
    }
    return top + 22 * lines;
  }
  /// Rows of short texts, columns 110 pixels apart, rows 24 pixels; returns the table's box.
  eval::PixelBox table(int left, int top, int rows, int columns, bool ruled = false) {
    for (int row = 0; row < rows; ++row) {
      for (int column = 0; column < columns; ++column) {
        text(row == 0 ? "Head" : std::to_string(100 * row + column), left + 6 + 110 * column,
             top + 18 + 24 * row);
      }
    }
    const cv::Rect box(left, top, 110 * columns, 24 * rows + 4);
    if (ruled) {
      for (int row = 0; row <= rows; ++row) {
        const int y = row == rows ? box.br().y : top + 24 * row;
        cv::line(picture_, {box.x, y}, {box.br().x, y}, cv::Scalar::all(0), 1);
      }
      for (int column = 0; column <= columns; ++column) {
        const int x = left + 110 * column;
        cv::line(picture_, {x, top}, {x, box.br().y}, cv::Scalar::all(0), 1);
      }
    }
    return {box.x, box.y, box.br().x, box.br().y};
  }
  /// The same page with more pixels.
  DrawnPage enlarged(int factor) const {
    DrawnPage page(picture_.cols * factor, picture_.rows * factor);
    cv::resize(picture_, page.picture_, page.picture_.size(), 0, 0, cv::INTER_CUBIC);
    return page;
  }
  /// uint8 [height, width, 3]
  Tensor image() const {
    Tensor image = at::empty({picture_.rows, picture_.cols, 3}, at::kByte);
    std::memcpy(image.data_ptr(), picture_.data, static_cast<size_t>(image.numel()));
    return image;
  }
  cv::Mat& picture() { return picture_; }

 private:
  cv::Mat picture_;
};

}  // namespace nvlm::test
