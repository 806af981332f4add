#pragma once
// The twin of a device: what it should be (desired, raised by each change) and what it says it is
// (reported, with the version that it has applied).
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "fleet/reports.hpp"
#include "fleet/to_device.hpp"
#include "platform/clock.hpp"
#include "platform/json/write.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

/// Both sides as they are. A device that never reported has one, too.
struct Twin {
  std::string device_id;
  boost::json::object desired, reported;
  std::int64_t desired_version = 0, reported_version = 0;
  std::optional<Time> shadow_updated_at, desired_at, seen_at;
};
BOOST_DESCRIBE_STRUCT(Twin, (),
                      (device_id, desired, reported, desired_version, reported_version,
                       shadow_updated_at, desired_at, seen_at))

/// synced, pending, or stale: not seen for 30 minutes, so that nobody knows.
std::string sync_status_of(const Twin& twin);
/// What is published to shadow/desired: {"desired","version","timestamp"}.
std::string desired_message(const std::string& desired_json, std::int64_t version, Time since);

/// A change of one side, newest first.
struct TwinChange {
  std::int64_t id = 0;
  std::string side;  ///< desired or reported
  std::int64_t version = 0;
  boost::json::object before, after;
  std::string source;  ///< api, http or mqtt
  std::optional<std::string> actor;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(TwinChange, (), (id, side, version, before, after, source, actor, created_at))
/// So many changes of each side of a device are kept.
inline constexpr int twin_changes_kept = 50;

/// Nothing when there is no such device.
Task<std::optional<Twin>> find_twin(tenancy::TenantDb db, std::string device_id);
/// `side` empty: of both.
Task<std::vector<TwinChange>> twin_changes(tenancy::TenantDb db, std::string device_id,
                                           std::string side, std::int64_t limit);

/// How the desired document changes: replaced, or by RFC 7396.
struct DesiredChange {
  boost::json::object document;
  bool is_patch = false;
  std::int64_t expected_version = 0;
  std::string actor;
};
/// The desired document after a change, and what it was.
struct DesiredChanged {
  boost::json::object before, after;
  std::int64_t version = 0;
  Time at;
};
/// Throws HttpError 404 "Device not found", 409 when another version is current, 413.
Task<DesiredChanged> change_desired(tenancy::TenantDb db, std::string device_id,
                                    DesiredChange change);

/// What a device says it is, and of which version.
struct ReportedState {
  std::string tenant_id, device_id;
  std::string document;  ///< JSON text, fit for jsonb
  std::int64_t version = 0;
  std::int64_t received_ms = 0;
};
/// Statements that take reports, one of each device at most, in one transaction. An older version
/// changes nothing, nor does the same version that came in earlier. The second one's rows
/// (tenant_id, device_id) are those that changed.
std::vector<pg::Statement> report_statements(const std::vector<ReportedState>& reports,
                                             const std::string& source);

/// The handler of shadow/reported.
Task<ReportsTaken> take_shadow_reports(pg::Transaction& tx, std::vector<DeviceReport> reports,
                                       nats::Client* nats);
/// The desired document, for a device that subscribes.
Task<std::vector<DeviceMessage>> pending_desired(pg::Pool* pool, std::string tenant,
                                                 std::string device);

/// Sends again what devices have not reported to have applied, less and less often; returns how
/// many. What was lost on its way, or while NATS was out of reach, arrives so.
Task<int> resend_desired(pg::Pool& pool, nats::Client& nats);

/// Tells open pages that the twin of a device changed.
void tell_twin(nats::Client& nats, const std::string& tenant, const std::string& device);

}  // namespace pulse::fleet
