#include "fleet/bulk.hpp"
#include "fleet/mounts.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

constexpr std::size_t named_in_the_log = 100;

struct UndoRequest {
  std::string undo_id;
};
BOOST_DESCRIBE_STRUCT(UndoRequest, (), (undo_id))
inline auto constraints(json::As<UndoRequest>) {
  return json::rules<UndoRequest>().length(&UndoRequest::undo_id, 1, 100);
}

void require_permission(const TenantCaller& caller, const std::string& action) {
  const auto needed = permission_of_bulk(action);
  if (!caller.may(needed)) throw forbidden("Permission required: " + needed);
}

/// Tells whoever holds something about the devices, writes it down, and tells pages once.
void tell(const FleetDeps& d, const TenantCaller& caller, const BulkOutcome& outcome,
          const std::string& type, std::string message, boost::json::object details) {
  const auto& action = outcome.result.action;
  // Nothing but pages knows of tags.
  if (action != "add_tags" && action != "remove_tags")
    for (const auto& id : outcome.changed) {
      d.auth->forget(caller.tenant(), id);
      announce_change(*d.nats, caller.tenant(), id);
    }
  tell_pages(d, caller.tenant(), "devices");
  details["action"] = action;
  details["matched"] = outcome.result.matched;
  details["changed"] = outcome.result.changed;
  details["skipped"] = outcome.result.skipped.size();
  boost::json::array named;
  for (const auto& id : outcome.changed) {
    if (named.size() == named_in_the_log) break;
    named.emplace_back(id);
  }
  details["devices"] = std::move(named);
  d.audit->write(AuditLog::of(caller, type, "bulk_" + action, "device", "", std::move(message),
                              std::move(details)));
}

std::string many(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " device" : " devices");
}

Task<BulkResult> bulk_change(FleetDeps d, TenantCaller caller, http::Body<BulkRequest> body) {
  require_permission(caller, body->action);
  auto outcome =
      co_await change_devices(caller.db, caller.tenant(), body.value, caller.who.user_id);
  if (!outcome.changed.empty()) {
    boost::json::object details;
    if (body->query) details["query"] = *body->query;
    if (body->params) details["params"] = boost::json::parse(json::to_text(*body->params));
    tell(d, caller, outcome, "device.bulk_changed",
         "Bulk action " + body->action + " changed " + many(outcome.result.changed),
         std::move(details));
  }
  co_return std::move(outcome.result);
}

Task<BulkResult> bulk_undo(FleetDeps d, TenantCaller caller, http::Body<UndoRequest> body) {
  const auto action = co_await action_to_undo(caller.db, body->undo_id);
  if (!action) throw not_found("Nothing to undo: it is done, or an hour has passed");
  require_permission(caller, *action);
  auto outcome = co_await undo_change(caller.db, caller.tenant(), body->undo_id);
  if (!outcome) throw not_found("Nothing to undo: it is done, or an hour has passed");
  if (!outcome->changed.empty())
    tell(d, caller, *outcome, "device.bulk_undone",
         "Bulk action " + *action + " undone for " + many(outcome->result.changed), {});
  co_return std::move(outcome->result);
}

}  // namespace

void mount_bulk(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices/bulk";
  api.post(base, http::bound(d, bulk_change))
      .customers()
      .tag("Devices")
      .summary("Change many devices at once")
      .description(
          "All of it or nothing, for at most 10,000 devices, named or found by a search. Tags need "
          "`devices.tags.write`; site and template `devices.update`; decommission and restore "
          "`devices.decommission`. `undo` takes the change back within an hour, the tokens of "
          "decommissioned devices included; revoked certificates stay revoked, and `note` says how "
          "many there are.")
      .max_body(2U << 20U)
      .fails(400, "The search finds more than 10000 devices: narrow it")
      .fails(403, "Permission required: devices.tags.write")
      .fails(404, "Site not found")
      .example({{"action", "add_tags"},
                {"query", "status:offline site:warehouse-7"},
                {"params", {{"tags", {"check"}}}}});
  api.post(base + "/undo", http::bound(d, bulk_undo))
      .customers()
      .tag("Devices")
      .summary("Take a bulk change back")
      .description(
          "Once, and for each device only where it has not been changed since, nor deleted and "
          "made anew "
          "under its id. What cannot come back, revoked certificates, is said in `note`.")
      .fails(403, "Permission required: devices.tags.write")
      .fails(404, "Nothing to undo: it is done, or an hour has passed");
}

}  // namespace pulse::fleet
