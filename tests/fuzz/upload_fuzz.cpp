// libFuzzer: what people upload, as a form, as a file of rows, and the range in which they ask for
// it again. Each is taken or refused; parts lie in the body, ranges in the file, and rows say the
// same when they are written and read once more.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "platform/csv.hpp"
#include "platform/errors.hpp"
#include "platform/http/byte_range.hpp"
#include "platform/http/multipart.hpp"

namespace {

using namespace pulse;

void read_form(std::string_view type, std::string_view body) {
  try {
    for (const auto& part : http::parse_multipart(type, body))
      if (part.body.data() < body.data() ||
          part.body.data() + part.body.size() > body.data() + body.size())
        std::abort();
  } catch (const HttpError& e) {
    if (e.status != 400 && e.status != 415) std::abort();
  }
}

void read_range(std::string_view header) {
  for (const std::int64_t size :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{1000}, INT64_MAX}) {
    const auto range = http::read_byte_range(header, size);
    if (range.kind != http::ByteRange::Kind::part) continue;
    if (range.first < 0 || range.first > range.last || range.last >= size) std::abort();
  }
}

std::string quoted(const std::string& cell) {
  std::string out = "\"";
  for (const char c : cell) out.append(c == '"' ? 2 : 1, c);
  return out + "\"";
}

void read_rows(std::string_view text) {
  CsvReader reader(text);
  std::vector<std::string> cells, again;
  try {
    while (reader.next(cells)) {
      if (cells.empty() || cells.size() > csv_max_cells) std::abort();
      std::string line;
      for (const auto& cell : cells) line += (line.empty() ? "" : ",") + quoted(cell);
      CsvReader second(line);
      if (!second.next(again) || again != cells || second.next(again)) std::abort();
    }
  } catch (const CsvError&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto first_line = text.substr(0, text.find('\n'));
  read_form("multipart/form-data; boundary=b", text);
  read_form(first_line, text.substr(first_line.size()));
  read_range(first_line);
  read_rows(text);
  return 0;
}
