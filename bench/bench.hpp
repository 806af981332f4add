#pragma once
// What the load tools share. Each prints one JSON object; bench/run.py puts them together.
#include <libpq-fe.h>

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/fleet.hpp"
#include "simulator/report.hpp"

namespace pulse::bench {

/// `--name value` arguments; throws std::invalid_argument naming what is wrong.
class Args {
 public:
  Args(int argc, char** argv);
  std::string text(const std::string& name, const std::string& otherwise = "") const;
  std::int64_t number(const std::string& name, std::int64_t otherwise) const;

 private:
  std::map<std::string, std::string> values_;
};

/// An environment variable that must be set; throws std::runtime_error naming it.
std::string environment(const char* name);

/// A blocking PostgreSQL connection; throws std::runtime_error with the server's words.
class Sql {
 public:
  explicit Sql(const std::string& conninfo);
  ~Sql();
  Sql(const Sql&) = delete;
  using ResultPtr = std::unique_ptr<PGresult, void (*)(PGresult*)>;
  ResultPtr run(const std::string& sql, const std::vector<std::string>& params = {});
  /// The first column of the first row; "" when there is none.
  std::string value(const std::string& sql, const std::vector<std::string>& params = {});
  /// BEGIN; COPY; COMMIT: durable when it returns.
  void copy(const std::string& statement, const std::string& rows);

 private:
  PGconn* connection_;
};

/// Devices of `--devices-file`.
std::vector<simulator::Device> read_devices(const Args& args);

/// {"p50_ms": ..., "p90_ms": ..., "p99_ms": ..., "max_ms": ...}
boost::json::object latencies(const simulator::Histogram& histogram);

/// A telemetry payload of usual size: four metrics.
std::string usual_payload(const simulator::Device& device, std::int64_t seq, std::int64_t ts_ms);
/// The envelope that the door publishes for it (contract: messages.md), let in by the token with
/// this id.
std::string usual_envelope(const simulator::Device& device, std::int64_t seq, std::int64_t ts_ms,
                           const std::string& token_id = "bench");

/// Bytes of an HTTP/1.1 message with a Content-Length, head and body, once its head is there; else
/// 0.
std::size_t message_size(std::string_view data);

/// Posts `n` messages (a multiple of 100) in batches of 100, with tokens, over 16 connections.
/// Answers how many stood in batches that were answered 202.
std::int64_t post_batches(const std::vector<simulator::Device>& devices, std::int64_t n,
                          std::int64_t first_seq);

// The tools. Each answers what it measured.
using Report = boost::json::object;
Report bench_copy(const Args&);
Report bench_puback(const Args&);
Report bench_bare_worker(const Args&);
Report bench_http(const Args&);
Report bench_http_get(const Args&);
Report bench_mqtt(const Args&);
Report bench_e2e(const Args&);
Report bench_post_to_row(const Args&);
Report bench_rules(const Args&);
Report bench_routes(const Args&);
Report bench_delivery(const Args&);
Report bench_websocket_memory(const Args&);
Report bench_mqtt_memory(const Args&);

}  // namespace pulse::bench
