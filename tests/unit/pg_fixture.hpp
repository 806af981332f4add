#pragma once
// A real PostgreSQL for unit tests: one server per test process, in a scratch directory, on a free
// loopback port, with Pulse's roles and schema.
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "await.hpp"
#include "platform/pg/pool.hpp"
#include "server_process.hpp"
#include "source_tree.hpp"

namespace pulse::test {

/// What one statement on a blocking connection of its own answers: the first row's first column.
/// Several statements go as one simple query. Throws pg::Error.
inline std::string sql(const std::string& conninfo, const std::string& statement) {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> conn(PQconnectdb(conninfo.c_str()), PQfinish);
  if (PQstatus(conn.get()) != CONNECTION_OK) throw pg::Error(PQerrorMessage(conn.get()), "08006");
  PGresult* raw = PQexec(conn.get(), statement.c_str());
  const pg::Result result(raw);
  const auto status = PQresultStatus(raw);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    const char* state = PQresultErrorField(raw, PG_DIAG_SQLSTATE);
    throw pg::Error(PQresultErrorMessage(raw), state ? state : "08006");
  }
  return result.rows() > 0 ? std::string(result.text(0, 0)) : std::string();
}

class PostgresServer {
 public:
  /// The process's server; started at first use, stopped at the process's end.
  static PostgresServer& instance() {
    static PostgresServer server;
    return server;
  }

  /// Login role iot in database iotcloud, migrated. Tests that leave rows behind should ask for
  /// their own database.
  std::string conninfo(const std::string& database = "iotcloud") const {
    return "host=127.0.0.1 port=" + std::to_string(port_) + " user=iot password=" + password +
           " dbname=" + database;
  }
  /// The superuser.
  std::string admin_conninfo(const std::string& database = "iotcloud") const {
    return "host=127.0.0.1 port=" + std::to_string(port_) + " user=postgres dbname=" + database;
  }
  int port() const { return port_; }

  /// A fresh migrated database of this name's stem; returns its conninfo (role iot).
  std::string new_database(const std::string& stem = "t") { return make(stem, "pulse_template"); }
  /// A fresh database without any of Pulse's tables.
  std::string empty_database(const std::string& stem = "e") { return make(stem, "pulse_empty"); }

  /// As a crash: backends die at once, and the next start recovers from the log.
  void stop_immediate() {
    if (process_) process_->stop(SIGQUIT);
    process_.reset();
  }
  void start() {
    if (process_) return;
    process_ = std::make_unique<ServerProcess>(
        std::vector<std::string>{bin + "postgres", "-D", data_, "-p", std::to_string(port_), "-c",
                                 "listen_addresses=127.0.0.1", "-c",
                                 "unix_socket_directories=", "-c", "fsync=off", "-c",
                                 "full_page_writes=off", "-c", "max_connections=100", "-c",
                                 "shared_buffers=64MB", "-c", "log_min_messages=warning"},
        "postgres", log_, SIGQUIT);
    const auto probe = admin_conninfo("postgres");
    if (!wait_until([&] { return !process_->running() || PQping(probe.c_str()) == PQPING_OK; }) ||
        !process_->running())
      throw std::runtime_error("PostgreSQL does not start: " + file_text(log_));
  }
  bool running() { return process_ && process_->running(); }
  ServerProcess& process() { return *process_; }

  static std::string migrations() { return source_path("migrations"); }
  static constexpr const char* password = "unit-test";

  ~PostgresServer() { stop_immediate(); }

 private:
  PostgresServer()
      : scratch_("pulse-pg"),
        data_(scratch_.path() + "/data"),
        log_(scratch_.path() + "/log"),
        port_(free_port()) {
    std::filesystem::permissions(scratch_.path(), std::filesystem::perms{0777});
    ServerProcess init({bin + "initdb", "-D", data_, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                        "--no-sync", "--locale=C.UTF-8"},
                       "postgres", log_, SIGKILL);
    if (init.wait() != 0) throw std::runtime_error("initdb failed: " + file_text(log_));
    start();
    psql("postgres", "roles.sql");
    sql(admin_conninfo("postgres"), "CREATE DATABASE pulse_empty OWNER iot");
    psql("pulse_empty", "database.sql");
    sql(admin_conninfo("postgres"),
        "CREATE DATABASE pulse_template OWNER iot TEMPLATE pulse_empty");
    pg::migrate(conninfo("pulse_template"), migrations());
    sql(admin_conninfo("postgres"), "CREATE DATABASE iotcloud OWNER iot TEMPLATE pulse_template");
  }

  std::string make(const std::string& stem, const std::string& source) {
    const auto name = "test_" + stem + "_" + std::to_string(++databases_);
    sql(admin_conninfo("postgres"), "CREATE DATABASE " + name + " OWNER iot TEMPLATE " + source);
    return conninfo(name);
  }
  void psql(const std::string& database, const std::string& file) {
    ServerProcess run({bin + "psql", admin_conninfo(database), "-q", "-v", "ON_ERROR_STOP=1", "-v",
                       std::string("password=") + password, "-f", migrations() + "/" + file},
                      "", log_, SIGKILL);
    if (run.wait() != 0) throw std::runtime_error(file + " failed: " + file_text(log_));
  }

  inline static const std::string bin = "/usr/lib/postgresql/15/bin/";
  ScratchDirectory scratch_;
  std::string data_, log_;
  int port_;
  int databases_ = 0;
  std::unique_ptr<ServerProcess> process_;
};

/// A test with a migrated database of its own and an io_context to run coroutines on.
class PgTest : public ::testing::Test {
 public:
  PostgresServer& server = PostgresServer::instance();
  boost::asio::io_context io{1};
  std::string conninfo = server.new_database();

  template <class T>
  T await(Task<T> task) {
    return test::await(io, std::move(task));
  }
  pg::PoolOptions options() const {
    pg::PoolOptions o;
    o.conninfo = conninfo;
    return o;
  }
  /// The superuser, in this test's database.
  std::string admin(const std::string& statement) {
    const auto name = conninfo.substr(conninfo.rfind('=') + 1);
    return sql(server.admin_conninfo(name), statement);
  }
  static pg::Scope tenant(std::string id) {
    return {"pulse_app", {{"app.tenant_id", std::move(id)}}};
  }
};

}  // namespace pulse::test
