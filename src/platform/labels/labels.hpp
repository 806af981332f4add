#pragma once
// QR codes as pictures and as printable sheets.
#include <string>
#include <string_view>
#include <vector>

namespace pulse::labels {

/// A QR code (ISO/IEC 18004, error correction M): rows of modules, true for dark.
struct QrCode {
  int width = 0;
  std::vector<bool> dark;
  bool at(int x, int y) const { return dark[static_cast<std::size_t>(y * width + x)]; }
};
/// Throws std::length_error for text that no code holds.
QrCode qr_code(const std::string& text);

/// The code as PNG: `scale` pixels a module, four modules of white around it.
std::string png_of(const QrCode& code, int scale);

/// What one label says.
struct Label {
  std::string title, line, url;
};

/// A PDF of A4 sheets with 24 labels each (3 by 8, 70 by 37 mm, as sheets of stickers are sold).
/// Letters that the PDF's standard fonts lack are written as "?".
std::string label_sheets(const std::vector<Label>& labels);

}  // namespace pulse::labels
