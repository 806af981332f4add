#pragma once
// Accepted readings on their way to the rules: after a batch is stored and before it is
// acknowledged, they go to the stream READINGS, on `readings.{part}`. A crash in between brings
// them again; who judges them tells them by their time.
#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::telemetry {

/// Devices are spread over so many parts; each part is judged by one evaluator at a time.
inline constexpr int reading_parts = 16;
/// Which part judges a device: FNV-1a over "tenant/device".
int reading_part(std::string_view tenant, std::string_view device);

/// What one publish carries: {"tenants":[{"tenant_id", "rows":[{device_id, site_id, ts, metrics,
/// seq, msg_type, ...}]}]}.
struct ReadingMessage {
  std::string subject, text;
};

/// Core NATS subject that says: a tenant's rules changed.
inline constexpr const char* rules_changed_subject = "pulse.rules.changed";

/// The tenants that have rules that run: only their readings are handed on. Used on one loop.
class RuledTenants {
 public:
  RuledTenants(nats::Client& nats, boost::asio::any_io_executor executor);
  /// Asks PostgreSQL after a word on rules_changed_subject, and every second. Throws pg::Error.
  Task<> refresh(pg::Pool& pool);
  bool contains(std::string_view tenant) const { return tenants_.contains(tenant); }
  bool empty() const { return tenants_.empty(); }

 private:
  std::set<std::string, std::less<>> tenants_;
  std::int64_t due_ms_ = 0;
  std::unique_ptr<nats::Subscription> subscription_;
};

/// Creates READINGS or brings it up to date.
Task<> ensure_readings_stream(nats::Client& nats, int replicas, std::int64_t max_bytes);

/// Publishes them all and waits for the PubAcks. What the server refuses (a full stream: no
/// evaluator runs) is given up at once: storing goes before judging. Returns how many were. What
/// has no answer for two seconds throws nats::Error: they may be judged once it comes again.
Task<std::size_t> publish_readings(nats::Client& nats, const std::vector<ReadingMessage>& messages);

}  // namespace pulse::telemetry
