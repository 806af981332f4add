#pragma once
// Live fan-out on one loop: what ingest announces on `live.{tenant}` goes to the browsers that
// look. A tenant is listened to while it has clients. Slow clients are conflated, never buffered
// without bound: the latest message of a device takes the place of an older one.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "tenancy/caller.hpp"

namespace pulse::telemetry {

/// Counts open live connections per tenant over all loops. Thread-safe.
class LiveCounter {
 public:
  /// False when the tenant has as many as it may.
  bool enter(const std::string& tenant);
  void leave(const std::string& tenant);
  std::size_t total() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> open_;
  std::size_t total_ = 0;
};

/// One telemetry message as it was announced.
struct LiveRow {
  std::string device_id;
  boost::json::object fields;  ///< device_id, site_id, ts, metrics, seq, msg_type, stream_seq, ...
};

/// What a client's connection implements. Called on the hub's loop.
class LiveSink {
 public:
  virtual ~LiveSink() = default;
  virtual void telemetry(const std::shared_ptr<const LiveRow>& row) = 0;
  /// {"type":"status","devices":[...]}, {"type":"quarantine","rows":[...]}, or
  /// {"type":"changed","what":"sites"}: something was written, and pages ask for it anew; or
  /// {"type":"alert","event":{...}}: a transition of an alert.
  virtual void notice(const boost::json::object& message) = 0;
  /// Counts of the fleet by status, when they may have changed.
  virtual void fleet(const std::string& summary_json) = 0;
  /// The open alerts, when they have changed: {"type":"alerts","alerts":[...]}.
  virtual void alerts(const std::string& alerts_json) = 0;
};

class LiveHub {
 public:
  LiveHub(nats::Client& nats, pg::Pool& pool, boost::asio::any_io_executor executor,
          std::shared_ptr<LiveCounter> counter);
  ~LiveHub();

  /// Joins for as long as the handle lives; null when the tenant has too many connections.
  /// `want_fleet` asks for fleet summaries, one at once.
  class Handle {
   public:
    virtual ~Handle() = default;
    virtual void want_fleet(bool wanted) = 0;
    /// Asks for the open alerts, at once and after each change.
    virtual void want_alerts(bool wanted) = 0;
  };
  std::unique_ptr<Handle> join(const std::string& tenant, LiveSink& sink);
  LiveCounter& counter() { return *counter_; }
  const boost::asio::any_io_executor& executor() const { return executor_; }

  struct Tenant;

 private:
  void received(const std::string& tenant, const std::string& data);
  std::shared_ptr<Tenant> tenant(const std::string& id);
  nats::Client& nats_;
  pg::Pool& pool_;
  boost::asio::any_io_executor executor_;
  std::shared_ptr<LiveCounter> counter_;
  std::unordered_map<std::string, std::weak_ptr<Tenant>> tenants_;
};

/// Messages that wait for one client: in order, bounded. Beyond the bound a device's older message
/// gives way to its newer one; replies and notices stay.
class LiveOutbox {
 public:
  explicit LiveOutbox(boost::asio::any_io_executor executor) : wake_(executor) {}
  /// `stream_seq`: the telemetry message that the text tells of; 0: none.
  void put(std::string text, std::string device_id = {}, std::int64_t stream_seq = 0);
  /// Removes what tells of these messages.
  void drop(const std::set<std::int64_t>& stream_seqs);
  std::optional<std::string> take();
  bool empty() const { return items_.empty(); }
  /// Returns when there is something, when woken, or after `ms`.
  Task<> wait(long ms);
  void wake() { wake_.cancel(); }
  std::uint64_t conflated() const { return conflated_; }

 private:
  static constexpr std::size_t most = 512;
  struct Item {
    std::string text, device_id;
    std::int64_t stream_seq = 0;
  };
  std::deque<Item> items_;
  boost::asio::steady_timer wake_;
  std::uint64_t conflated_ = 0;
};

}  // namespace pulse::telemetry
