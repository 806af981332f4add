// Topic names and filters: sections 4.7 and 4.8.2, with the specification's own examples.
#include <gtest/gtest.h>

#include <string>

#include "platform/mqtt/topic.hpp"

namespace pulse::mqtt {
namespace {

struct MatchCase {
  std::string filter, topic;
  bool matches;
};

TEST(MqttTopic, Matches) {
  const MatchCase cases[] = {
      {"sport/tennis/player1/#", "sport/tennis/player1", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
      {"sport/#", "sport", true},
      {"#", "a/b/c", true},
      {"sport/tennis/+", "sport/tennis/player1", true},
      {"sport/tennis/+", "sport/tennis/player1/ranking", false},
      {"sport/+", "sport", false},
      {"sport/+", "sport/", true},
      {"+/+", "/finance", true},
      {"/+", "/finance", true},
      {"+", "/finance", false},
      {"#", "$SYS/x", false},
      {"+/monitor/Clients", "$SYS/monitor/Clients", false},
      {"$SYS/#", "$SYS/", true},
      {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
      {"a/b", "a/b", true},
      {"a/b", "a/B", false},
      {"a/b", "a/b/", false},
      {"a/b/", "a/b", false},
      {"a//b", "a//b", true},
      {"a/+/b", "a//b", true},
      {"a/+/#", "a", false},
      {"a/+/#", "a/b", true},
      {"a/+/#", "a/b/c/d", true},
      {"+/b/#", "a/b", true},
      {"a", "a/b", false},
  };
  for (const auto& c : cases) {
    EXPECT_TRUE(is_valid_topic_filter(c.filter)) << c.filter;
    EXPECT_TRUE(is_valid_topic_name(c.topic)) << c.topic;
    EXPECT_EQ(topic_matches(c.filter, c.topic), c.matches) << c.filter << " on " << c.topic;
  }
}

TEST(MqttTopic, FilterSyntax) {
  for (const std::string good :
       {"a", "/", "+", "#", "a/+/b", "+/tennis/#", "$share/g/a/+", "a b"}) {
    EXPECT_TRUE(is_valid_topic_filter(good)) << good;
  }
  for (const std::string bad :
       {"", "sport/tennis#", "sport/tennis/#/ranking", "sport+", "a/b+", "a/+b/c", "##", "$share/",
        "$share/g", "$share/g/", "$share//a", "$share/g+/a", "$share/g/a#", "\xC0\x80"}) {
    EXPECT_FALSE(is_valid_topic_filter(bad)) << bad;
  }
  EXPECT_FALSE(is_valid_topic_filter(std::string("a\0b", 3)));
  EXPECT_FALSE(is_valid_topic_filter(std::string(65'536, 'a')));
  EXPECT_TRUE(is_valid_topic_filter(std::string(65'535, 'a')));
}

TEST(MqttTopic, NameSyntax) {
  EXPECT_TRUE(is_valid_topic_name("a/b"));
  EXPECT_TRUE(is_valid_topic_name("/"));
  for (const std::string bad : {"", "a/+", "#", "a#", "\xED\xA0\x80"}) {
    EXPECT_FALSE(is_valid_topic_name(bad)) << bad;
  }
}

TEST(MqttTopic, Covers) {
  const MatchCase cases[] = {
      {"a/b/#", "a/b", true},    {"a/b/#", "a/b/#", true}, {"a/b/#", "a/b/+/c", true},
      {"a/b/#", "a/#", false},   {"a/b/#", "#", false},    {"a/+/c", "a/b/c", true},
      {"a/+/c", "a/+/c", true},  {"a/+/c", "a/#", false},  {"a/b/c", "a/+/c", false},
      {"a/b/#", "a/+/c", false}, {"a/b", "a/b/c", false},  {"a/b/c", "a/b", false},
      {"#", "a/+/#", true},      {"a/+/#", "a/b", true},   {"a/+/#", "a", false},
      {"a/+", "a/#", false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(filter_covers(c.filter, c.topic), c.matches) << c.filter << " over " << c.topic;
  }
}

}  // namespace
}  // namespace pulse::mqtt
