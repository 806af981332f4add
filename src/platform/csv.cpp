#include "platform/csv.hpp"

namespace pulse {

CsvReader::CsvReader(std::string_view text) : text_(text) {
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

/// Steps over the end of a line, when one stands here. A CR alone is none.
bool CsvReader::ends_line() {
  if (at_ >= text_.size()) return false;
  if (text_[at_] == '\n') {
    ++at_;
  } else if (text_[at_] == '\r') {
    if (at_ + 1 >= text_.size() || text_[at_ + 1] != '\n')
      throw CsvError(line_, "a carriage return without a line feed");
    at_ += 2;
  } else {
    return false;
  }
  ++line_;
  return true;
}

std::string CsvReader::quoted_cell() {
  const std::size_t begun = line_;
  std::string out;
  ++at_;
  while (true) {
    const auto quote = text_.find('"', at_);
    if (quote == std::string_view::npos) throw CsvError(begun, "a quote that is not closed");
    for (auto i = at_; i < quote; ++i)
      if (text_[i] == '\n') ++line_;
    out += text_.substr(at_, quote - at_);
    at_ = quote + 1;
    if (at_ >= text_.size() || text_[at_] != '"') break;
    out += '"';
    ++at_;
  }
  if (at_ < text_.size() && std::string_view(",\r\n").find(text_[at_]) == std::string_view::npos)
    throw CsvError(line_, "text after a quoted cell");
  return out;
}

std::string CsvReader::bare_cell() {
  const auto end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
  const auto cell = text_.substr(at_, end - at_);
  if (cell.find('"') != std::string_view::npos)
    throw CsvError(line_, "a quote inside a cell that does not begin with one");
  at_ = end;
  return std::string(cell);
}

bool CsvReader::next(std::vector<std::string>& cells) {
  cells.clear();
  while (ends_line()) {
  }
  if (at_ >= text_.size()) return false;
  row_line_ = line_;
  while (true) {
    const bool quoted = at_ < text_.size() && text_[at_] == '"';
    if (cells.size() == csv_max_cells)
      throw CsvError(line_, "more than " + std::to_string(csv_max_cells) + " cells in a row");
    cells.push_back(quoted ? quoted_cell() : bare_cell());
    if (at_ >= text_.size() || ends_line()) return true;
    ++at_;  // the comma
  }
}

}  // namespace pulse
