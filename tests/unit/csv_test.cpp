#include "platform/csv.hpp"

#include <gtest/gtest.h>

#include <random>

namespace pulse {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows read(std::string_view text) {
  CsvReader reader(text);
  Rows out;
  std::vector<std::string> cells;
  while (reader.next(cells)) out.push_back(cells);
  return out;
}

std::size_t fault_line(std::string_view text) {
  try {
    read(text);
  } catch (const CsvError& e) {
    return e.line;
  }
  return 0;
}

TEST(CsvReader, ReadsBareAndQuotedCells) {
  EXPECT_EQ(read("a,b\n1,\"2\"\n"), (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(read("\"say \"\"hi\"\"\",\"x,y\",\"two\r\nlines\""),
            (Rows{{"say \"hi\"", "x,y", "two\r\nlines"}}));
  EXPECT_EQ(read("a,,\n,\"\",c"), (Rows{{"a", "", ""}, {"", "", "c"}}));
}

TEST(CsvReader, TakesWhatSpreadsheetsWrite) {
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a,b\r\n\r\n1,2\r\n"),
            (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(read(""), Rows{});
  EXPECT_EQ(read("\n\n"), Rows{});
  EXPECT_EQ(read("last,without,end"), (Rows{{"last", "without", "end"}}));
}

TEST(CsvReader, SaysWhereTextIsNoCsv) {
  EXPECT_EQ(fault_line("a\n\"open"), 2u);
  EXPECT_EQ(fault_line("a\n\"open\n\n"), 2u) << "the line on which it began";
  EXPECT_EQ(fault_line("\"two\nlines\"x"), 2u);
  EXPECT_EQ(fault_line("a\nb\nc\"d\n"), 3u);
  EXPECT_EQ(fault_line("a\rb"), 1u);
}

TEST(CsvReader, CountsLinesAndNotRows) {
  CsvReader reader("a\n\n\"x\ny\"\nlast\n");
  std::vector<std::string> cells;
  const std::size_t begun[] = {1, 3, 5};
  for (const auto line : begun) {
    ASSERT_TRUE(reader.next(cells));
    EXPECT_EQ(reader.line(), line);
  }
  EXPECT_FALSE(reader.next(cells));
}

TEST(CsvReader, ReadsBackWhatIsWritten) {
  std::mt19937 random(7);
  const std::string letters = "ab,\"\n 'x\xC3\xA4";
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::string> row(1 + random() % 4);
    for (auto& cell : row)
      for (auto n = random() % 6; n > 0; --n) cell += letters[random() % letters.size()];
    std::string text;
    for (const auto& cell : row) text += (text.empty() ? "" : ",") + csv_cell(cell);
    // A row whose only text is one empty cell is a line without anything, and a row that begins
    // with an empty cell would be joined to nothing.
    if (row.front().empty()) continue;
    EXPECT_EQ(read(text), (Rows{row})) << text;
  }
}

TEST(CsvReader, SurvivesAnyBytes) {
  std::mt19937 random(11);
  const std::string letters = "a,\"\r\n\xEF\xBB\xBF\0\xFF";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto n = random() % 24; n > 0; --n) text += letters[random() % letters.size()];
    try {
      read(text);
    } catch (const CsvError& e) {
      EXPECT_GE(e.line, 1u);
    }
  }
}

TEST(CsvReader, TakesNoRowOfEndlessCells) {
  const std::string commas(10'000, ',');
  CsvReader reader(commas);
  std::vector<std::string> cells;
  EXPECT_THROW(reader.next(cells), CsvError);
  EXPECT_LE(cells.size(), csv_max_cells);
}

TEST(CsvCell, IsNoFormula) {
  EXPECT_EQ(csv_cell("=1+1"), "'=1+1");
  EXPECT_EQ(csv_cell("-5"), "'-5");
  EXPECT_EQ(csv_cell("plain"), "plain");
  EXPECT_EQ(csv_cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
}

}  // namespace
}  // namespace pulse
