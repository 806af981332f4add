// Transactions of several steps, COPY and streamed reads.
#include <boost/asio/detached.hpp>

#include "pg_fixture.hpp"
#include "platform/clock.hpp"

namespace pulse::test {
namespace {

using pg::Params;

class PgTransaction : public PgTest {
 public:
  pg::Pool pool{io.get_executor(), one_connection()};
  pg::Scope login;

  pg::PoolOptions one_connection() const {
    auto o = options();
    o.max_size = 1;
    return o;
  }
  void SetUp() override {
    admin("CREATE TABLE t (n int PRIMARY KEY, s text); GRANT ALL ON t TO iot");
  }
  std::string count() { return admin("SELECT count(*) FROM t"); }
};

TEST_F(PgTransaction, commits) {
  await([](PgTransaction& f) -> Task<> {
    auto tx = co_await f.pool.begin(f.login);
    co_await tx.query("INSERT INTO t VALUES (1, 'a')");
    EXPECT_EQ(f.count(), "0");
    const auto r = co_await tx.query("SELECT s FROM t WHERE n = $1", Params::of(1));
    EXPECT_EQ(r.text(0, 0), "a");
    co_await tx.commit();
  }(*this));
  EXPECT_EQ(count(), "1");
  EXPECT_EQ(pool.stats().idle, 1);
}

TEST_F(PgTransaction, rolls_back) {
  await([](PgTransaction& f) -> Task<> {
    auto tx = co_await f.pool.begin(f.login);
    co_await tx.query("INSERT INTO t VALUES (1, 'a')");
    co_await tx.rollback();
  }(*this));
  EXPECT_EQ(count(), "0");
  EXPECT_EQ(pool.stats().idle, 1);
}

TEST_F(PgTransaction, dropped_rolls_back_before_anyone_else_gets_the_connection) {
  await([](PgTransaction& f) -> Task<> {
    {
      auto tx = co_await f.pool.begin(f.login);
      co_await tx.query("INSERT INTO t VALUES (1, 'a')");
    }
    const auto r = co_await f.pool.query(f.login, "SELECT count(*) FROM t");
    EXPECT_EQ(r.int64(0, 0), 0);
  }(*this));
  EXPECT_EQ(pool.stats().size, 1);
  EXPECT_EQ(count(), "0");
}

TEST_F(PgTransaction, a_failed_one_does_not_pretend_to_commit) {
  await([](PgTransaction& f) -> Task<> {
    auto tx = co_await f.pool.begin(f.login);
    co_await tx.query("INSERT INTO t VALUES (1, 'a')");
    std::string state;
    try {
      co_await tx.query("INSERT INTO t VALUES (1, 'again')");
    } catch (const pg::Error& e) {
      state = e.sqlstate;
    }
    EXPECT_EQ(state, "23505");
    bool committed = true;
    try {
      co_await tx.commit();
    } catch (const pg::Error&) {
      committed = false;
    }
    EXPECT_FALSE(committed);
  }(*this));
  EXPECT_EQ(count(), "0");
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
  EXPECT_EQ(pool.stats().size, 1);
}

TEST_F(PgTransaction, a_batch_inside_is_in_order) {
  await([](PgTransaction& f) -> Task<> {
    auto tx = co_await f.pool.begin(f.login);
    std::vector<pg::Statement> steps;
    steps.emplace_back("INSERT INTO t VALUES (1, 'x') RETURNING n", Params{});
    steps.emplace_back("SELECT s FROM t", Params{});
    steps.emplace_back("UPDATE t SET s = $1", Params::of("y"));
    const auto results = co_await tx.batch(std::move(steps));
    EXPECT_EQ(results.size(), 3u);
    EXPECT_EQ(results[0].int64(0, 0), 1);
    EXPECT_EQ(results[1].text(0, 0), "x");
    EXPECT_EQ(results[2].affected(), 1);
    co_await tx.commit();
  }(*this));
  EXPECT_EQ(admin("SELECT s FROM t"), "y");
}

TEST_F(PgTransaction, copies_many_rows_between_statements) {
  std::string rows;
  for (int i = 0; i < 200'000; ++i)
    rows += std::to_string(i) + "\tvalue " + std::to_string(i) + "\n";
  await([](PgTransaction& f, std::string data) -> Task<> {
    auto tx = co_await f.pool.begin(f.login);
    co_await tx.query("SELECT 1");
    const auto n = co_await tx.copy_in("COPY t (n, s) FROM STDIN", std::move(data));
    EXPECT_EQ(n, 200'000);
    const auto r = co_await tx.query("SELECT count(*), max(n) FROM t");
    EXPECT_EQ(r.int64(0, 0), 200'000);
    EXPECT_EQ(f.count(), "0");
    const auto none = co_await tx.copy_in("COPY t (n, s) FROM STDIN", "");
    EXPECT_EQ(none, 0);
    co_await tx.commit();
  }(*this, std::move(rows)));
  EXPECT_EQ(count(), "200000");
}

Task<std::string> copy_fails(pg::Pool& pool, std::string statement, std::string data) {
  const pg::Scope login;
  auto tx = co_await pool.begin(login);
  try {
    co_await tx.copy_in(std::move(statement), std::move(data));
  } catch (const pg::Error& e) {
    co_return e.sqlstate;
  }
  co_return "none";
}

TEST_F(PgTransaction, a_faulty_copy_says_why_and_leaves_the_connection_usable) {
  EXPECT_EQ(await(copy_fails(pool, "COPY t (n, s) FROM STDIN", "1\ta\nx\tb\n")), "22P02");
  EXPECT_EQ(await(copy_fails(pool, "COPY t (n, s) FROM STDIN", "1\ta\n1\tb\n")), "23505");
  EXPECT_EQ(await(copy_fails(pool, "COPY nothing (n) FROM STDIN", "1\n")), "42P01");
  EXPECT_EQ(await(copy_fails(pool, "COPY t (n, s) FROM STDIN", std::string("1\ta\0b\n", 6))),
            "22021");
  EXPECT_EQ(await(copy_fails(pool, "COPY t (n, s) FROM STDIN", "1\t\xff\xfe\n")), "22021");
  EXPECT_EQ(await(pool.query(login, "SELECT count(*) FROM t")).int64(0, 0), 0);
  EXPECT_EQ(pool.stats().size, 1);
  // What is not a COPY ... FROM STDIN breaks no more than its own connection.
  EXPECT_NE(await(copy_fails(pool, "COPY t TO STDOUT", "1\n")), "none");
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
  EXPECT_EQ(count(), "0");
}

TEST_F(PgTransaction, an_error_early_in_a_large_copy_ends_it) {
  std::string rows = "bad\trow\n";
  for (int i = 0; i < 300'000; ++i) rows += std::to_string(i) + "\tsome text that takes room\n";
  EXPECT_EQ(await(copy_fails(pool, "COPY t (n, s) FROM STDIN", rows)), "22P02");
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
}

TEST_F(PgTransaction, streams_in_chunks_to_a_slow_consumer) {
  std::int64_t seen = 0, sum = 0;
  int chunks = 0;
  await(pool.stream(login, "SELECT n FROM generate_series(1, $1::int) AS n", Params::of(2'500),
                    [&](const pg::Result& r) -> Task<bool> {
                      ++chunks;
                      seen += r.rows();
                      for (int i = 0; i < r.rows(); ++i) sum += r.int64(i, 0);
                      co_await sleep_ms(10);
                      co_return true;
                    }));
  EXPECT_EQ(seen, 2'500);
  EXPECT_EQ(sum, 2'500 * 2'501 / 2);
  EXPECT_EQ(chunks, 3);
  // Another shape of rows on the same connection.
  std::string text;
  await(pool.stream(login, "SELECT 'a' AS x, 'b' AS y", {}, [&](const pg::Result& r) -> Task<bool> {
    text = std::string(r.text(0, 0)) + std::string(r.text(0, 1)) + std::string(r.column_name(1));
    co_return true;
  }));
  EXPECT_EQ(text, "aby");
  EXPECT_EQ(pool.stats().size, 1);
}

TEST_F(PgTransaction, a_stream_ends_when_its_consumer_says_so_or_fails) {
  std::int64_t seen = 0;
  await(pool.stream(login, "SELECT generate_series(1, 1000000)", {},
                    [&](const pg::Result& r) -> Task<bool> {
                      seen += r.rows();
                      co_return false;
                    }));
  EXPECT_EQ(seen, 1000);
  EXPECT_THROW(await(pool.stream(login, "SELECT generate_series(1, 1000000)", {},
                                 [&](const pg::Result&) -> Task<bool> {
                                   throw std::runtime_error("the reader is gone");
                                   co_return true;
                                 })),
               std::runtime_error);
  EXPECT_THROW(await(pool.stream(login, "SELECT 1 / 0", {},
                                 [](const pg::Result&) -> Task<bool> { co_return true; })),
               pg::Error);
  EXPECT_EQ(await(pool.query(login, "SELECT 1")).int64(0, 0), 1);
  EXPECT_EQ(pool.stats().size, 1);
}

TEST_F(PgTransaction, the_scope_holds_for_every_step) {
  await([](PgTransaction& f) -> Task<> {
    const auto scope = tenant("z");
    auto tx = co_await f.pool.begin(scope);
    for (int i = 0; i < 3; ++i) {
      const auto r = co_await tx.query("SELECT current_user, current_setting('app.tenant_id')");
      EXPECT_EQ(r.text(0, 0), "pulse_app");
      EXPECT_EQ(r.text(0, 1), "z");
    }
    co_await tx.commit();
  }(*this));
  EXPECT_THROW(await(pool.begin(pg::Scope("nobody_at_all", {}))), pg::Error);
  EXPECT_EQ(await(pool.query(login, "SELECT current_user")).text(0, 0), "iot");
}

}  // namespace
}  // namespace pulse::test
