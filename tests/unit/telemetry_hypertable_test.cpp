// The schema where TimescaleDB is there. The extension is no Debian package, so its two functions
// stand in here with the signatures of its manual (create_hypertable, drop_chunks), and note their
// calls.
#include "pg_fixture.hpp"
#include "source_tree.hpp"

namespace pulse::test {
namespace {

constexpr const char* stand_in = R"sql(
  CREATE TABLE calls (id serial, what text);
  CREATE FUNCTION create_hypertable(relation regclass, time_column_name name,
    chunk_time_interval interval DEFAULT NULL, create_default_indexes boolean DEFAULT true)
    RETURNS void LANGUAGE sql AS
    $$ INSERT INTO calls (what) VALUES (format('hypertable %s %s %s %s', $1, $2, $3, $4)) $$;
  CREATE FUNCTION drop_chunks(relation regclass, older_than interval)
    RETURNS SETOF text LANGUAGE sql AS
    $$ INSERT INTO calls (what) VALUES (format('drop %s %s', $1, $2)) RETURNING 'a chunk' $$;
)sql";

class Hypertable : public ::testing::Test {
 public:
  std::string conninfo = PostgresServer::instance().empty_database("hypertable");

  std::string kind_of(const std::string& table) {
    return sql(conninfo, "SELECT relkind FROM pg_class WHERE oid = to_regclass('" + table + "')");
  }
  void migrate() { pg::migrate(conninfo, test::source_path("migrations")); }
};

TEST_F(Hypertable, telemetry_is_one_where_the_extension_is_there) {
  sql(conninfo, stand_in);
  migrate();
  EXPECT_EQ(kind_of("telemetry"), "r");
  EXPECT_EQ(sql(conninfo, "SELECT what FROM calls ORDER BY id LIMIT 1"),
            "hypertable telemetry time 1 day f");
  EXPECT_EQ(sql(conninfo, "SELECT to_regclass('telemetry_history') IS NULL"), "t");
  EXPECT_EQ(kind_of("telemetry_rollup_1m"), "p");
  EXPECT_EQ(sql(conninfo,
                "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class "
                "WHERE oid = 'telemetry'::regclass"),
            "t");
  sql(conninfo, "SELECT pulse_make_telemetry_partitions(current_date, current_date + 10)");
  EXPECT_EQ(
      sql(conninfo, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry'::regclass"),
      "0");
  EXPECT_EQ(sql(conninfo, "SELECT string_agg(t, ',') FROM pulse_drop_old_partitions(90) t"),
            "a chunk");
  EXPECT_EQ(sql(conninfo, "SELECT what FROM calls ORDER BY id DESC LIMIT 1"),
            "drop telemetry 90 days");
}

TEST_F(Hypertable, telemetry_is_partitioned_by_day_where_it_is_not) {
  migrate();
  EXPECT_EQ(kind_of("telemetry"), "p");
  EXPECT_EQ(kind_of("telemetry_history"), "r");
  EXPECT_EQ(sql(conninfo,
                "SELECT count(*) > 40 FROM pg_inherits WHERE inhparent = 'telemetry'::regclass"),
            "t");
  sql(conninfo, "SELECT pulse_make_partition('telemetry', current_date - 40, '')");
  EXPECT_EQ(sql(conninfo, "SELECT count(*) FROM pulse_drop_old_partitions(90)"), "0");
}

}  // namespace
}  // namespace pulse::test
