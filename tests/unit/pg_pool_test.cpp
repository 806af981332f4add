// The pool against a real server: one round trip, all or none, errors, bounds.
#include <atomic>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "pg_fixture.hpp"
#include "platform/clock.hpp"

namespace pulse::test {
namespace {

using pg::Params;

class PgPool : public PgTest {
 public:
  pg::Pool pool{io.get_executor(), options()};
  pg::Result query(std::string sql, Params params = {}) {
    return await(pool.query({}, std::move(sql), std::move(params)));
  }
  /// The error of a statement that must fail.
  pg::Error error_of(std::string sql, Params params = {}) {
    try {
      query(std::move(sql), std::move(params));
    } catch (const pg::Error& e) {
      return e;
    }
    ADD_FAILURE() << "no error";
    return {"", ""};
  }
};

TEST_F(PgPool, answers_a_query) {
  const auto r = query("SELECT $1::int + 1 AS n", Params::of(41));
  ASSERT_EQ(r.rows(), 1);
  EXPECT_EQ(r.int64(0, 0), 42);
  EXPECT_EQ(r.column("n"), 0);
  EXPECT_EQ(r.column("m"), -1);
}

/// Forwards to the server, and counts how often the direction of the talk turned: round trips.
class Tap {
 public:
  explicit Tap(int target) : target_(target) {
    thread_ = std::thread([this] {
      boost::asio::co_spawn(io_, serve(), boost::asio::detached);
      io_.run();
    });
  }
  ~Tap() {
    io_.stop();
    thread_.join();
  }
  int port() const { return acceptor_.local_endpoint().port(); }
  int turns() const { return turns_; }

 private:
  using tcp = boost::asio::ip::tcp;
  Task<> serve() {
    while (true) {
      auto client = std::make_shared<tcp::socket>(
          co_await acceptor_.async_accept(boost::asio::use_awaitable));
      auto upstream = std::make_shared<tcp::socket>(io_);
      co_await upstream->async_connect(
          {boost::asio::ip::address_v4::loopback(), static_cast<unsigned short>(target_)},
          boost::asio::use_awaitable);
      boost::asio::co_spawn(io_, copy(client, upstream, true), boost::asio::detached);
      boost::asio::co_spawn(io_, copy(upstream, client, false), boost::asio::detached);
    }
  }
  Task<> copy(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to, bool asking) {
    std::vector<char> bytes(65536);
    try {
      while (true) {
        const auto n =
            co_await from->async_read_some(boost::asio::buffer(bytes), boost::asio::use_awaitable);
        if (asking && !asking_) ++turns_;
        asking_ = asking;
        co_await boost::asio::async_write(*to, boost::asio::buffer(bytes.data(), n),
                                          boost::asio::use_awaitable);
      }
    } catch (const std::exception&) {
      boost::system::error_code ignored;
      to->shutdown(tcp::socket::shutdown_both, ignored);
    }
  }
  int target_;
  boost::asio::io_context io_{1};
  tcp::acceptor acceptor_{io_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::atomic<int> turns_{0};
  bool asking_ = false;
  std::thread thread_;
};

TEST_F(PgPool, a_scoped_batch_is_one_round_trip) {
  Tap tap(server.port());
  auto o = options();
  o.conninfo += " port=" + std::to_string(tap.port());
  pg::Pool tapped(io.get_executor(), o);
  for (int i = 0; i < 3; ++i) {
    const int before = tap.turns();
    await(tapped.query(tenant("a"), "SELECT tenant_id FROM tenants WHERE tenant_id = $1",
                       Params::of("a")));
    if (i > 0) {
      EXPECT_EQ(tap.turns() - before, 1);
    }
  }
  std::vector<pg::Statement> ten(10, {"SELECT $1::int", Params::of(1)});
  const int before = tap.turns();
  await(tapped.batch(tenant("a"), ten));
  EXPECT_EQ(tap.turns() - before, 1);
}

TEST_F(PgPool, a_batch_is_all_or_none) {
  query("CREATE TABLE things (id int PRIMARY KEY)");
  std::vector<pg::Statement> bad{{"INSERT INTO things VALUES ($1)", Params::of(1)},
                                 {"INSERT INTO things VALUES ($1)", Params::of(1)},
                                 {"INSERT INTO things VALUES ($1)", Params::of(2)}};
  EXPECT_THROW(await(pool.batch({}, bad)), pg::Error);
  EXPECT_EQ(query("SELECT count(*) FROM things").int64(0, 0), 0);
  std::vector<pg::Statement> good{{"INSERT INTO things VALUES ($1)", Params::of(1)},
                                  {"SELECT count(*) FROM things", {}},
                                  {"INSERT INTO things VALUES ($1)", Params::of(2)}};
  const auto results = await(pool.batch({}, good));
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[1].int64(0, 0), 1);
  EXPECT_EQ(query("SELECT count(*) FROM things").int64(0, 0), 2);
  EXPECT_EQ(pool.stats().size, 1);
}

TEST_F(PgPool, errors_say_what_was_violated) {
  query(
      "CREATE TABLE parent (id int CONSTRAINT parent_key PRIMARY KEY, "
      "n int CONSTRAINT n_positive CHECK (n > 0))");
  query(
      "CREATE TABLE child (p int CONSTRAINT child_parent REFERENCES parent (id) "
      "DEFERRABLE INITIALLY DEFERRED)");
  query("INSERT INTO parent VALUES (1, 1)");
  auto e = error_of("INSERT INTO parent VALUES (1, 1)");
  EXPECT_TRUE(e.unique_violation());
  EXPECT_EQ(e.constraint, "parent_key");
  EXPECT_NE(e.detail.find("(id)=(1)"), std::string::npos);
  e = error_of("INSERT INTO parent VALUES (2, -1)");
  EXPECT_TRUE(e.check_violation());
  EXPECT_EQ(e.constraint, "n_positive");
  // Found only by the COMMIT: still an error.
  e = error_of("INSERT INTO child VALUES (9)");
  EXPECT_TRUE(e.foreign_key_violation());
  EXPECT_EQ(e.constraint, "child_parent");
  EXPECT_TRUE(e.data_fault());
  e = error_of("SELECT $1::int", Params::of("x"));
  EXPECT_EQ(e.sqlstate, "22P02");
  e = error_of("SELEC");
  EXPECT_EQ(e.sqlstate, "42601");
  EXPECT_FALSE(e.data_fault());
  EXPECT_FALSE(e.unavailable());
  EXPECT_EQ(query("SELECT count(*) FROM child").int64(0, 0), 0);
}

TEST_F(PgPool, a_slow_statement_ends_at_its_timeout) {
  auto o = options();
  o.statement_timeout_ms = 150;
  pg::Pool hasty(io.get_executor(), o);
  try {
    await(hasty.query({}, "SELECT pg_sleep(30)"));
    FAIL() << "no timeout";
  } catch (const pg::Error& e) {
    EXPECT_EQ(e.sqlstate, "57014");
  }
  EXPECT_EQ(await(hasty.query({}, "SELECT 1")).int64(0, 0), 1);
}

Task<> sleep_in_sql(pg::Pool& pool, double seconds, int& done) {
  co_await pool.query({}, "SELECT pg_sleep($1)", Params::of(seconds));
  ++done;
}

TEST_F(PgPool, never_holds_more_than_its_bound) {
  auto o = options();
  o.max_size = 3;
  o.application_name = "bound_test";
  pg::Pool small(io.get_executor(), o);
  int done = 0;
  for (int i = 0; i < 20; ++i)
    boost::asio::co_spawn(io, sleep_in_sql(small, 0.02, done), boost::asio::detached);
  int most = 0;
  await(eventually([&] {
    most = std::max(most, small.stats().size);
    return done == 20;
  }));
  EXPECT_EQ(done, 20);
  EXPECT_EQ(most, 3);
  EXPECT_EQ(admin("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bound_test'"),
            "3");
  EXPECT_EQ(small.stats().waiting, 0);
  EXPECT_EQ(small.stats().idle, 3);
}

TEST_F(PgPool, waiting_for_a_connection_ends) {
  auto o = options();
  o.max_size = 1;
  o.acquire_timeout_ms = 100;
  pg::Pool small(io.get_executor(), o);
  int done = 0;
  boost::asio::co_spawn(io, sleep_in_sql(small, 0.5, done), boost::asio::detached);
  try {
    await([](pg::Pool& p) -> Task<> {
      co_await sleep_ms(1);
      co_await p.query({}, "SELECT 1");
    }(small));
    FAIL() << "got a connection";
  } catch (const pg::Error& e) {
    EXPECT_EQ(e.sqlstate, "53300");
    EXPECT_TRUE(e.unavailable());
  }
  await(eventually([&] { return done == 1; }));
  EXPECT_EQ(await(small.query({}, "SELECT 1")).int64(0, 0), 1);
}

TEST_F(PgPool, warm_opens_the_least) {
  auto o = options();
  o.min_size = 4;
  pg::Pool warm(io.get_executor(), o);
  await(warm.warm());
  EXPECT_EQ(warm.stats().idle, 4);
  warm.close();
  EXPECT_THROW(await(warm.query({}, "SELECT 1")), pg::Error);
}

TEST_F(PgPool, statements_are_prepared_once) {
  const std::string prepared =
      "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%prepared_once%'";
  for (int i = 0; i < 5; ++i) query("SELECT $1::int AS prepared_once", Params::of(i));
  EXPECT_EQ(query(prepared).int64(0, 0), 2);  // it, and the question itself
  // A failed one does not count as prepared, and spoils nothing.
  EXPECT_EQ(error_of("SELECT nothing AS prepared_once").sqlstate, "42703");
  EXPECT_EQ(error_of("SELECT nothing AS prepared_once").sqlstate, "42703");
  EXPECT_EQ(query("SELECT $1::int AS prepared_once", Params::of(7)).int64(0, 0), 7);
  EXPECT_EQ(query(prepared).int64(0, 0), 2);
  EXPECT_EQ(pool.stats().size, 1);
}

TEST_F(PgPool, dynamic_statements_do_not_fill_the_server) {
  for (int i = 0; i < 400; ++i) EXPECT_EQ(query("SELECT " + std::to_string(i)).int64(0, 0), i);
  EXPECT_LE(query("SELECT count(*) FROM pg_prepared_statements").int64(0, 0), 300);
}

TEST_F(PgPool, a_table_that_changed_under_a_prepared_statement_is_read_again) {
  query("CREATE TABLE shape (a int)");
  query("INSERT INTO shape VALUES (1)");
  EXPECT_EQ(query("SELECT * FROM shape").columns(), 1);
  admin("ALTER TABLE shape ADD COLUMN b int DEFAULT 2");
  EXPECT_EQ(query("SELECT * FROM shape").columns(), 2);
  EXPECT_EQ(pool.stats().size, 1);
}

TEST_F(PgPool, works_without_prepared_statements_and_session_settings) {
  auto o = options();
  o.prepare = false;
  o.statement_timeout_ms = 200;
  pg::Pool plain(io.get_executor(), o);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(await(plain.query(tenant("x"), "SELECT $1::int", Params::of(i))).int64(0, 0), i);
  EXPECT_EQ(await(plain.query({}, "SELECT count(*) FROM pg_prepared_statements")).int64(0, 0), 0);
  EXPECT_THROW(await(plain.query({}, "SELECT pg_sleep(20)")), pg::Error);
  EXPECT_EQ(await(plain.query({}, "SELECT current_setting('TimeZone')")).text(0, 0), "UTC");
}

TEST_F(PgPool, large_values_pass_both_ways) {
  const std::string big(3'000'000, 'x');
  const auto r = query("SELECT $1::text || 'y', length($1::text)", Params::of(big));
  EXPECT_EQ(r.text(0, 0), big + "y");
  std::vector<pg::Statement> many(2000, {"SELECT $1::text", Params::of(std::string(2000, 'z'))});
  const auto results = await(pool.batch({}, many));
  EXPECT_EQ(results.size(), 2000u);
  EXPECT_EQ(results.back().text(0, 0).size(), 2000u);
}

}  // namespace
}  // namespace pulse::test
