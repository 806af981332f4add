#pragma once
// PostgreSQL connections of one loop: pool, scopes, transactions, COPY, LISTEN, advisory locks.
// Every statement belongs to a scope: role and settings that hold for one transaction.
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "platform/pg/types.hpp"
#include "platform/task.hpp"

namespace pulse::pg {

struct PoolOptions {
  std::string conninfo;  ///< libpq connection string or URI
  int min_size = 2;      ///< opened by `warm`
  int max_size = 10;
  long acquire_timeout_ms = 5'000;     ///< then Error 53300
  long statement_timeout_ms = 30'000;  ///< set on each connection
  long connect_timeout_ms = 5'000;
  /// Named prepared statements and session settings. Off behind PgBouncer in transaction mode.
  bool prepare = true;
  std::string application_name = "pulse";
};

/// Role and settings of a transaction: `SET LOCAL ROLE role` and set_config(name, value, true).
struct Scope {
  std::string role;  ///< empty: the login role
  std::vector<std::pair<std::string, std::string>> settings;
  // Not an aggregate: GCC 12 destroys a braced temporary of one twice inside a co_await expression.
  Scope() = default;
  Scope(std::string role_, std::vector<std::pair<std::string, std::string>> settings_)
      : role(std::move(role_)), settings(std::move(settings_)) {}
};

class Connection;  // connection.hpp

/// SQL and its parameters.
using Statement = std::pair<std::string, Params>;

/// A transaction that is open on one connection. Ends with `commit`; dropped without it, the
/// connection rolls back before anyone else gets it.
class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  ~Transaction();
  /// One statement with parameters. Throws Error; the transaction is then failed.
  Task<Result> query(std::string sql, Params params = {});
  /// Several statements in one round trip; results in order; throws the first error.
  Task<std::vector<Result>> batch(std::vector<std::pair<std::string, Params>> statements);
  /// COPY ... FROM STDIN (text format). `data` is complete rows. Returns the number of rows copied.
  Task<std::int64_t> copy_in(std::string copy_statement, std::string data);
  /// Throws Error when the transaction can't be committed, also when a statement before had failed.
  Task<> commit();
  Task<> rollback();

 private:
  friend class Pool;
  struct Impl;
  explicit Transaction(std::unique_ptr<Impl>);
  std::unique_ptr<Impl> impl_;
};

struct PoolStats {
  int size = 0, idle = 0, waiting = 0;
  std::uint64_t queries = 0, errors = 0, reconnects = 0;
};

/// Connections of one loop. Not thread-safe: one Pool per Loop, gone before the loop is.
/// Connections are made on demand, a broken one is dropped; waiting is bounded by
/// acquire_timeout_ms.
class Pool {
 public:
  Pool(boost::asio::any_io_executor executor, PoolOptions options);
  ~Pool();
  Pool(const Pool&) = delete;

  /// Opens min_size connections; throws Error when the server can't be reached.
  Task<> warm();
  /// BEGIN; scope; statement; COMMIT in ONE round trip (pipeline mode). Throws Error; nothing is
  /// then committed (after a lost connection, class 08, nobody knows). A connection that died while
  /// idle is replaced before anything is sent; a statement prepared before its tables changed is
  /// run again on a fresh connection.
  Task<Result> query(const Scope& scope, std::string sql, Params params = {});
  /// The same for several statements: all or none, one round trip.
  Task<std::vector<Result>> batch(const Scope& scope,
                                  std::vector<std::pair<std::string, Params>> statements);
  /// A transaction of several round trips.
  Task<Transaction> begin(const Scope& scope);
  /// Streams the rows of a query through `each` in chunks of up to 1,000 (a cursor), for exports.
  /// Returning false stops. `each` may suspend (under a minute a time), which slows the server
  /// down, not memory up.
  Task<> stream(const Scope& scope, std::string sql, Params params,
                std::function<Task<bool>(const Result&)> each);
  PoolStats stats() const;
  /// Closes idle connections and refuses new work.
  void close();

  struct Impl;  // of pool.cpp

 private:
  std::shared_ptr<Impl> impl_;
};

/// Runs `lead` while this process holds session advisory lock `key`; when the lock is elsewhere,
/// waits and tries every `retry_ms`. When the connection is lost, leadership ends and is sought
/// again. `lead` gets a predicate that says whether leadership still holds. Uses a connection of
/// its own (session locks don't work through PgBouncer in transaction mode: pass a direct
/// conninfo).
Task<> with_leadership(PoolOptions options, std::int64_t key, long retry_ms,
                       std::function<Task<>(std::function<bool()> still_leader)> lead);

/// LISTEN on `channels` with a connection of its own, for ever, reconnecting with back-off (1 s to
/// 30 s). `on_notify(channel, payload)`; `on_reconnect` after each gap, since notifications may
/// have been missed.
Task<> listen_forever(PoolOptions options, std::vector<std::string> channels,
                      std::function<void(std::string_view, std::string_view)> on_notify,
                      std::function<void()> on_reconnect);

/// Applies migrations/NNNN_name.sql of `directory` in order, each in its transaction, under an
/// advisory lock, recorded with checksum in schema_migrations. Changed or missing applied files are
/// an error that names the file. Returns the names applied. Blocking: for start-up and `pulse
/// migrate`.
std::vector<std::string> migrate(const std::string& conninfo, const std::string& directory);
/// Names of files in `directory` that are not applied yet (for /readyz). Blocking.
std::vector<std::string> pending_migrations(const std::string& conninfo,
                                            const std::string& directory);

}  // namespace pulse::pg
