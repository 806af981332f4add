// Parameters and results: what goes in comes out, by a real server.
#include <cmath>
#include <limits>

#include "pg_fixture.hpp"
#include "platform/clock.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/conninfo.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::test {

struct Reading {
  std::string name;
  std::int64_t count = 7;
  double value = 0;
  bool on = false;
  Time at;
  std::optional<std::string> note = "unset";
  std::vector<std::string> tags;
  boost::json::value data;
};
BOOST_DESCRIBE_STRUCT(Reading, (), (name, count, value, on, at, note, tags, data))

namespace {

using pg::Params;

class PgTypes : public PgTest {
 public:
  pg::Pool pool{io.get_executor(), options()};
  pg::Result query(std::string sql, Params params = {}) {
    return await(pool.query({}, std::move(sql), std::move(params)));
  }
};

TEST_F(PgTypes, text_keeps_every_character) {
  const std::string text = "quote ' \" back\\slash \n\t {brace} $1 \u00e9\u4e2d\U0001f600 NULL";
  const auto r = query("SELECT $1::text, length($2::text)", Params::of(text, ""));
  EXPECT_EQ(r.text(0, 0), text);
  EXPECT_EQ(r.int64(0, 1), 0);
  EXPECT_FALSE(r.null(0, 1));
}

TEST_F(PgTypes, a_zero_byte_is_refused_and_not_cut_off) {
  const std::string text("a\0b", 3);
  try {
    query("SELECT $1::text", Params::of(text));
    FAIL() << "a zero byte passed";
  } catch (const pg::Error& e) {
    EXPECT_TRUE(e.data_fault()) << e.sqlstate;
  }
  EXPECT_EQ(query("SELECT 1").int64(0, 0), 1);
}

TEST_F(PgTypes, numbers_keep_their_bits) {
  const auto low = std::numeric_limits<std::int64_t>::min();
  const auto high = std::numeric_limits<std::int64_t>::max();
  auto r = query("SELECT $1::bigint, $2::bigint, $3::bool, $4::bool",
                 Params::of(low, high, true, false));
  EXPECT_EQ(r.int64(0, 0), low);
  EXPECT_EQ(r.int64(0, 1), high);
  EXPECT_TRUE(r.boolean(0, 2));
  EXPECT_FALSE(r.boolean(0, 3));
  for (const double v : {0.1, -0.0, 1e308, 5e-324, 3.141592653589793, 1.0 / 3}) {
    r = query("SELECT $1::float8", Params::of(v));
    EXPECT_EQ(r.float8(0, 0), v);
    EXPECT_EQ(std::signbit(r.float8(0, 0)), std::signbit(v));
  }
  r = query("SELECT $1::float8, $2::float8, $3::float8",
            Params::of(std::nan(""), HUGE_VAL, -HUGE_VAL));
  EXPECT_TRUE(std::isnan(r.float8(0, 0)));
  EXPECT_EQ(r.float8(0, 1), HUGE_VAL);
  EXPECT_EQ(r.float8(0, 2), -HUGE_VAL);
}

TEST_F(PgTypes, instants_keep_their_microseconds_in_any_session_zone) {
  const Time at = from_us(1'795'514'096'123'456);
  const auto r = query(
      "SELECT $1::timestamptz AS at, extract(epoch FROM $1::timestamptz) * 1000000 AS us, "
      "'1970-01-01 00:00:00+00'::timestamptz AS zero, current_setting('TimeZone') AS zone",
      Params::of(at.at));
  EXPECT_EQ(pg::parse_timestamptz(r.text(0, 0)), at.at);
  EXPECT_EQ(static_cast<std::int64_t>(r.float8(0, 1)), to_us(at));
  EXPECT_EQ(to_us(Time{pg::parse_timestamptz(r.text(0, 2))}), 0);
  EXPECT_EQ(r.text(0, 3), "UTC");
  EXPECT_EQ(r.type_oid(0), 1184u);
  EXPECT_EQ(to_us(Time{pg::parse_timestamptz("2026-11-24 13:11:12.5+03")}),
            to_us(Time{pg::parse_timestamptz("2026-11-24 10:11:12.5+00")}));
  EXPECT_THROW(pg::parse_timestamptz("yesterday"), pg::Error);
}

TEST_F(PgTypes, instants_beyond_2262_and_before_1970_come_back) {
  for (const std::int64_t us : {253'402'300'799'000'000, -4'852'116'233'000'000, -1L}) {
    const auto r = query("SELECT $1::timestamptz", Params::of(from_us(us).at));
    EXPECT_EQ(to_us(Time{pg::parse_timestamptz(r.text(0, 0))}), us);
  }
  const std::chrono::system_clock::time_point nanoseconds{std::chrono::nanoseconds{-1}};
  EXPECT_EQ(Params::of(nanoseconds).values()[0], "1969-12-31T23:59:59.999999+00:00");
}

TEST_F(PgTypes, what_is_beyond_the_servers_bounds_is_the_datas_fault) {
  try {
    query("CREATE TABLE bounded (t text)");
    query("CREATE INDEX ON bounded (t)");
    query("INSERT INTO bounded SELECT string_agg(md5(i::text), '') FROM generate_series(1, 500) i");
    FAIL() << "an index row of 16 kB was taken";
  } catch (const pg::Error& e) {
    EXPECT_EQ(e.sqlstate, "54000");
    EXPECT_TRUE(e.data_fault());
    EXPECT_FALSE(e.unavailable());
  }
}

TEST_F(PgTypes, arrays_go_both_ways) {
  const std::vector<std::string> words{"plain", "",    "with,comma", "quo\"te", "back\\slash",
                                       "NULL",  "{x}", "sp ace",     "\u00e9"};
  auto r = query("SELECT $1::text[], cardinality($1::text[])", Params::of(words));
  EXPECT_EQ(pg::parse_text_array(r.text(0, 0)), words);
  EXPECT_EQ(r.int64(0, 1), static_cast<std::int64_t>(words.size()));
  r = query("SELECT $1::text[]", Params::of(std::vector<std::string>{}));
  EXPECT_TRUE(pg::parse_text_array(r.text(0, 0)).empty());
  r = query("SELECT sum(n)::bigint FROM unnest($1::bigint[]) AS n",
            Params::of(std::vector<std::int64_t>{1, -2, 9'000'000'000}));
  EXPECT_EQ(r.int64(0, 0), 8'999'999'999);
  r = query("SELECT max(n) FROM unnest($1::float8[]) AS n",
            Params::of(std::vector<double>{0.1, 0.25, -1e9}));
  EXPECT_EQ(r.float8(0, 0), 0.25);
}

TEST_F(PgTypes, null_is_not_empty) {
  const auto r = query(
      "SELECT $1::text IS NULL, $2::text IS NULL, $3::int, $1::text",
      Params::of(std::nullopt, std::optional<std::string>(""), std::optional<std::int64_t>(5)));
  EXPECT_TRUE(r.boolean(0, 0));
  EXPECT_FALSE(r.boolean(0, 1));
  EXPECT_EQ(r.int64(0, 2), 5);
  EXPECT_TRUE(r.null(0, 3));
  EXPECT_EQ(r.opt_text(0, 3), std::nullopt);
}

TEST_F(PgTypes, rows_become_structs_by_column_name) {
  const auto r = query(
      "SELECT 'a' AS name, 2.5::float8 AS value, true AS \"on\", $1::timestamptz AS at, "
      "NULL::text AS note, ARRAY['x', 'y z'] AS tags, '{\"k\": [1, 2.5]}'::jsonb AS data "
      "UNION ALL SELECT NULL, NULL, NULL, NULL, 'n', NULL, NULL ORDER BY name",
      Params::of(from_us(1'000'001).at));
  const auto rows = pg::rows_as<Reading>(r);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "a");
  EXPECT_EQ(rows[0].count, 7);
  EXPECT_EQ(rows[0].value, 2.5);
  EXPECT_TRUE(rows[0].on);
  EXPECT_EQ(to_us(rows[0].at), 1'000'001);
  EXPECT_EQ(rows[0].tags, (std::vector<std::string>{"x", "y z"}));
  EXPECT_EQ(rows[0].data.at("k").at(1), boost::json::value(2.5));
  EXPECT_EQ(rows[1].note, "n");
  EXPECT_EQ(rows[1].value, 0);
  EXPECT_FALSE(pg::first_as<Reading>(query("SELECT 1 AS count WHERE false")).has_value());
}

TEST_F(PgTypes, clauses_number_their_parameters) {
  pg::Clauses where(" AND ");
  EXPECT_EQ(where.where(), "");
  where.add("n > ?", 2).add("n % ? = ?", 2, 0).add("n < 100");
  const auto limit = where.parameter(3);
  const auto r = query("SELECT count(*) FROM (SELECT n FROM generate_series(1, 1000) AS n" +
                           where.where() + " LIMIT " + limit + "::int) AS x",
                       where.params());
  EXPECT_EQ(r.int64(0, 0), 3);
}

TEST(PgConninfo, values_are_quoted) {
  EXPECT_EQ(pg::conninfo_value("a b"), "'a b'");
  EXPECT_EQ(pg::conninfo_value(R"(it's \)"), R"('it\'s \\')");
  EXPECT_EQ(pg::conninfo_value(""), "''");
}

TEST_F(PgTypes, affected_counts_rows) {
  query("CREATE TABLE touched (n int)");
  EXPECT_EQ(query("INSERT INTO touched SELECT generate_series(1, 5)").affected(), 5);
  EXPECT_EQ(query("UPDATE touched SET n = 0 WHERE n > 3").affected(), 2);
  EXPECT_EQ(query("DELETE FROM touched WHERE n = 9").affected(), 0);
}

}  // namespace
}  // namespace pulse::test
