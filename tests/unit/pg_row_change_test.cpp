// Updates of one row that tell what they changed.
#include <boost/asio/detached.hpp>

#include "pg_fixture.hpp"
#include "platform/pg/row_change.hpp"

namespace pulse::test {
namespace {

using boost::json::object;
using pg::RowChange;

class PgRowChange : public PgTest {
 public:
  pg::Pool pool{io.get_executor(), options()};
  pg::Scope login;

  void SetUp() override {
    admin(
        "CREATE TABLE t (n int PRIMARY KEY, s text, secret text DEFAULT 'hidden', at timestamptz);"
        "INSERT INTO t (n, s) VALUES (1, 'a'), (2, 'b'); GRANT ALL ON t TO iot");
  }
};

TEST_F(PgRowChange, tells_the_members_that_differ) {
  await([](PgRowChange& f) -> Task<> {
    RowChange change;
    change.set("s", "x").set("n", 1, "?::integer").also("secret = 'other'");
    const auto statement = change.in("t", "n = ? AND s <> ?", 1, "z");
    const auto rows = co_await f.pool.query(f.login, statement.first, statement.second);
    EXPECT_EQ(rows.rows(), 1);
    const object expected{{"before", {{"s", "a"}}}, {"after", {{"s", "x"}}}};
    EXPECT_EQ(RowChange::told(rows), expected);
  }(*this));
  EXPECT_EQ(admin("SELECT string_agg(s || secret, ' ' ORDER BY n) FROM t"), "xother bhidden");
}

TEST_F(PgRowChange, an_expression_makes_the_value) {
  await([](PgRowChange& f) -> Task<> {
    RowChange change;
    change.set("s", "", "nullif(?, '')");
    const auto statement = change.in("t", "n = ?", 2);
    const auto rows = co_await f.pool.query(f.login, statement.first, statement.second);
    const object expected{{"before", {{"s", "b"}}}, {"after", {{"s", nullptr}}}};
    EXPECT_EQ(RowChange::told(rows), expected);
  }(*this));
}

TEST_F(PgRowChange, no_row_comes_back_when_there_is_none) {
  await([](PgRowChange& f) -> Task<> {
    RowChange change;
    change.set("s", "x");
    const auto statement = change.in("t", "n = ?", 9);
    const auto rows = co_await f.pool.query(f.login, statement.first, statement.second);
    EXPECT_TRUE(rows.empty());
  }(*this));
  EXPECT_EQ(admin("SELECT count(*) FROM t WHERE s = 'x'"), "0");
}

TEST_F(PgRowChange, what_changed_meanwhile_is_what_was) {
  await([](PgRowChange& f) -> Task<> {
    auto other = co_await f.pool.begin(f.login);
    co_await other.query("UPDATE t SET s = 'meanwhile' WHERE n = 1");
    RowChange change;
    change.set("s", "x");
    const auto statement = change.in("t", "n = ?", 1);
    object told;
    bool done = false;
    boost::asio::co_spawn(
        f.io,
        [](PgRowChange& f, pg::Statement statement, object& told, bool& done) -> Task<> {
          const auto rows = co_await f.pool.query(f.login, statement.first, statement.second);
          told = RowChange::told(rows);
          done = true;
        }(f, statement, told, done),
        boost::asio::detached);
    while (f.admin("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0") co_await sleep_ms(5);
    co_await other.commit();
    while (!done) co_await sleep_ms(5);
    const object expected{{"before", {{"s", "meanwhile"}}}, {"after", {{"s", "x"}}}};
    EXPECT_EQ(told, expected);
  }(*this));
}

TEST(JsonChanges, tell_what_differs) {
  const object was{{"a", 1}, {"b", "x"}, {"gone", true}}, is{{"a", 1}, {"b", "y"}, {"c", nullptr}};
  const object expected{{"before", {{"b", "x"}}}, {"after", {{"b", "y"}}}};
  EXPECT_EQ(json::changes_between(was, is), expected);
}

TEST(JsonChanges, a_long_text_is_told_by_its_length) {
  const std::string picture(5'000, 'x');
  auto changes = json::changes_between({{"logo", nullptr}}, {{"logo", picture}});
  EXPECT_EQ(changes["after"].as_object()["logo"], "(5000 bytes)");
  json::add_change(changes, "tags", boost::json::array{"a"}, boost::json::array{"a"});
  EXPECT_FALSE(changes["after"].as_object().contains("tags"));
  json::add_change(changes, "tags", boost::json::array{"a"}, boost::json::array{});
  EXPECT_EQ(changes["before"].as_object()["tags"], boost::json::array{"a"});
}

}  // namespace
}  // namespace pulse::test
