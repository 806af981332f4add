// What the delivery decides without I/O: whose turn it is, what is held, when a destination is
// worth a try.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <list>

#include "platform/json/write.hpp"
#include "routing/fit_text.hpp"
#include "routing/postgresql_dsn.hpp"
#include "routing/route_book.hpp"
#include "routing/route_run.hpp"
#include "routing/send_shares.hpp"

namespace pulse::routing {
namespace {

HeldMessage message(std::int64_t id, const char* device, std::size_t bytes = 2,
                    std::shared_ptr<std::size_t> held = std::make_shared<std::size_t>(0)) {
  HeldMessage m;
  m.message.id = id;
  m.message.device_id = device;
  m.message.payload = std::string(bytes, ' ');
  m.bytes = HeldBytes(std::move(held), bytes);
  return m;
}

std::vector<std::int64_t> ids_of(const std::vector<HeldMessage>& messages) {
  std::vector<std::int64_t> out;
  for (const auto& m : messages) out.push_back(m.message.id);
  return out;
}

TEST(Lanes, KeepTheOrderOfADeviceWhileOthersGoOn) {
  Lanes lanes(true);
  lanes.add(message(1, "a"));
  lanes.add(message(2, "a"));
  lanes.add(message(3, "b"));
  std::string first, second, none;
  auto one = lanes.take(0, 1, 100, first), two = lanes.take(0, 1, 100, second);
  ASSERT_EQ(one.size() + two.size(), 2U);
  EXPECT_TRUE(lanes.take(0, 1, 100, none).empty());  // both devices have one under way
  EXPECT_EQ(first, "a");
  lanes.give_back(first, std::move(one), 100);  // failed: it comes before the next of its device
  lanes.give_back(second, {}, 0);
  EXPECT_TRUE(lanes.take(99, 1, 100, none).empty());
  EXPECT_EQ(lanes.next_ms(), 100);
  EXPECT_EQ(lanes.take(100, 1, 100, first).front().message.id, 1);
}

TEST(Lanes, SendNoMoreBytesAtOnceThanAsked) {
  Lanes lanes(false);
  for (int id = 1; id <= 4; ++id) lanes.add(message(id, "a", 40));
  std::string lane;
  auto some = lanes.take(0, 500, 100, lane);
  EXPECT_EQ(ids_of(some), (std::vector<std::int64_t>{1, 2}));
  lanes.give_back(lane, {}, 0);
  EXPECT_EQ(ids_of(lanes.take(0, 500, 1, lane)), std::vector<std::int64_t>{3});  // one always goes
}

TEST(Lanes, GiveUpWhatWasQueuedLongAgoButNotWhatIsUnderWay) {
  Lanes lanes(true);
  for (int id = 1; id <= 3; ++id) {
    auto m = message(id, id == 3 ? "b" : "a");
    m.queued_ms = id * 100;
    lanes.add(std::move(m));
  }
  std::string lane;
  auto under_way = lanes.take(0, 1, 100, lane);
  ASSERT_EQ(lane, "a");
  EXPECT_TRUE(lanes.drop_older(300).empty());  // device a's are behind the one under way
  lanes.give_back(lane, std::move(under_way), 0);
  EXPECT_EQ(ids_of(lanes.drop_older(201)), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(lanes.size(), 1U);
}

TEST(HeldBytes, AreCountedForAsLongAsTheirMessage) {
  const auto held = std::make_shared<std::size_t>(0);
  {
    Lanes lanes(true);
    lanes.add(message(1, "a", 30, held));
    lanes.add(message(2, "b", 12, held));
    EXPECT_EQ(*held, 42U);
    std::string lane;
    auto taken = lanes.take(0, 1, 100, lane);
    EXPECT_EQ(*held, 42U);  // under way it is in memory, too
    taken.clear();
    EXPECT_EQ(*held, 12U);
  }
  EXPECT_EQ(*held, 0U);
}

TEST(Breaker, OpensAfterFailuresInARowAndTriesOneAtATime) {
  Breaker b(3, 100, 400);
  b.failed(0);
  b.failed(0);
  b.succeeded();
  b.failed(0);
  b.failed(0);
  EXPECT_EQ(b.allows(0, 4), 4U);
  b.failed(7);
  b.failed(8);  // under way when it opened: it makes the wait no longer
  EXPECT_EQ(b.allows(106, 4), 0U);
  EXPECT_EQ(b.allows(107, 4), 1U);
  b.failed(107);
  EXPECT_EQ(b.next_try_ms(), 307);
  EXPECT_EQ(b.since_ms(), 7);
  b.succeeded();
  EXPECT_EQ(b.allows(107, 4), 4U);
}

struct Greedy {
  std::string tenant;
  Pace pace;
  std::list<SendShares::Place> places;
};

/// Everybody takes what is to be had, in turns, until nobody gets one more.
void fill(const std::shared_ptr<SendShares>& shares, std::vector<Greedy>& routes,
          std::size_t most_of_a_route) {
  for (bool more = true; more;) {
    more = false;
    for (auto& r : routes) {
      if (r.places.size() >= most_of_a_route) continue;
      auto place = shares->take(r.tenant, r.places.size(), r.pace);
      if (!place) continue;
      r.places.push_back(std::move(*place));
      more = true;
    }
  }
}

std::vector<Greedy> routes_of(const std::vector<std::string>& tenants, std::size_t each,
                              Pace pace) {
  std::vector<Greedy> out;
  for (const auto& tenant : tenants)
    for (std::size_t i = 0; i < each; ++i) out.push_back(Greedy{tenant, pace, {}});
  return out;
}

TEST(SendShares, SlowRoutesOfFourTenantsLeaveRoomForTheNext) {
  const auto shares = std::make_shared<SendShares>(64, 16);
  auto slow = routes_of({"a", "b", "c", "d"}, 20, Pace::slow);
  fill(shares, slow, 4);
  EXPECT_LE(shares->taken(), 32U);
  auto next = routes_of({"e"}, 4, Pace::fast);
  fill(shares, next, 4);
  for (const auto& r : next) EXPECT_GE(r.places.size(), 1U);
}

TEST(SendShares, SlowRoutesOfATenantLeaveRoomForItsOthers) {
  const auto shares = std::make_shared<SendShares>(64, 16);
  auto slow = routes_of({"a"}, 40, Pace::slow);
  fill(shares, slow, 4);
  EXPECT_LE(shares->taken(), 8U);
  auto fast = routes_of({"a"}, 2, Pace::fast);
  fill(shares, fast, 4);
  for (const auto& r : fast) EXPECT_GE(r.places.size(), 2U);
}

TEST(SendShares, ADestinationThatIsNotKnownIsTriedOnceAtATime) {
  const auto shares = std::make_shared<SendShares>(64, 16);
  auto first = shares->take("a", 0, Pace::unknown);
  EXPECT_TRUE(first);
  EXPECT_FALSE(shares->take("a", 1, Pace::unknown));
  EXPECT_TRUE(shares->take("a", 1, Pace::fast));
}

TEST(SendShares, WhoWaitsIsCalledWhenAPlaceIsFree) {
  const auto shares = std::make_shared<SendShares>(2, 2);
  auto one = shares->take("a", 0, Pace::fast);
  ASSERT_TRUE(one);
  int called = 0;
  shares->when_free([&] { ++called; });
  auto two = shares->take("b", 0, Pace::fast);
  EXPECT_TRUE(two);
  EXPECT_FALSE(shares->take("c", 0, Pace::fast));
  EXPECT_EQ(called, 0);
  two.reset();
  EXPECT_EQ(called, 1);
  one.reset();
  EXPECT_EQ(called, 1);  // once
}

RC_GTEST_PROP(SendShares, CountWhatIsUnderWayAndNeverMoreThanThereIs, ()) {
  const auto all = *rc::gen::inRange<std::size_t>(1, 40);
  const auto of_a_tenant = *rc::gen::inRange<std::size_t>(1, 20);
  const auto shares = std::make_shared<SendShares>(all, of_a_tenant);
  std::map<std::string, std::list<SendShares::Place>> held;
  std::size_t count = 0;
  for (int i = 0; i < 200; ++i) {
    const auto tenant = *rc::gen::element<std::string>("a", "b", "c");
    auto& mine = held[tenant];
    if (*rc::gen::inRange(0, 3) == 0 && !mine.empty()) {
      mine.pop_front();
      --count;
    } else if (auto place =
                   shares->take(tenant, *rc::gen::inRange<std::size_t>(0, 4),
                                *rc::gen::element(Pace::unknown, Pace::fast, Pace::slow))) {
      mine.push_back(std::move(*place));
      ++count;
    }
    RC_ASSERT(shares->taken() == count);
    RC_ASSERT(count <= all);
    RC_ASSERT(mine.size() <= of_a_tenant);
  }
  held.clear();
  RC_ASSERT(shares->taken() == 0U);
}

TEST(FitText, CutsBetweenCharactersAndMendsWhatIsNoText) {
  EXPECT_EQ(fit_text("abc", 2), "ab");
  EXPECT_EQ(fit_text("a\xc3\xa4z", 2), "a");
  EXPECT_EQ(fit_text("a\xc3\xa4z", 3), "a\xc3\xa4");
  EXPECT_EQ(fit_text(std::string_view("a\0b", 3), 10),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(fit_text("\xff\xc3", 10), "\xef\xbf\xbd\xef\xbf\xbd");
}

RC_GTEST_PROP(FitText, IsAlwaysTextAndKeepsText, (const std::vector<unsigned char>& bytes)) {
  const std::string text(bytes.begin(), bytes.end());
  const auto most = *rc::gen::inRange<std::size_t>(0, 40);
  const auto fit = fit_text(text, most);
  RC_ASSERT(json::is_text(fit));
  RC_ASSERT(fit.size() <= most);
  if (json::is_text(text) && text.size() <= most) RC_ASSERT(fit == text);
}

RunningRoute running(std::int32_t id, bool republishes) {
  RunningRoute route;
  route.id = id;
  route.republishes = republishes;
  return route;
}

TEST(Routed, GoesToTheOldestRoutesUpToABound) {
  TenantRoutes routes;
  for (std::int32_t id = 150; id >= 1; --id) routes.add("a/#", running(id, false));
  Arrival arrival;
  arrival.topic = "a/b";
  arrival.id = "m";
  const auto out = routed(routes, arrival, boost::json::object{}, "{}");
  ASSERT_EQ(out.messages.size(), 100U);
  EXPECT_EQ(out.over, 50U);
  for (const auto& m : out.messages) EXPECT_LE(m.route_id, 100);
}

TEST(Routed, WhatRepublishesSharesWhatIsLeftOfTheFanOut) {
  TenantRoutes routes;
  for (std::int32_t id = 1; id <= 10; ++id) routes.add("a", running(id, id <= 3));
  Arrival arrival;
  arrival.topic = "a";
  const auto out = routed(routes, arrival, boost::json::object{}, "{}");
  std::int64_t left = 0;
  for (const auto& m : out.messages) {
    EXPECT_EQ(m.fanout_left, m.route_id <= 3 ? 30 : 0);
    left += m.fanout_left;
  }
  EXPECT_LE(static_cast<std::int64_t>(out.messages.size()) + left, most_routes_of_a_message);
  const auto read = read_routed(to_text(out.messages.front()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->fanout_left, out.messages.front().fanout_left);
}

TEST(Dsn, SaysHowTheServerIsVerified) {
  std::string wrong;
  const auto dsn = read_dsn("postgresql://u:p@db.example.com/x?sslmode=verify-full", wrong);
  ASSERT_TRUE(dsn) << wrong;
  EXPECT_NE(
      conninfo(*dsn, "192.0.2.7", "/ca.pem").find(" sslmode=verify-full sslrootcert='/ca.pem' "),
      std::string::npos);
  const auto plain = read_dsn("postgresql://u:p@db.example.com/x", wrong);
  EXPECT_EQ(conninfo(*plain, "192.0.2.7", "/ca.pem").find("sslrootcert"), std::string::npos);
  for (const char* bad :
       {"postgresql://u:p@h/x?sslmode=allow", "postgresql://u:p@h/x?sslrootcert=/etc/passwd",
        "postgresql://u:p@h/", "mysql://u:p@h/x"}) {
    wrong.clear();
    EXPECT_FALSE(read_dsn(bad, wrong)) << bad;
    EXPECT_FALSE(wrong.empty());
  }
  EXPECT_FALSE(
      is_certificate_bundle("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
}

}  // namespace
}  // namespace pulse::routing
