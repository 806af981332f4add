// What happens when the server, or a connection to it, fails.
#include <boost/asio/detached.hpp>

#include "pg_fixture.hpp"
#include "platform/clock.hpp"

namespace pulse::test {
namespace {

using pg::Params;

class PgOutage : public PgTest {
 public:
  pg::Scope login;
  /// Whatever a test did to the server, the next one finds it running.
  void TearDown() override {
    if (server.running())
      server.process().signal(SIGCONT);
    else
      server.stop_immediate();
    server.start();
  }
};

struct Outcome {
  bool done = false;
  std::string state, what;
};

Task<> note(Task<pg::Result> task, Outcome& out) {
  try {
    co_await std::move(task);
    out.state = "ok";
  } catch (const pg::Error& e) {
    out.state = e.sqlstate;
    out.what = e.what();
  } catch (const std::exception& e) {
    out.state = "not a pg::Error";
    out.what = e.what();
  }
  out.done = true;
}

TEST_F(PgOutage, a_restart_is_survived_without_an_error_when_idle) {
  auto o = options();
  o.min_size = 3;
  pg::Pool pool(io.get_executor(), o);
  await(pool.warm());
  EXPECT_EQ(pool.stats().idle, 3);
  server.stop_immediate();
  server.start();
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
  EXPECT_EQ(pool.stats().size, 1);
}

TEST_F(PgOutage, a_stopped_server_is_an_error_at_once_and_a_started_one_serves) {
  pg::Pool pool(io.get_executor(), options());
  await(pool.query(login, "SELECT 1"));
  server.stop_immediate();
  const auto start = steady_ms();
  for (int i = 0; i < 20; ++i) {
    Outcome out;
    await(note(pool.query(login, "SELECT 1"), out));
    EXPECT_TRUE(out.state.starts_with("08")) << out.state << " " << out.what;
  }
  EXPECT_LT(steady_ms() - start, 5'000);
  EXPECT_EQ(pool.stats().size, 0);
  server.start();
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
}

TEST_F(PgOutage, a_backend_killed_in_the_middle_of_a_statement_is_an_error_of_that_statement) {
  auto o = options();
  o.application_name = "victim";
  pg::Pool pool(io.get_executor(), o);
  Outcome out;
  boost::asio::co_spawn(io, note(pool.query(login, "SELECT pg_sleep(60)"), out),
                        boost::asio::detached);
  await(eventually([&] {
    return admin(
               "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'victim' "
               "AND wait_event = 'PgSleep'") == "1";
  }));
  admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'");
  ASSERT_TRUE(await(eventually([&] { return out.done; })));
  EXPECT_EQ(out.state, "57P01") << out.what;
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
  EXPECT_EQ(pool.stats().size, 1);
}

TEST_F(PgOutage, idle_backends_killed_are_replaced_unnoticed) {
  auto o = options();
  o.application_name = "victim";
  o.min_size = 4;
  pg::Pool pool(io.get_executor(), o);
  await(pool.warm());
  admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'");
  ASSERT_TRUE(await(eventually([&] {
    return admin("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'victim'") == "0";
  })));
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
}

TEST_F(PgOutage, a_transaction_that_lost_its_backend_fails_and_is_not_committed) {
  admin("CREATE TABLE kept (n int); GRANT ALL ON kept TO iot");
  auto o = options();
  o.application_name = "victim";
  pg::Pool pool(io.get_executor(), o);
  await([](PgOutage& f, pg::Pool& p) -> Task<> {
    auto tx = co_await p.begin(f.login);
    co_await tx.query("INSERT INTO kept VALUES (1)");
    f.admin(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'victim'");
    bool failed = false;
    try {
      co_await tx.commit();
    } catch (const pg::Error& e) {
      failed = e.unavailable();
    }
    EXPECT_TRUE(failed);
  }(*this, pool));
  EXPECT_EQ(admin("SELECT count(*) FROM kept"), "0");
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
  EXPECT_EQ(pool.stats().size, 1);
}

TEST_F(PgOutage, a_copy_ends_when_the_server_dies) {
  admin("CREATE TABLE big (n int, s text); GRANT ALL ON big TO iot");
  std::string rows;
  for (int i = 0; i < 400'000; ++i) rows += std::to_string(i) + "\tsome text that takes room\n";
  pg::Pool pool(io.get_executor(), options());
  await([](PgOutage& f, pg::Pool& p, std::string data) -> Task<> {
    auto tx = co_await p.begin(f.login);
    boost::asio::co_spawn(
        f.io,
        [](PgOutage& g) -> Task<> {
          co_await sleep_ms(30);
          g.server.stop_immediate();
        }(f),
        boost::asio::detached);
    std::string state = "none";
    try {
      co_await tx.copy_in("COPY big (n, s) FROM STDIN", std::move(data));
      co_await sleep_ms(500);
      co_await tx.commit();
    } catch (const pg::Error& e) {
      state = e.unavailable() ? "unavailable" : e.sqlstate;
    }
    EXPECT_EQ(state, "unavailable");
  }(*this, pool, std::move(rows)));
  server.start();
  EXPECT_EQ(await(pool.query(login, "SELECT count(*) FROM big")).int64(0, 0), 0);
}

TEST_F(PgOutage, many_statements_at_once_all_end_when_the_server_dies) {
  pg::Pool pool(io.get_executor(), options());
  std::vector<Outcome> outcomes(50);
  for (auto& out : outcomes)
    boost::asio::co_spawn(io, note(pool.query(login, "SELECT pg_sleep(30)"), out),
                          boost::asio::detached);
  await(sleep_ms(300));
  EXPECT_EQ(pool.stats().size, 10);
  EXPECT_EQ(pool.stats().waiting, 40);
  server.stop_immediate();
  ASSERT_TRUE(await(eventually([&] {
    return std::all_of(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.done; });
  })));
  for (const auto& out : outcomes)
    EXPECT_TRUE(out.state.starts_with("08") || out.state.starts_with("57"))
        << out.state << out.what;
  EXPECT_EQ(pool.stats().size, 0);
  EXPECT_EQ(pool.stats().waiting, 0);
  server.start();
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
}

TEST_F(PgOutage, connecting_to_what_never_answers_ends_in_time) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  auto o = options();
  o.conninfo += " port=" + std::to_string(ntohs(address.sin_port));
  o.connect_timeout_ms = 200;
  pg::Pool pool(io.get_executor(), o);
  const auto start = steady_ms();
  Outcome out;
  await(note(pool.query(login, "SELECT 1"), out));
  ::close(listener);
  EXPECT_TRUE(out.state.starts_with("08")) << out.state << out.what;
  EXPECT_LT(steady_ms() - start, 3'000);
}

TEST_F(PgOutage, a_server_that_stands_still_holds_nobody_for_ever) {
  auto o = options();
  o.application_name = "frozen";
  o.statement_timeout_ms = 100;
  pg::Pool pool(io.get_executor(), o);
  const auto pid = await(pool.query(login, "SELECT pg_backend_pid()")).int64(0, 0);
  ::kill(static_cast<pid_t>(pid), SIGSTOP);
  Outcome out;
  await(note(pool.query(login, "SELECT 1"), out));
  ::kill(static_cast<pid_t>(pid), SIGCONT);
  EXPECT_TRUE(out.state.starts_with("08")) << out.state << out.what;
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
}

TEST_F(PgOutage, a_pool_may_go_while_statements_run_and_wait) {
  auto o = options();
  o.max_size = 2;
  Outcome out;
  {
    boost::asio::io_context own{1};
    auto pool = std::make_unique<pg::Pool>(own.get_executor(), o);
    for (int i = 0; i < 6; ++i)
      boost::asio::co_spawn(
          own,
          [](pg::Pool& p, pg::Scope s) -> Task<> {
            auto tx = co_await p.begin(s);
            co_await tx.query("SELECT pg_sleep(30)");
          }(*pool, login),
          boost::asio::detached);
    own.run_for(std::chrono::milliseconds(300));
    EXPECT_EQ(pool->stats().waiting, 4);
    pool.reset();
  }
  SUCCEED();
}

}  // namespace
}  // namespace pulse::test
