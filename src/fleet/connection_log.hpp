#pragma once
// Connection events of devices, written in batches: coming and going costs no statement each.
#include <boost/asio/any_io_executor.hpp>
#include <boost/json.hpp>
#include <memory>
#include <string>

#include "platform/pg/pool.hpp"

namespace pulse::fleet {

struct ConnectionChange {
  std::string tenant_id, device_id;
  std::string event_type;  ///< CONNECTED, DISCONNECTED or CONNECTION_LOST
  boost::json::object details;
};

class ConnectionLog {
 public:
  /// Flushes every `flush_ms` on the pool's loop; at most `capacity` wait (the oldest go first).
  ConnectionLog(boost::asio::any_io_executor executor, pg::Pool& pool, long flush_ms = 500,
                std::size_t capacity = 50'000);
  ~ConnectionLog();
  /// Callable from any thread.
  void write(ConnectionChange change);
  Task<> flush();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::fleet
