#pragma once
// Cells of CSV (RFC 4180).
#include <string>
#include <string_view>

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

}  // namespace pulse
