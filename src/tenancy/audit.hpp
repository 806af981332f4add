#pragma once
// The audit log of tenants: buffered, bounded, written in batches. Shared by all loops.
#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <string>

#include "platform/pg/pool.hpp"
#include "tenancy/caller.hpp"

namespace pulse::tenancy {

/// One line of audit_log. `event_type` "device.created", `category` "device", `action` "create".
struct AuditEvent {
  std::string tenant_id;  ///< empty: of the platform
  std::string event_type, category, severity = "info";
  std::string entity_type, entity_id, entity_name;
  std::string action, message;
  boost::json::object details;
  std::string actor_type = "system", actor_id, actor_name, ip_address, request_id;
};

class AuditLog {
 public:
  /// Flushes every `flush_ms` or 100 events on the loop of `pool`; at most `capacity` events in
  /// memory.
  AuditLog(boost::asio::any_io_executor executor, pg::Pool& pool, std::string source_service,
           long flush_ms = 1'000, std::size_t capacity = 10'000);
  ~AuditLog();
  /// Adds an event; callable from any thread. When the buffer is full the oldest event that is no
  /// security event goes, is counted, and the log says so.
  bool write(AuditEvent event);
  /// Writes an event through: durable when it returns. For security events (sign-in, permission and
  /// token changes). While PostgreSQL does not answer it waits in the buffer like the others.
  Task<> record(AuditEvent event);
  /// The event of a tenant caller's change to an entity, ready for `write`.
  static AuditEvent of(const TenantCaller& caller, std::string event_type, std::string action,
                       std::string entity_type, std::string entity_id, std::string message,
                       boost::json::object details = {});
  /// A security event of any caller; `tenant_id` is whom it concerns (empty: the platform).
  static AuditEvent security(const Caller& caller, const std::string& client_address,
                             const std::string& request_id, std::string tenant_id,
                             std::string event_type, std::string action, std::string entity_type,
                             std::string entity_id, std::string message,
                             boost::json::object details = {});
  /// Writes what is buffered now (graceful stop).
  Task<> flush();
  std::uint64_t dropped() const;

  struct Impl;  // of audit.cpp

 private:
  std::uint64_t add(AuditEvent event);  // its number; 0: dropped
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::tenancy
