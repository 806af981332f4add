// Topics and payloads that routes take: the trie against the plain matcher, on random filters.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "platform/mqtt/topic.hpp"
#include "routing/payload_filter.hpp"
#include "routing/topic_trie.hpp"

namespace pulse::routing {
namespace {

rc::Gen<std::string> level() { return rc::gen::element<std::string>("a", "b", "", "$s", "tenant"); }

std::string joined(const std::vector<std::string>& levels) {
  std::string out;
  for (std::size_t i = 0; i < levels.size(); ++i) out += (i ? "/" : "") + levels[i];
  return out;
}

std::string topic() {
  auto levels = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(level()));
  if (levels.size() > 6) levels.resize(6);
  const auto out = joined(levels);
  return out.empty() ? "a" : out;
}

std::string filter() {
  auto levels = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(
      rc::gen::oneOf(level(), rc::gen::just<std::string>("+"))));
  if (levels.size() > 5) levels.resize(5);
  if (*rc::gen::inRange(0, 3) == 0) levels.push_back("#");
  const auto out = joined(levels);
  return out.empty() ? "+" : out;
}

RC_GTEST_PROP(TopicTrie, MatchesWhatThePlainMatcherDoes, ()) {
  TopicTrie trie;
  std::vector<std::string> filters;
  for (int i = *rc::gen::inRange(1, 60); i > 0; --i) filters.push_back(filter());
  for (std::size_t i = 0; i < filters.size(); ++i)
    trie.add(filters[i], static_cast<std::uint32_t>(i));
  for (int i = 0; i < 20; ++i) {
    const auto name = topic();
    std::vector<std::uint32_t> found, plain;
    trie.match(name, found);
    std::sort(found.begin(), found.end());
    for (std::size_t f = 0; f < filters.size(); ++f)
      if (mqtt::topic_matches(filters[f], name)) plain.push_back(static_cast<std::uint32_t>(f));
    RC_ASSERT(found == plain);
  }
}

RC_GTEST_PROP(TopicTrie, SaysWhyExactlyWhereNothingMatches, ()) {
  const auto f = filter(), t = topic();
  RC_ASSERT(why_not(f, t).empty() == mqtt::topic_matches(f, t));
}

RC_GTEST_PROP(TopicTrie, WhatMayMatchCoversWhatMatches, ()) {
  const auto f = filter(), t = topic();
  if (mqtt::topic_matches(f, t)) RC_ASSERT(may_match(f, t));
}

TEST(TopicTrie, HashMatchesTheParent) {
  TopicTrie trie;
  trie.add("a/b/#", 1);
  std::vector<std::uint32_t> found;
  trie.match("a/b", found);
  trie.match("a/b/c/d", found);
  trie.match("a", found);
  EXPECT_EQ(found, (std::vector<std::uint32_t>{1, 1}));
}

TEST(TopicTrie, PlaceholdersMayMatchAnyLevel) {
  EXPECT_TRUE(may_match("tenant/t/device/d1/x", "tenant/t/device/{device_id}/x"));
  EXPECT_TRUE(may_match("tenant/+/device/#", "tenant/t/device/{device_id}/x"));
  EXPECT_FALSE(may_match("tenant/t/device/+/y", "tenant/t/device/{device_id}/x"));
  EXPECT_FALSE(may_match("tenant/t/device/+", "tenant/t/device/{device_id}/x"));
}

TEST(TopicTrie, FiltersAreChecked) {
  EXPECT_EQ(fault_of_filter("tenant/+/device/#"), "");
  for (const char* bad : {"", "a/#/b", "a+/b", "a/b#", "$share/g/a"})
    EXPECT_NE(fault_of_filter(bad), "") << bad;
}

boost::json::object object(const char* text) { return boost::json::parse(text).as_object(); }

TEST(PayloadFilter, LooksInMetricsFirstAndNeedsAll) {
  const PayloadFilter f(object(R"({"t": {"$gte": 5, "$lt": 10}, "mode": "run"})"));
  const auto takes = [&](const char* text) { return f.matches(boost::json::parse(text)); };
  EXPECT_TRUE(takes(R"({"metrics": {"t": 5}, "t": 99, "mode": "run"})"));
  EXPECT_TRUE(takes(R"({"t": 9.9, "mode": "run"})"));
  EXPECT_FALSE(takes(R"({"metrics": {"t": 10}, "mode": "run"})"));
  EXPECT_FALSE(takes(R"({"metrics": {"t": 5}, "mode": "stop"})"));
  EXPECT_FALSE(takes(R"({"mode": "run"})"));
  EXPECT_FALSE(takes(R"({"metrics": {"t": "7"}, "mode": "run"})"));
  EXPECT_FALSE(takes("[1]"));
  EXPECT_EQ(f.why_not(boost::json::parse(R"({"t": 3})")),
            (std::vector<std::string>{"'t' is 3; the filter asks for at least 5",
                                      "The payload has no 'mode'"}));
}

TEST(PayloadFilter, NumbersAreEqualByValueAndAMissingFieldNeverMatches) {
  EXPECT_TRUE(PayloadFilter(object(R"({"a": 1})")).matches(boost::json::parse(R"({"a": 1.0})")));
  EXPECT_TRUE(
      PayloadFilter(object(R"({"a": {"$ne": 1}})")).matches(boost::json::parse(R"({"a": "1"})")));
  EXPECT_FALSE(PayloadFilter(object(R"({"a": {"$ne": 1}})")).matches(boost::json::parse("{}")));
  EXPECT_TRUE(PayloadFilter().matches(boost::json::parse("{}")));
}

TEST(PayloadFilter, FaultsAreNamed) {
  EXPECT_EQ(fault_of_payload_filter(object(R"({"a": 1, "b": {"$gt": 2}})")), "");
  for (const char* bad : {R"({"a": {"$gt": "x"}})", R"({"a": {"$in": [1]}})", R"({"a": []})",
                          R"({"a": {}})", R"({"a": {"$eq": {"b": 1}}})"})
    EXPECT_NE(fault_of_payload_filter(object(bad)), "") << bad;
}

}  // namespace
}  // namespace pulse::routing
