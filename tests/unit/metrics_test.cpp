#include "platform/metrics/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace pulse::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, CountsByLabels) {
  Registry registry;
  registry.count("requests_total", "Answers given.", {{"status", "200"}});
  registry.count("requests_total", "Answers given.", {{"status", "200"}}, 2);
  registry.count("requests_total", "Answers given.", {{"status", "404"}});
  const auto text = registry.text();
  EXPECT_THAT(text, HasSubstr("# HELP requests_total Answers given.\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE requests_total counter\n"));
  EXPECT_THAT(text, HasSubstr("requests_total{status=\"200\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("requests_total{status=\"404\"} 1\n"));
}

TEST(Metrics, KeepsLabelsOnTheirLine) {
  Registry registry;
  registry.count("odd_total", "Odd.", {{"what", "a\"b\\c\nd"}});
  EXPECT_THAT(registry.text(), HasSubstr("odd_total{what=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(Metrics, PutsDurationsIntoBuckets) {
  Registry registry;
  for (const double seconds : {0.0004, 0.02, 0.02, 60.0})
    registry.observe("took_seconds", "Took.", {{"route", "/x"}}, seconds);
  const auto text = registry.text();
  EXPECT_THAT(text, HasSubstr("# TYPE took_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{route=\"/x\",le=\"0.0005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{route=\"/x\",le=\"0.01\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{route=\"/x\",le=\"0.025\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{route=\"/x\",le=\"10\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{route=\"/x\",le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_count{route=\"/x\"} 4\n"));
}

TEST(Metrics, AsksForGaugesAtEachScrape) {
  Registry registry;
  int asked = 0;
  registry.on_scrape([&](Registry& r) {
    r.set("asked", "How often.", {}, ++asked);
    r.count("scrapes_total", "Scrapes.", {});
  });
  registry.set("fixed", "Fixed.", {}, 1.5);
  EXPECT_THAT(registry.text(), HasSubstr("\nasked 1\n"));
  const auto text = registry.text();
  EXPECT_THAT(text, HasSubstr("\nasked 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("\nasked 1\n")));
  EXPECT_THAT(text, HasSubstr("\nfixed 1.5\n"));
  EXPECT_THAT(text, HasSubstr("\nscrapes_total 2\n"));
}

TEST(Metrics, CountsFromManyThreads) {
  Registry registry;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 1'000; ++i) {
          registry.count("n_total", "N.", {{"t", std::to_string(t % 2)}});
          registry.observe("n_seconds", "N.", {}, 0.001);
          if (i % 100 == 0) registry.text();
        }
      });
  }
  const auto text = registry.text();
  EXPECT_THAT(text, HasSubstr("n_total{t=\"0\"} 2000\n"));
  EXPECT_THAT(text, HasSubstr("n_total{t=\"1\"} 2000\n"));
  EXPECT_THAT(text, HasSubstr("n_seconds_count 4000\n"));
}

}  // namespace
}  // namespace pulse::metrics
