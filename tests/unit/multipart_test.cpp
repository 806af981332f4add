#include "platform/http/multipart.hpp"

#include <gtest/gtest.h>

#include <random>

namespace pulse::http {
namespace {

const std::string type = "multipart/form-data; boundary=XX";

std::string part(const std::string& headers, const std::string& body) {
  return "--XX\r\n" + headers + "\r\n\r\n" + body + "\r\n";
}
const std::string file_headers =
    "Content-Disposition: form-data; name=\"file\"; filename=\"a b.csv\"\r\nContent-Type: text/csv";

int status_of(const std::string& content_type, const std::string& body) {
  try {
    parse_multipart(content_type, body);
  } catch (const HttpError& e) {
    return e.status;
  }
  return 200;
}

TEST(Multipart, TakesAFormApart) {
  const std::string body = part("Content-Disposition: form-data; name=note", "hi") +
                           part(file_headers, "a,b\r\n") + "--XX--\r\n";
  const auto parts = parse_multipart(type, body);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, "note");
  EXPECT_EQ(parts[0].body, "hi");
  EXPECT_FALSE(parts[0].filename);
  EXPECT_EQ(parts[0].content_type, "text/plain");
  EXPECT_EQ(parts[1].name, "file");
  EXPECT_EQ(parts[1].filename, "a b.csv");
  EXPECT_EQ(parts[1].content_type, "text/csv");
  EXPECT_EQ(parts[1].body, "a,b\r\n") << "the last CRLF is the delimiter's";
}

TEST(Multipart, TakesWhatClientsWrite) {
  EXPECT_EQ(status_of(type, "preamble\r\n" + part(file_headers, "x") + "--XX--"), 200);
  EXPECT_EQ(status_of("Multipart/Form-Data; charset=utf-8; boundary=\"XX\"",
                      part(file_headers, "") + "--XX--"),
            200);
  EXPECT_EQ(status_of(type, "--XX--"), 200) << "no parts at all";
  const auto parts = parse_multipart(
      type, part("content-disposition: form-data; name=\"a\\\"b\"", "--XY\r\n--") + "--XX--");
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].name, "a\"b");
  EXPECT_EQ(parts[0].body, "--XY\r\n--");
}

TEST(Multipart, RefusesTheRest) {
  const std::string good = part(file_headers, "x") + "--XX--";
  EXPECT_EQ(status_of("application/json", good), 415);
  EXPECT_EQ(status_of("", good), 415);
  EXPECT_EQ(status_of("multipart/form-data", good), 400);
  EXPECT_EQ(status_of("multipart/form-data; boundary=\"", good), 415) << "a quote without an end";
  EXPECT_EQ(status_of("multipart/form-data; boundary=" + std::string(71, 'b'), good), 400);
  EXPECT_EQ(status_of("multipart/form-data; boundary=YY", good), 400);
  EXPECT_EQ(status_of(type, ""), 400);
  EXPECT_EQ(status_of(type, "--XX"), 400);
  EXPECT_EQ(status_of(type, "--XX\r\n"), 400);
  EXPECT_EQ(status_of(type, "--XXzz\r\n" + file_headers + "\r\n\r\nx\r\n--XX--"), 400);
  EXPECT_EQ(status_of(type, part(file_headers, "x")), 400) << "no end";
  EXPECT_EQ(status_of(type, part("Content-Type: text/csv", "x") + "--XX--"), 400) << "no name";
  EXPECT_EQ(status_of(type, part("Content-Disposition: attachment; name=a", "x") + "--XX--"), 400);
  EXPECT_EQ(status_of(type, part("no colon", "x") + "--XX--"), 400);
  EXPECT_EQ(status_of(type, "--XX\r\n\r\nx\r\n--XX--"), 400) << "no headers";
  std::string many;
  for (int i = 0; i < 21; ++i) many += part("Content-Disposition: form-data; name=a", "x");
  EXPECT_EQ(status_of(type, many + "--XX--"), 400);
  EXPECT_EQ(
      status_of(type, part(file_headers + "\r\nX: " + std::string(9'000, 'x'), "x") + "--XX--"),
      400);
}

TEST(Multipart, NamesTheFieldThatIsMissing) {
  Request request;
  request.headers.set("Content-Type", type);
  request.body = part("Content-Disposition: form-data; name=other", "x") + "--XX--";
  Faults faults;
  EXPECT_FALSE(form_part(request, "file", faults));
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].loc, (std::vector<std::string>{"body", "file"}));
}

TEST(Multipart, SurvivesBodiesThatAreCutAndChanged) {
  const std::string good =
      part(file_headers, "name,device_type\r\n") + part(file_headers, "x") + "--XX--\r\n";
  for (std::size_t n = 0; n < good.size(); ++n) status_of(type, good.substr(0, n));
  std::mt19937 random(5);
  const std::string letters = "-X\r\n;=\": a\0\xFF";
  for (int round = 0; round < 20'000; ++round) {
    std::string body = good, header = type;
    for (auto n = 1 + random() % 4; n > 0; --n)
      body[random() % body.size()] = letters[random() % letters.size()];
    if (round % 4 == 0) header[random() % header.size()] = letters[random() % letters.size()];
    status_of(header, body);
  }
}

}  // namespace
}  // namespace pulse::http
