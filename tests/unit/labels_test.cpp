#include "platform/labels/labels.hpp"

#include <gtest/gtest.h>

namespace pulse::labels {
namespace {

TEST(Labels, ACodeHasItsThreeFinders) {
  const auto code = qr_code("https://pulse.example/app/devices/pump-1");
  ASSERT_GE(code.width, 21);
  ASSERT_EQ(code.dark.size(), static_cast<std::size_t>(code.width * code.width));
  const int far = code.width - 7;
  const std::pair<int, int> corners[] = {{0, 0}, {far, 0}, {0, far}};
  for (const auto& [x, y] : corners)
    for (int i = 0; i < 7; ++i) {
      EXPECT_TRUE(code.at(x + i, y));
      EXPECT_TRUE(code.at(x, y + i));
      EXPECT_TRUE(code.at(x + 6, y + i));
    }
  EXPECT_FALSE(code.at(1, 1));
  EXPECT_THROW(qr_code(std::string(5'000, 'x')), std::length_error);
}

TEST(Labels, APictureIsAsLargeAsAsked) {
  const auto code = qr_code("x");
  const auto png = png_of(code, 3);
  ASSERT_EQ(png.substr(1, 3), "PNG");
  // IHDR begins at byte 16 with width and height.
  const auto number = [&](std::size_t at) {
    int n = 0;
    for (std::size_t i = at; i < at + 4; ++i) n = n << 8 | static_cast<unsigned char>(png[i]);
    return n;
  };
  EXPECT_EQ(number(16), (code.width + 8) * 3);
  EXPECT_EQ(number(20), (code.width + 8) * 3);
}

TEST(Labels, SheetsHoldTwentyFourEach) {
  const auto pages = [](std::size_t n) {
    std::vector<Label> labels(n);
    for (auto& l : labels) l = {"pump-1", "Pümpe 東京 \x01", "https://pulse.example/app"};
    const auto pdf = label_sheets(labels);
    EXPECT_TRUE(pdf.starts_with("%PDF-"));
    EXPECT_NE(pdf.find("%%EOF"), std::string::npos);
    std::size_t count = 0;
    for (auto at = pdf.find("/Type /Page\n"); at != std::string::npos;
         at = pdf.find("/Type /Page\n", at + 1))
      ++count;
    return count;
  };
  EXPECT_EQ(pages(1), 1u);
  EXPECT_EQ(pages(24), 1u);
  EXPECT_EQ(pages(25), 2u);
}

}  // namespace
}  // namespace pulse::labels
