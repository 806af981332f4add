// The twin for people: both sides, their difference, history, and the change of what is desired.
#include <charconv>

#include "fleet/devices.hpp"
#include "fleet/documents.hpp"
#include "fleet/mounts.hpp"
#include "fleet/twin.hpp"
#include "platform/json/changes.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct StructuredDelta {
  boost::json::object added, removed, changed;
  std::int64_t unchanged_count = 0;
};
BOOST_DESCRIBE_STRUCT(StructuredDelta, (), (added, removed, changed, unchanged_count))

struct TwinDocument {
  std::string device_id;
  boost::json::object desired, reported;
  boost::json::object delta;  ///< what the device has yet to take on
  StructuredDelta structured_delta;
  std::int64_t desired_version = 0, reported_version = 0;
  std::string sync_status;
  std::optional<Time> shadow_updated_at;
};
BOOST_DESCRIBE_STRUCT(TwinDocument, (),
                      (device_id, desired, reported, delta, structured_delta, desired_version,
                       reported_version, sync_status, shadow_updated_at))
inline auto constraints(json::As<TwinDocument>) {
  return json::rules<TwinDocument>().one_of(&TwinDocument::sync_status,
                                            {"synced", "pending", "stale"});
}

struct TwinDelta : StructuredDelta {
  std::string device_id;
  bool in_sync = false;
  std::int64_t desired_version = 0, reported_version = 0;
  boost::json::object delta;
};
BOOST_DESCRIBE_STRUCT(TwinDelta, (StructuredDelta),
                      (device_id, in_sync, desired_version, reported_version, delta))

struct TwinDesiredUpdate {
  boost::json::object desired;
};
BOOST_DESCRIBE_STRUCT(TwinDesiredUpdate, (), (desired))

struct TwinDesired {
  std::string device_id;
  boost::json::object desired;
  std::int64_t desired_version = 0;
};
BOOST_DESCRIBE_STRUCT(TwinDesired, (), (device_id, desired, desired_version))

struct TwinHistoryQuery {
  std::optional<std::string> side;
  std::int64_t limit = 2 * twin_changes_kept;
};
BOOST_DESCRIBE_STRUCT(TwinHistoryQuery, (), (side, limit))
inline auto constraints(json::As<TwinHistoryQuery>) {
  return json::rules<TwinHistoryQuery>()
      .one_of(&TwinHistoryQuery::side, {"desired", "reported"})
      .range(&TwinHistoryQuery::limit, 1, 2 * twin_changes_kept);
}
struct TwinHistory {
  std::string device_id;
  std::vector<TwinChange> history;
};
BOOST_DESCRIBE_STRUCT(TwinHistory, (), (device_id, history))

std::string etag_of(std::int64_t version) { return "\"" + std::to_string(version) + "\""; }

/// The version of an If-Match header. Throws HttpError 428 without one, 400 for any other text.
std::int64_t expected_version(std::string_view header) {
  if (header.empty())
    throw HttpError(428,
                    "If-Match header required. GET the twin first to obtain the current ETag.");
  if (header.starts_with("W/")) header.remove_prefix(2);
  if (header.size() >= 2 && header.front() == '"' && header.back() == '"')
    header = header.substr(1, header.size() - 2);
  std::int64_t version = 0;
  const auto [end, ec] = std::from_chars(header.data(), header.data() + header.size(), version);
  if (ec != std::errc{} || end != header.data() + header.size() || version < 0)
    throw bad_request("If-Match header must contain a valid version number (e.g., \"42\")");
  return version;
}

StructuredDelta structured(const DocumentDelta& delta) {
  StructuredDelta out;
  out.added = delta.added;
  out.removed = delta.removed;
  out.changed = delta.changed;
  out.unchanged_count = delta.unchanged;
  return out;
}

Task<Twin> known_twin(tenancy::TenantDb db, std::string device_id) {
  auto twin = co_await find_twin(db, std::move(device_id));
  if (!twin) throw not_found("Device not found");
  co_return std::move(*twin);
}

Task<http::WithHeaders<TwinDocument>> get_twin(FleetDeps, TenantCaller caller,
                                               http::Path<"device_id"> id) {
  const auto twin = co_await known_twin(caller.db, id.value);
  const auto delta = delta_of(twin.desired, twin.reported);
  http::WithHeaders<TwinDocument> out;
  auto& document = out.value;
  document.device_id = twin.device_id;
  document.desired = twin.desired;
  document.reported = twin.reported;
  document.delta = delta.wanted;
  document.structured_delta = structured(delta);
  document.desired_version = twin.desired_version;
  document.reported_version = twin.reported_version;
  document.sync_status = sync_status_of(twin);
  document.shadow_updated_at = twin.shadow_updated_at;
  out.headers.emplace_back("ETag", etag_of(twin.desired_version));
  co_return out;
}

Task<TwinDelta> get_delta(FleetDeps, TenantCaller caller, http::Path<"device_id"> id) {
  const auto twin = co_await known_twin(caller.db, id.value);
  const auto delta = delta_of(twin.desired, twin.reported);
  TwinDelta out;
  static_cast<StructuredDelta&>(out) = structured(delta);
  out.device_id = twin.device_id;
  out.in_sync = delta.empty();
  out.desired_version = twin.desired_version;
  out.reported_version = twin.reported_version;
  out.delta = delta.wanted;
  co_return out;
}

Task<TwinHistory> get_history(FleetDeps, TenantCaller caller, http::Path<"device_id"> id,
                              http::Query<TwinHistoryQuery> query) {
  co_await require_device(caller.db, id.value);
  TwinHistory out;
  out.device_id = id.value;
  out.history = co_await twin_changes(caller.db, id.value, query->side.value_or(""), query->limit);
  co_return out;
}

bool is_merge_patch(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return http::iequals(type, "application/merge-patch+json");
}

Task<http::WithHeaders<TwinDesired>> patch_desired(FleetDeps d, TenantCaller caller,
                                                   http::Path<"device_id"> id, http::Raw request) {
  // What is another's is told from what is nobody's by no header either.
  co_await require_device(caller.db, id.value);
  DesiredChange change;
  change.expected_version = expected_version(request->headers.get("If-Match"));
  http::require_json(*request.request);
  change.is_patch = is_merge_patch(request->headers.get("Content-Type"));
  if (change.is_patch)
    change.document = json::from_text<boost::json::object>(request->body);
  else
    change.document = json::from_text<TwinDesiredUpdate>(request->body).desired;
  change.actor = caller.who.username.empty() ? caller.who.email : caller.who.username;
  const auto changed = co_await change_desired(caller.db, id.value, std::move(change));
  const auto& tenant = caller.tenant();
  send_to_device(*d.nats, tenant, id.value, "shadow/desired",
                 desired_message(json::to_text(changed.after), changed.version, changed.at));
  tell_twin(*d.nats, tenant, id.value);
  auto details = json::changes_between(changed.before, changed.after);
  details["version"] = changed.version;
  d.audit->write(AuditLog::of(
      caller, "device.twin_changed", "update", "device", id.value,
      "Desired state of " + id.value + " is now version " + std::to_string(changed.version),
      std::move(details)));
  http::WithHeaders<TwinDesired> out;
  out.value.device_id = id.value;
  out.value.desired = changed.after;
  out.value.desired_version = changed.version;
  out.headers.emplace_back("ETag", etag_of(changed.version));
  co_return out;
}

}  // namespace

void mount_twin(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices/{device_id}/twin";
  api.get(base, http::bound(d, get_twin))
      .customers()
      .tag("Twin")
      .summary("What a device should be, and what it says it is")
      .description("`ETag` is the desired version: the `If-Match` of a change.")
      .fails(404, "Device not found");
  api.patch(base + "/desired", http::bound(d, patch_desired))
      .needs("devices.twin.write")
      .tag("Twin")
      .summary("Change what a device should be")
      .description(
          "Replaces the document. With `application/merge-patch+json` the body is a patch "
          "(RFC 7396) of it. The device is told at once, or when it comes back.")
      .body<TwinDesiredUpdate>({"application/merge-patch+json"})
      .header("If-Match", "The version that the change is made from, e.g. \"42\"")
      .fails(400, "If-Match header must contain a valid version number (e.g., \"42\")")
      .fails(404, "Device not found")
      .fails(409,
             "Version conflict. Expected version 1 but current version is 2. Refresh and "
             "retry.")
      .fails(413, "desired must have at most 16384 bytes of JSON")
      .fails(428, "If-Match header required. GET the twin first to obtain the current ETag.")
      .example({{"desired", {{"interval_seconds", 60}}}});
  api.get(base + "/delta", http::bound(d, get_delta))
      .customers()
      .tag("Twin")
      .summary("How reported differs from desired")
      .fails(404, "Device not found");
  api.get(base + "/history", http::bound(d, get_history))
      .customers()
      .tag("Twin")
      .summary("The latest changes of both sides, newest first")
      .fails(404, "Device not found");
}

}  // namespace pulse::fleet
