#pragma once
// Inside of platform/pg only: one libpq connection on an io_context, in pipeline mode.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/pg/pool.hpp"

struct pg_conn;
struct pg_result;

namespace pulse::pg {

class Connection {
 public:
  Connection(boost::asio::any_io_executor executor, const PoolOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;

  /// Connects within connect_timeout_ms, or throws Error with class 08.
  Task<> connect();
  /// Sends all statements in one go and awaits all results: one round trip. Throws the first error;
  /// the connection is usable again afterwards unless `broken`. The statements must outlive the
  /// call.
  Task<std::vector<Result>> run(const std::vector<Statement>& statements);
  /// The same for callers without a pool's watch: cut after `limit_ms`.
  Task<std::vector<Result>> run_within(long limit_ms, const std::vector<Statement>& statements);
  /// COPY ... FROM STDIN within an open transaction.
  Task<std::int64_t> copy_in(const std::string& statement, const std::string& data);
  /// Waits until a notification comes; returns channel and payload.
  Task<std::pair<std::string, std::string>> notification();

  bool broken() const { return broken_; }
  bool busy() const { return busy_; }
  /// The server closed an idle connection, or sent what nobody asked for (the reason, mostly).
  bool gone_while_idle() const;
  /// A statement of the open transaction failed: COMMIT would roll back and call it success.
  bool transaction_failed() const;
  /// After it the connection counts as stuck (steady ms); 0: none.
  std::int64_t deadline_ms() const { return deadline_ms_; }
  /// Makes a stuck wait end with an error; callable while another coroutine waits.
  void cut();

  bool in_transaction = false;

 private:
  void send(const Statement& statement, std::size_t& expected);
  Task<> flush();
  Task<> readable();
  Task<> writable();
  /// The next result; null between the results of two statements.
  Task<pg_result*> next_result();
  void pipeline(bool on);
  [[noreturn]] void fail(const std::string& what);
  Task<std::vector<Result>> results_of(const std::vector<bool>& is_prepare);
  void expect_progress();

  boost::asio::any_io_executor executor_;
  PoolOptions options_;
  pg_conn* conn_ = nullptr;
  std::unique_ptr<boost::asio::posix::stream_descriptor> socket_;
  std::unordered_map<std::string, std::string> prepared_;  // SQL -> name
  std::vector<std::string> preparing_;
  bool pipelined_ = false;
  bool busy_ = false;
  bool broken_ = false;
  std::int64_t deadline_ms_ = 0;
};

/// BEGIN and the scope's set_config, as the statements that open a transaction.
std::vector<Statement> opening(const Scope& scope, const PoolOptions& options);

}  // namespace pulse::pg
