// Connections that live long: LISTEN and leadership.
#include <boost/asio/detached.hpp>

#include "pg_fixture.hpp"
#include "platform/clock.hpp"

namespace pulse::test {
namespace {

class PgSession : public PgTest {
 public:
  pg::PoolOptions named(std::string name) const {
    auto o = options();
    o.application_name = std::move(name);
    return o;
  }
  void kill(const std::string& name) {
    admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '" +
          name + "' AND datname = current_database()");
  }
  std::string sessions(const std::string& name) {
    return admin("SELECT count(*) FROM pg_stat_activity WHERE application_name = '" + name +
                 "' AND datname = current_database()");
  }
};

TEST_F(PgSession, listens_and_listens_again_after_a_gap) {
  std::vector<std::string> got;
  int reconnects = 0;
  boost::asio::co_spawn(io,
                        pg::listen_forever(
                            named("listener"), {"one", "Two words"},
                            [&](std::string_view channel, std::string_view payload) {
                              got.push_back(std::string(channel) + ":" + std::string(payload));
                            },
                            [&] { ++reconnects; }),
                        boost::asio::detached);
  const auto listening = [&] {
    return admin(
               "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'listener' AND "
               "datname = current_database() AND state = 'idle'") == "1";
  };
  ASSERT_TRUE(await(eventually(listening)));
  await(sleep_ms(50));
  admin("NOTIFY one, 'a'; NOTIFY \"Two words\", 'b'; NOTIFY other, 'c'");
  admin("NOTIFY one");
  ASSERT_TRUE(await(eventually([&] { return got.size() >= 3; })));
  EXPECT_EQ(got, (std::vector<std::string>{"one:a", "Two words:b", "one:"}));
  EXPECT_EQ(reconnects, 0);
  kill("listener");
  ASSERT_TRUE(await(eventually([&] { return reconnects == 1; })));
  admin("NOTIFY one, 'again'");
  ASSERT_TRUE(await(eventually([&] { return got.size() == 4; })));
  EXPECT_EQ(got.back(), "one:again");
}

TEST_F(PgSession, listens_when_the_server_comes_back) {
  int reconnects = 0;
  std::vector<std::string> got;
  boost::asio::co_spawn(
      io,
      pg::listen_forever(
          named("listener"), {"one"},
          [&](std::string_view, std::string_view payload) { got.emplace_back(payload); },
          [&] { ++reconnects; }),
      boost::asio::detached);
  ASSERT_TRUE(await(eventually([&] { return sessions("listener") == "1"; })));
  await(sleep_ms(50));
  server.stop_immediate();
  await(sleep_ms(300));
  server.start();
  ASSERT_TRUE(await(eventually([&] { return reconnects == 1; })));
  admin("NOTIFY one, 'x'");
  ASSERT_TRUE(await(eventually([&] { return got.size() == 1; })));
}

struct Candidate {
  int terms = 0;  ///< how often it led
  bool leading = false;
  bool resign = false;
};

Task<> lead(Candidate& c, std::function<bool()> still) {
  ++c.terms;
  c.leading = true;
  while (still() && !c.resign) co_await sleep_ms(5);
  c.leading = false;
}

TEST_F(PgSession, one_of_two_leads_and_the_other_takes_over) {
  Candidate a, b;
  bool a_ended = false;
  const auto run = [&](const char* name, Candidate& c, bool* ended) {
    boost::asio::co_spawn(io,
                          pg::with_leadership(named(name), 4711, 50,
                                              [&c](std::function<bool()> still) {
                                                return lead(c, std::move(still));
                                              }),
                          [ended](std::exception_ptr) {
                            if (ended) *ended = true;
                          });
  };
  run("first", a, &a_ended);
  ASSERT_TRUE(await(eventually([&] { return a.leading; })));
  run("second", b, nullptr);
  await(sleep_ms(400));
  EXPECT_TRUE(a.leading);
  EXPECT_EQ(b.terms, 0);

  kill("first");
  ASSERT_TRUE(await(eventually([&] { return !a.leading; })));
  ASSERT_TRUE(await(eventually([&] { return a.leading || b.leading; })));
  EXPECT_FALSE(a.leading && b.leading);
  // Whoever leads now, the other gets it when the leader's work is over.
  auto& leader = a.leading ? a : b;
  auto& other = a.leading ? b : a;
  const int before = other.terms;
  leader.resign = true;
  ASSERT_TRUE(await(eventually([&] { return other.leading; })));
  EXPECT_EQ(other.terms, before + 1);
  EXPECT_FALSE(leader.leading);
}

TEST_F(PgSession, different_keys_have_different_leaders) {
  Candidate a, b;
  for (auto* c : {&a, &b})
    boost::asio::co_spawn(io,
                          pg::with_leadership(named("keyed"), c == &a ? 1 : 2, 50,
                                              [c](std::function<bool()> still) {
                                                return lead(*c, std::move(still));
                                              }),
                          boost::asio::detached);
  EXPECT_TRUE(await(eventually([&] { return a.leading && b.leading; })));
}

TEST_F(PgSession, a_leader_whose_server_stands_still_steps_down) {
  Candidate a;
  boost::asio::co_spawn(
      io,
      pg::with_leadership(named("stuck"), 5, 50,
                          [&](std::function<bool()> still) { return lead(a, std::move(still)); }),
      boost::asio::detached);
  ASSERT_TRUE(await(eventually([&] { return a.leading; })));
  const auto pid =
      std::stoi(admin("SELECT pid FROM pg_stat_activity WHERE application_name = 'stuck'"));
  ::kill(pid, SIGSTOP);
  const bool stepped_down = await(eventually([&] { return !a.leading; }, 12'000));
  ::kill(pid, SIGCONT);
  EXPECT_TRUE(stepped_down);
  EXPECT_TRUE(await(eventually([&] { return a.leading; })));
}

TEST_F(PgSession, a_term_that_fails_is_followed_by_another) {
  int terms = 0;
  bool ended = false;
  boost::asio::co_spawn(io,
                        pg::with_leadership(named("failing"), 6, 20,
                                            [&](std::function<bool()>) -> Task<> {
                                              if (++terms < 3) throw std::runtime_error("no luck");
                                              co_return;
                                            }),
                        [&](std::exception_ptr e) { ended = e == nullptr; });
  ASSERT_TRUE(await(eventually([&] { return ended; })));
  EXPECT_EQ(terms, 3);
}

}  // namespace
}  // namespace pulse::test
