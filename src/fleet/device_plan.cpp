// Which plan a device is on: its registry row and its live subscription say the same.
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/json/changes.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using DeviceId = http::Path<"device_id">;

struct ChangePlan {
  std::string plan_id;
};
BOOST_DESCRIBE_STRUCT(ChangePlan, (), (plan_id))
inline auto constraints(json::As<ChangePlan>) {
  return json::rules<ChangePlan>().length(&ChangePlan::plan_id, 1, 50);
}
struct ChangedPlan {
  std::string device_id, plan_id, status = "ok";
};
BOOST_DESCRIBE_STRUCT(ChangedPlan, (), (device_id, plan_id, status))
struct TierAssignment {
  std::int64_t tier_id = 0;
};
BOOST_DESCRIBE_STRUCT(TierAssignment, (), (tier_id))

struct TiersAreGone {
  std::string detail;
};
BOOST_DESCRIBE_STRUCT(TiersAreGone, (), (detail))

// `was` is locked before it is read, so that two changes at once tell a history that fits.
constexpr const char* change_plan_sql = R"sql(
  WITH was AS (
    SELECT tenant_id, device_id, plan_id FROM device_registry
    WHERE device_id = $1 AND status <> 'DELETED' FOR NO KEY UPDATE
  ), registry AS (
    UPDATE device_registry r SET plan_id = $2::text, updated_at = now() FROM was
    WHERE r.tenant_id = was.tenant_id AND r.device_id = was.device_id
  ), live AS (
    SELECT s.* FROM device_subscriptions s JOIN was USING (tenant_id, device_id)
    WHERE s.status NOT IN ('EXPIRED', 'CANCELLED') FOR UPDATE OF s
  ), moved AS (
    UPDATE device_subscriptions s SET plan_id = $2::text, updated_at = now() FROM live
    WHERE s.subscription_id = live.subscription_id
  ), told AS (
    INSERT INTO subscription_audit (tenant_id, event_type, actor_type, actor_id, previous_state,
      new_state, details)
    SELECT tenant_id, 'PLAN_CHANGED', 'user', $3,
           jsonb_build_object('status', status, 'plan_id', plan_id),
           jsonb_build_object('status', status, 'plan_id', $2::text),
           jsonb_build_object('subscription_id', subscription_id, 'device_id', device_id)
    FROM live WHERE plan_id <> $2::text
  )
  SELECT coalesce(plan_id, '') FROM was
)sql";

Task<ChangedPlan> change_plan(FleetDeps d, TenantCaller caller, DeviceId id,
                              http::Body<ChangePlan> body) {
  auto tx = co_await caller.db.begin();
  const auto plan = co_await tx.query("SELECT 1 FROM device_plans WHERE plan_id = $1 AND is_active",
                                      pg::Params::of(body->plan_id));
  const auto device = co_await tx.query(
      "SELECT 1 FROM device_registry WHERE device_id = $1 AND status <> 'DELETED'",
      pg::Params::of(id.value));
  if (device.empty()) throw not_found("Device not found");
  if (plan.empty()) throw not_found("Device plan not found");
  const auto was = co_await tx.query(change_plan_sql,
                                     pg::Params::of(id.value, body->plan_id, caller.who.user_id));
  if (was.empty()) throw not_found("Device not found");
  co_await tx.commit();
  changed(d, caller.tenant(), id.value);
  const boost::json::object before{{"plan_id", boost::json::string(was.text(0, 0))}};
  const boost::json::object after{{"plan_id", body->plan_id}};
  d.audit->write(AuditLog::of(caller, "device.plan_changed", "update", "device", id.value,
                              "Device " + id.value + " is on plan " + body->plan_id,
                              json::changes_between(before, after)));
  co_return ChangedPlan{id.value, body->plan_id};
}

constexpr const char* tiers_are_gone = "Device tiers were removed. Use device plans instead.";

Task<http::Response> set_tier(FleetDeps, TenantCaller caller, DeviceId id,
                              http::Body<TierAssignment>) {
  co_await require_device(caller.db, id.value);
  throw HttpError(410, tiers_are_gone);
}
Task<http::Response> remove_tier(FleetDeps, TenantCaller caller, DeviceId id) {
  co_await require_device(caller.db, id.value);
  throw HttpError(410, tiers_are_gone);
}

}  // namespace

void mount_device_plan(http::Router& api, const FleetDeps& d) {
  const std::string one = "/api/v1/customer/devices/{device_id}";
  api.put(one + "/plan", http::bound(d, change_plan))
      .needs("devices.update")
      .tag("Devices")
      .summary("Move a device to another plan, its subscription with it")
      .fails(404, "Device plan not found");
  api.put(one + "/tier", http::bound(d, set_tier))
      .customers()
      .tag("Devices")
      .summary("Gone: devices have plans")
      .success(410)
      .returns<TiersAreGone>()
      .fails(404, "Device not found");
  api.del(one + "/tier", http::bound(d, remove_tier))
      .customers()
      .tag("Devices")
      .summary("Gone: devices have plans")
      .success(410)
      .returns<TiersAreGone>()
      .fails(404, "Device not found");
}

}  // namespace pulse::fleet
