#include "platform/http/static_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "server_process.hpp"

namespace pulse::http {
namespace {

struct StaticFilesTest : testing::Test {
  test::ScratchDirectory scratch{"pulse-static"};
  StaticFiles files{scratch.path() + "/web"};

  StaticFilesTest() {
    put("index.html", "<html>");
    put("assets/app.js", "plain");
    put("assets/app.js.br", "brotli");
    put("assets/app.js.gz", "gzip");
    put("assets/only.css", "css");
    put("assets/only.css.gz", "css gzip");
    put(".hidden", "secret");
    put("../outside.txt", "secret");
  }
  void put(const std::string& name, const std::string& text) {
    const std::filesystem::path path = scratch.path() + "/web/" + name;
    std::filesystem::create_directories(scratch.path() + "/web/assets");
    std::ofstream(path) << text;
  }
  std::optional<Response> get(std::string_view name, Headers headers = {}) {
    Request request;
    request.method = "GET";
    request.headers = std::move(headers);
    return files.serve(request, name);
  }
  std::string body(std::string_view name, const std::string& encodings) {
    const auto response = get(name, {{"Accept-Encoding", encodings}});
    return response ? response->body : "none";
  }
};

TEST_F(StaticFilesTest, ChoosesTheCopyThatTheClientTakes) {
  for (const auto& [encodings, expected] :
       std::vector<std::pair<std::string, std::string>>{{"gzip, deflate, br", "brotli"},
                                                        {"BR;q=0.5,gzip;q=1.0", "brotli"},
                                                        {"gzip", "gzip"},
                                                        {"br;q=0, gzip", "gzip"},
                                                        {"br; q=0.000, gzip;q=0", "plain"},
                                                        {"broken, x-gzip", "plain"},
                                                        {"identity", "plain"},
                                                        {"", "plain"}})
    EXPECT_EQ(body("assets/app.js", encodings), expected) << encodings;
  EXPECT_EQ(body("assets/only.css", "br, gzip"), "css gzip");
  const auto response = get("assets/app.js", {{"Accept-Encoding", "br"}});
  EXPECT_EQ(response->headers.get("Content-Encoding"), "br");
  EXPECT_EQ(response->headers.get("Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(response->headers.get("Vary"), "Accept-Encoding");
  EXPECT_FALSE(get("assets/app.js")->headers.find("Content-Encoding"));
}

TEST_F(StaticFilesTest, NamesWhatMayBeKeptForHowLong) {
  EXPECT_EQ(get("assets/app.js")->headers.get("Cache-Control"),
            "public, max-age=31536000, immutable");
  EXPECT_EQ(get("index.html")->headers.get("Cache-Control"), "no-cache");
}

TEST_F(StaticFilesTest, SaysThatNothingChangedForEachEncodingApart) {
  const auto tag = [&](const std::string& encodings) {
    return std::string(get("assets/app.js", {{"Accept-Encoding", encodings}})->headers.get("ETag"));
  };
  EXPECT_NE(tag("br"), tag("gzip"));
  EXPECT_NE(tag("br"), tag(""));
  const auto again = [&](const std::string& encodings, const std::string& known) {
    return get("assets/app.js", {{"Accept-Encoding", encodings}, {"If-None-Match", known}});
  };
  for (const auto* encodings : {"br", "gzip", ""}) {
    const auto same = again(encodings, tag(encodings));
    EXPECT_EQ(same->status, 304);
    EXPECT_TRUE(same->body.empty());
    // RFC 9110, 15.4.5: what a cache needs to find its copy.
    EXPECT_EQ(same->headers.get("ETag"), tag(encodings));
    EXPECT_EQ(same->headers.get("Vary"), "Accept-Encoding");
    EXPECT_EQ(again(encodings, "\"x\", W/" + tag(encodings))->status, 304) << "weak, and in a list";
    EXPECT_EQ(again(encodings, "*")->status, 304);
    EXPECT_EQ(again(encodings, "\"other\"")->status, 200);
  }
  EXPECT_EQ(again("br", tag("gzip"))->status, 200) << "another copy's tag";
  EXPECT_EQ(again("", tag("br"))->body, "plain");
}

TEST_F(StaticFilesTest, StaysInItsDirectory) {
  for (const std::string name :
       {"../outside.txt", "assets/../../outside.txt", "/etc/hostname", "", ".", "..",
        "./index.html", ".hidden", "assets//app.js", "assets/", "assets", "..\\outside.txt",
        "assets/..", "nothing.html", "index.html/"})
    EXPECT_FALSE(get(name)) << name;
  EXPECT_FALSE(get(std::string_view("index.html\0.js", 14)));
  EXPECT_FALSE(files.has("../outside.txt"));
  EXPECT_TRUE(files.has("index.html"));
}

TEST_F(StaticFilesTest, NoticesThatAFileChangedOrWent) {
  const auto before = get("index.html");
  EXPECT_EQ(before->body, "<html>");
  put("index.html", "<html lang=en>");
  const auto after = get("index.html");
  EXPECT_EQ(after->body, "<html lang=en>");
  EXPECT_NE(after->headers.get("ETag"), before->headers.get("ETag"));
  std::filesystem::remove(scratch.path() + "/web/index.html");
  EXPECT_FALSE(get("index.html"));
}

TEST(MediaType, IsKnownByTheNamesEnd) {
  EXPECT_EQ(media_type("a.html"), "text/html; charset=utf-8");
  EXPECT_EQ(media_type("a.b.svg"), "image/svg+xml");
  EXPECT_EQ(media_type("font.woff2"), "font/woff2");
  EXPECT_EQ(media_type("html"), "application/octet-stream");
}

}  // namespace
}  // namespace pulse::http
