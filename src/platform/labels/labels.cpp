#include "platform/labels/labels.hpp"

#include <hpdf.h>
#include <png.h>
#include <qrencode.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace pulse::labels {

namespace {

constexpr float mm = 72.0F / 25.4F;
constexpr int columns = 3, rows = 8;
constexpr float label_width = 70 * mm, label_height = 37 * mm, code_side = 27 * mm;

/// libharu calls back with an error before it returns; a C function must not throw through it.
struct Failure {
  HPDF_STATUS code = HPDF_OK;
};
void on_error(HPDF_STATUS code, HPDF_STATUS /*detail*/, void* user) {
  static_cast<Failure*>(user)->code = code;
}

/// Windows-1252 as far as it is Latin-1, which is what the standard fonts are encoded in.
std::string latin1(std::string_view utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      out += c < 0x20 ? '?' : utf8[i];
      continue;
    }
    const bool two = (c == 0xC2 || c == 0xC3) && i + 1 < utf8.size();
    const int point = two ? (c & 3) << 6 | (static_cast<unsigned char>(utf8[i + 1]) & 0x3F) : 0;
    out += point >= 0xA0 ? static_cast<char>(point) : '?';
    while (i + 1 < utf8.size() && (static_cast<unsigned char>(utf8[i + 1]) & 0xC0) == 0x80) ++i;
  }
  return out;
}

/// Runs of dark modules as rectangles: one for a run, not for a module.
void draw_code(HPDF_Page page, const QrCode& code, float left, float top) {
  const float side = code_side / static_cast<float>(code.width);
  for (int y = 0; y < code.width; ++y)
    for (int x = 0; x < code.width; ++x) {
      if (!code.at(x, y)) continue;
      int end = x;
      while (end < code.width && code.at(end, y)) ++end;
      HPDF_Page_Rectangle(page, left + static_cast<float>(x) * side,
                          top - static_cast<float>(y + 1) * side,
                          static_cast<float>(end - x) * side, side);
      x = end;
    }
  HPDF_Page_Fill(page);
}

/// Writes as much of the text as fits; what is left out shows as "...".
void draw_text(HPDF_Page page, HPDF_Font font, float size, std::string text, float x, float y,
               float width) {
  HPDF_Page_SetFontAndSize(page, font, size);
  if (HPDF_Page_TextWidth(page, text.c_str()) > width) {
    while (!text.empty() && HPDF_Page_TextWidth(page, (text + "...").c_str()) > width)
      text.pop_back();
    text += "...";
  }
  HPDF_Page_BeginText(page);
  HPDF_Page_TextOut(page, x, y, text.c_str());
  HPDF_Page_EndText(page);
}

std::string bytes_of(HPDF_Doc pdf) {
  HPDF_SaveToStream(pdf);
  std::string out;
  HPDF_UINT32 size = HPDF_GetStreamSize(pdf);
  HPDF_ResetStream(pdf);
  while (size > 0) {
    HPDF_BYTE buffer[4096];
    HPDF_UINT32 taken = sizeof buffer;
    HPDF_ReadFromStream(pdf, buffer, &taken);
    if (taken == 0) break;
    out.append(reinterpret_cast<const char*>(buffer), taken);
    size -= std::min(size, taken);
  }
  return out;
}

}  // namespace

QrCode qr_code(const std::string& text) {
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> made(
      QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_M), &QRcode_free);
  if (!made) throw std::length_error("this text is too long for a QR code");
  QrCode out;
  out.width = made->width;
  for (int i = 0; i < made->width * made->width; ++i) out.dark.push_back(made->data[i] & 1);
  return out;
}

std::string png_of(const QrCode& code, int scale) {
  constexpr int quiet = 4;
  const int side = (code.width + 2 * quiet) * scale;
  std::vector<png_byte> pixels(static_cast<std::size_t>(side) * static_cast<std::size_t>(side),
                               255);
  for (int y = 0; y < code.width * scale; ++y)
    for (int x = 0; x < code.width * scale; ++x)
      if (code.at(x / scale, y / scale))
        pixels[static_cast<std::size_t>((y + quiet * scale) * side + x + quiet * scale)] = 0;
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = static_cast<png_uint_32>(side);
  image.format = PNG_FORMAT_GRAY;
  std::string out(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = out.size();
  if (!png_image_write_to_memory(&image, out.data(), &size, 0, pixels.data(), 0, nullptr))
    throw std::runtime_error(std::string("PNG: ") + image.message);
  out.resize(size);
  return out;
}

std::string label_sheets(const std::vector<Label>& labels) {
  Failure failure;
  const std::unique_ptr<std::remove_pointer_t<HPDF_Doc>, decltype(&HPDF_Free)> pdf(
      HPDF_New(on_error, &failure), &HPDF_Free);
  if (!pdf) throw std::bad_alloc();
  HPDF_SetCompressionMode(pdf.get(), HPDF_COMP_ALL);
  const HPDF_Font bold = HPDF_GetFont(pdf.get(), "Helvetica-Bold", "WinAnsiEncoding");
  const HPDF_Font plain = HPDF_GetFont(pdf.get(), "Helvetica", "WinAnsiEncoding");
  HPDF_Page page = nullptr;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const int place = static_cast<int>(i % (columns * rows));
    if (place == 0) {
      page = HPDF_AddPage(pdf.get());
      HPDF_Page_SetSize(page, HPDF_PAGE_SIZE_A4, HPDF_PAGE_PORTRAIT);
    }
    const float left = static_cast<float>(place % columns) * label_width + 4 * mm;
    const float top = HPDF_Page_GetHeight(page) - 0.5F * mm -
                      static_cast<float>(place / columns) * label_height - 5 * mm;
    draw_code(page, qr_code(labels[i].url), left, top);
    const float x = left + code_side + 3 * mm, width = label_width - code_side - 10 * mm;
    draw_text(page, bold, 9, latin1(labels[i].title), x, top - 9, width);
    draw_text(page, plain, 7, latin1(labels[i].line), x, top - 20, width);
  }
  auto out = bytes_of(pdf.get());
  if (failure.code != HPDF_OK)
    throw std::runtime_error("PDF: libharu's error " + std::to_string(failure.code));
  return out;
}

}  // namespace pulse::labels
