#pragma once
// CSV (RFC 4180): cells as they are written, and a strict reader.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pulse {

/// A cell of text. What a spreadsheet would take for a formula gets a quote in front.
inline std::string csv_cell(std::string_view text) {
  std::string out(text);
  if (!out.empty() && std::string_view("=+-@\t\r").find(out[0]) != std::string_view::npos)
    out.insert(0, 1, '\'');
  if (out.find_first_of(",\"\r\n") == std::string::npos) return out;
  std::string quoted = "\"";
  for (const char c : out) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

/// Text that is no CSV: which line of it, counted from 1, and what is wrong there.
struct CsvError : std::runtime_error {
  std::size_t line;
  CsvError(std::size_t line_, const std::string& words) : std::runtime_error(words), line(line_) {}
};

/// A row may have so many cells: a line of commas must not become a memory of its own size.
inline constexpr std::size_t csv_max_cells = 200;

/// Reads CSV row by row. Lines end with LF or CRLF; a byte order mark in front and lines without
/// anything are skipped. The text must outlive the reader.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text);
  /// The next row's cells; false at the end. Throws CsvError for a quote that does not end, text
  /// beside a quoted cell, a quote inside a bare one, a CR without LF, and too many cells.
  bool next(std::vector<std::string>& cells);
  /// The line on which the last row began.
  std::size_t line() const { return row_line_; }

 private:
  std::string quoted_cell();
  std::string bare_cell();
  bool ends_line();

  std::string_view text_;
  std::size_t at_ = 0, line_ = 1, row_line_ = 1;
};

}  // namespace pulse
