// Migrations: in order, once, guarded against change, safe when several start at once.
#include <fstream>
#include <future>

#include "pg_fixture.hpp"

namespace pulse::test {
namespace {

using Names = std::vector<std::string>;

class PgMigrate : public ::testing::Test {
 public:
  PostgresServer& server = PostgresServer::instance();
  std::string conninfo = server.empty_database("migrate");
  ScratchDirectory directory{"pulse-migrations"};

  void file(const std::string& name, const std::string& text) {
    std::ofstream(directory.path() + "/" + name) << text;
  }
  Names run() { return pg::migrate(conninfo, directory.path()); }
  std::string error() {
    try {
      run();
    } catch (const pg::Error& e) {
      return e.what();
    }
    return "";
  }
};

TEST_F(PgMigrate, applies_what_is_new_in_order) {
  file("0002_second.sql", "INSERT INTO a VALUES (2); CREATE TABLE b (n int);");
  file("0001_first.sql", "CREATE TABLE a (n int);");
  file("roles.sql", "no such statement");
  file("README.md", "no migration");
  EXPECT_EQ(pg::pending_migrations(conninfo, directory.path()),
            (Names{"0001_first.sql", "0002_second.sql"}));
  EXPECT_EQ(run(), (Names{"0001_first.sql", "0002_second.sql"}));
  EXPECT_EQ(run(), Names{});
  file("0003_third.sql", "INSERT INTO b VALUES (1)");
  EXPECT_EQ(pg::pending_migrations(conninfo, directory.path()), Names{"0003_third.sql"});
  EXPECT_EQ(run(), Names{"0003_third.sql"});
  EXPECT_EQ(sql(conninfo, "SELECT count(*) FROM b"), "1");
  EXPECT_TRUE(pg::pending_migrations(conninfo, directory.path()).empty());
}

TEST_F(PgMigrate, a_changed_file_is_an_error_that_names_it) {
  file("0001_first.sql", "CREATE TABLE a (n int);");
  run();
  file("0001_first.sql", "CREATE TABLE a (n int, m int);");
  file("0002_second.sql", "CREATE TABLE b (n int);");
  EXPECT_NE(error().find("0001_first.sql"), std::string::npos);
  EXPECT_EQ(sql(conninfo, "SELECT to_regclass('b') IS NULL"), "t");
}

TEST_F(PgMigrate, a_missing_file_is_an_error_that_names_it) {
  file("0001_first.sql", "SELECT 1");
  file("0002_second.sql", "SELECT 1");
  run();
  std::filesystem::remove(directory.path() + "/0001_first.sql");
  EXPECT_NE(error().find("0001_first.sql"), std::string::npos);
}

TEST_F(PgMigrate, a_failing_one_leaves_nothing_and_names_its_file) {
  file("0001_first.sql", "CREATE TABLE a (n int);");
  file("0002_second.sql", "CREATE TABLE b (n int); INSERT INTO b VALUES ('x');");
  EXPECT_NE(error().find("0002_second.sql"), std::string::npos);
  EXPECT_EQ(sql(conninfo, "SELECT to_regclass('a') IS NOT NULL AND to_regclass('b') IS NULL"), "t");
  EXPECT_EQ(sql(conninfo, "SELECT string_agg(name, ',') FROM schema_migrations"), "0001_first.sql");
  file("0002_second.sql", "CREATE TABLE b (n int);");
  EXPECT_EQ(run(), Names{"0002_second.sql"});
}

TEST_F(PgMigrate, no_directory_and_no_server_are_errors) {
  EXPECT_NE(error().find("no migrations"), std::string::npos);
  EXPECT_THROW(pg::migrate(conninfo, directory.path() + "/none"), pg::Error);
  EXPECT_THROW(pg::migrate("host=127.0.0.1 port=1 dbname=x", directory.path()), pg::Error);
}

TEST_F(PgMigrate, several_at_once_apply_each_once) {
  for (int i = 1; i <= 9; ++i)
    file("000" + std::to_string(i) + "_step.sql",
         "CREATE TABLE t" + std::to_string(i) + " (n int); SELECT pg_sleep(0.01);");
  std::vector<std::future<Names>> runs;
  for (int i = 0; i < 6; ++i)
    runs.push_back(std::async(std::launch::async, [this] { return run(); }));
  std::size_t applied = 0;
  for (auto& r : runs) applied += r.get().size();
  EXPECT_EQ(applied, 9u);
}

TEST_F(PgMigrate, the_schema_of_pulse_is_applied_once) {
  const auto names = pg::migrate(conninfo, PostgresServer::migrations());
  EXPECT_GE(names.size(), 4u);
  EXPECT_TRUE(pg::migrate(conninfo, PostgresServer::migrations()).empty());
}

}  // namespace
}  // namespace pulse::test
