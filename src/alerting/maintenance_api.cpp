// Maintenance windows: when nothing is opened or told, and for what.
#include "alerting/mounts.hpp"
#include "platform/errors.hpp"
#include "platform/json/rules.hpp"
#include "platform/pg/row_change.hpp"
#include "platform/pg/rows.hpp"
#include "tenancy/tier.hpp"

namespace pulse::alerting {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using Words = std::vector<std::string>;

struct MaintenanceRecurrence {
  std::vector<std::int64_t> dow;  ///< 0 Sunday .. 6
  std::int64_t start_hour = 0, end_hour = 0;
};
BOOST_DESCRIBE_STRUCT(MaintenanceRecurrence, (), (dow, start_hour, end_hour))
inline auto constraints(json::As<MaintenanceRecurrence>) {
  using R = MaintenanceRecurrence;
  return json::rules<R>()
      .items(&R::dow, 1, 7)
      .range(&R::start_hour, 0, 23)
      .range(&R::end_hour, 0, 24)
      .describe(&R::dow, "Days of the week on which it begins, 0 is Sunday")
      .describe(&R::end_hour, "Before start_hour: on the next day")
      .check("dow",
             [](const R& r) -> std::string {
               for (const auto day : r.dow)
                 if (day < 0 || day > 6) return "must be days from 0 (Sunday) to 6";
               return {};
             })
      .check("end_hour", [](const R& r) -> std::string {
        return r.start_hour == r.end_hour ? "must differ from start_hour" : std::string();
      });
}

struct MaintenanceWindowCreate {
  std::string name;
  Time starts_at;
  std::optional<Time> ends_at;
  std::optional<MaintenanceRecurrence> recurring;
  std::optional<Words> site_ids, device_types;
  std::optional<bool> enabled;
};
BOOST_DESCRIBE_STRUCT(MaintenanceWindowCreate, (),
                      (name, starts_at, ends_at, recurring, site_ids, device_types, enabled))

struct MaintenanceWindowUpdate {
  std::optional<std::string> name;
  std::optional<Time> starts_at;
  json::Patch<Time> ends_at;
  json::Patch<MaintenanceRecurrence> recurring;
  json::Patch<Words> site_ids, device_types;
  std::optional<bool> enabled;
};
BOOST_DESCRIBE_STRUCT(MaintenanceWindowUpdate, (),
                      (name, starts_at, ends_at, recurring, site_ids, device_types, enabled))

std::string fault_of_words(const std::optional<Words>& words, std::size_t longest) {
  if (!words) return {};
  for (const auto& w : *words)
    if (w.empty() || w.size() > longest)
      return "must hold texts of 1 to " + std::to_string(longest) + " characters";
  return {};
}

template <class T>
json::Rules<T> window_rules() {
  return json::rules<T>()
      .length(&T::name, 1, 128)
      .items(&T::site_ids, 0, 1000)
      .items(&T::device_types, 0, 100)
      .describe(&T::ends_at, "null: open")
      .describe(&T::site_ids, "null or empty: every site")
      .describe(&T::device_types, "null or empty: every type");
}
inline auto constraints(json::As<MaintenanceWindowCreate>) {
  using C = MaintenanceWindowCreate;
  return window_rules<C>()
      .check("site_ids", [](const C& c) { return fault_of_words(c.site_ids, 128); })
      .check("device_types", [](const C& c) { return fault_of_words(c.device_types, 100); })
      .check("ends_at", [](const C& c) -> std::string {
        return !c.ends_at || *c.ends_at > c.starts_at ? std::string() : "must be after starts_at";
      });
}
inline auto constraints(json::As<MaintenanceWindowUpdate>) {
  using U = MaintenanceWindowUpdate;
  return window_rules<U>()
      .check("site_ids", [](const U& u) { return fault_of_words(u.site_ids.value, 128); })
      .check("device_types", [](const U& u) { return fault_of_words(u.device_types.value, 100); });
}

struct MaintenanceWindow {
  std::string window_id, tenant_id, name;
  Time starts_at;
  std::optional<Time> ends_at;
  std::optional<boost::json::object> recurring;
  std::optional<Words> site_ids, device_types;
  bool enabled = true;
  Time created_at;
  bool active_now = false;
  std::optional<Time> next_start, next_end;
};
BOOST_DESCRIBE_STRUCT(MaintenanceWindow, (),
                      (window_id, tenant_id, name, starts_at, ends_at, recurring, site_ids,
                       device_types, enabled, created_at, active_now, next_start, next_end))

struct MaintenanceWindows {
  std::vector<MaintenanceWindow> windows;
  std::int64_t total = 0;
  std::string timezone;
};
BOOST_DESCRIBE_STRUCT(MaintenanceWindows, (), (windows, total, timezone))

struct DeletedWindow {
  std::string window_id;
  bool deleted = true;
};
BOOST_DESCRIBE_STRUCT(DeletedWindow, (), (window_id, deleted))

const std::string select_windows = R"sql(
  SELECT w.window_id, w.tenant_id, w.name, w.starts_at, w.ends_at, w.recurring, w.site_ids,
    w.device_types, w.enabled, w.created_at,
    w.enabled AND coalesce(n.next_start <= now(), false) AS active_now, n.next_start, n.next_end
  FROM alert_maintenance_windows w JOIN tenants t USING (tenant_id)
  LEFT JOIN LATERAL pulse_next_maintenance(w.starts_at, w.ends_at, w.recurring, t.timezone, now())
    n ON true
)sql";

Task<MaintenanceWindow> known_window(tenancy::TenantDb db, std::string id) {
  const auto rows =
      co_await db.query(select_windows + " WHERE w.window_id = $1", pg::Params::of(id));
  auto window = pg::first_as<MaintenanceWindow>(rows);
  if (!window) throw not_found("Window not found");
  co_return std::move(*window);
}

Task<MaintenanceWindows> list_windows(AlertingDeps, TenantCaller caller) {
  MaintenanceWindows out;
  const auto rows =
      co_await caller.db.query(select_windows + " ORDER BY n.next_start NULLS LAST, w.window_id");
  out.windows = pg::rows_as<MaintenanceWindow>(rows);
  out.total = static_cast<std::int64_t>(out.windows.size());
  const auto zone = co_await caller.db.query("SELECT timezone FROM tenants WHERE tenant_id = $1",
                                             pg::Params::of(caller.tenant()));
  out.timezone = zone.empty() ? "UTC" : std::string(zone.text(0, 0));
  co_return out;
}

std::optional<std::string> text_of(const std::optional<MaintenanceRecurrence>& recurring) {
  if (!recurring) return std::nullopt;
  return json::to_text(*recurring);
}

std::optional<decltype(Time::at)> instant_of(const std::optional<Time>& time) {
  if (!time) return std::nullopt;
  return time->at;
}

/// For those whose tier has maintenance windows.
Task<> require_tier(TenantCaller caller) {
  co_await tenancy::require_feature(caller, "maintenance_windows", "Maintenance windows");
}

/// Sites are the tenant's own: made by somebody, or said by its devices.
Task<> require_sites(TenantCaller caller, std::optional<Words> site_ids) {
  if (!site_ids || site_ids->empty()) co_return;
  const auto rows = co_await caller.db.query(
      "SELECT w.site_id FROM unnest($1::text[]) AS w (site_id) WHERE NOT EXISTS (SELECT FROM sites "
      "s "
      "WHERE s.site_id = w.site_id) AND NOT EXISTS (SELECT FROM device_registry r "
      "WHERE r.site_id = w.site_id) LIMIT 1",
      pg::Params::of(*site_ids));
  if (!rows.empty())
    throw bad_request("Invalid site_ids value: there is no site " + std::string(rows.text(0, 0)));
}

Task<http::Created<MaintenanceWindow>> create_window(AlertingDeps d, TenantCaller caller,
                                                     http::Body<MaintenanceWindowCreate> body) {
  co_await require_tier(caller);
  co_await require_sites(caller, body->site_ids);
  auto params = pg::Params::of(caller.tenant(), body->name, body->starts_at.at,
                               instant_of(body->ends_at), text_of(body->recurring), body->site_ids,
                               body->device_types, body->enabled.value_or(true));
  const auto rows = co_await caller.db.query(
      "INSERT INTO alert_maintenance_windows (tenant_id, name, starts_at, ends_at, recurring, "
      "site_ids, device_types, enabled) VALUES ($1, $2, $3, $4::timestamptz, $5::jsonb, "
      "$6::text[], $7::text[], $8) RETURNING window_id",
      std::move(params));
  const std::string id(rows.text(0, 0));
  tell_pages(d, caller.tenant(), "maintenance-windows");
  d.audit->write(AuditLog::of(caller, "maintenance.created", "create", "maintenance_window", id,
                              "Maintenance window " + body->name + " created"));
  auto made = co_await known_window(caller.db, id);
  co_return http::Created<MaintenanceWindow>{std::move(made)};
}

Task<MaintenanceWindow> update_window(AlertingDeps d, TenantCaller caller,
                                      http::Path<"window_id"> id,
                                      http::Body<MaintenanceWindowUpdate> body) {
  co_await require_tier(caller);
  pg::RowChange change;
  if (body->name) change.set("name", *body->name);
  if (body->starts_at) change.set("starts_at", body->starts_at->at, "?::timestamptz");
  if (body->ends_at) change.set("ends_at", instant_of(body->ends_at.value), "?::timestamptz");
  if (body->recurring) change.set("recurring", text_of(body->recurring.value), "?::jsonb");
  if (body->site_ids) change.set("site_ids", body->site_ids.value, "?::text[]");
  if (body->device_types) change.set("device_types", body->device_types.value, "?::text[]");
  if (body->enabled) change.set("enabled", *body->enabled);
  if (change.empty()) throw bad_request("No fields to update");
  co_await require_sites(caller, body->site_ids.value);
  auto statement = change.in("alert_maintenance_windows", "window_id = ?", id.value);
  pg::Result rows;
  try {
    rows = co_await caller.db.query(statement.first, statement.second);
  } catch (const pg::Error& e) {
    if (!e.check_violation()) throw;
    throw bad_request("ends_at must be after starts_at");
  }
  if (rows.empty()) throw not_found("Window not found");
  tell_pages(d, caller.tenant(), "maintenance-windows");
  d.audit->write(AuditLog::of(caller, "maintenance.updated", "update", "maintenance_window",
                              id.value, "Maintenance window changed", pg::RowChange::told(rows)));
  co_return co_await known_window(caller.db, id.value);
}

Task<DeletedWindow> delete_window(AlertingDeps d, TenantCaller caller, http::Path<"window_id"> id) {
  const auto rows = co_await caller.db.query(
      "DELETE FROM alert_maintenance_windows WHERE window_id = $1 RETURNING name",
      pg::Params::of(id.value));
  if (rows.empty()) throw not_found("Window not found");
  tell_pages(d, caller.tenant(), "maintenance-windows");
  d.audit->write(AuditLog::of(caller, "maintenance.deleted", "delete", "maintenance_window",
                              id.value,
                              "Maintenance window " + std::string(rows.text(0, 0)) + " deleted"));
  DeletedWindow out;
  out.window_id = id.value;
  co_return out;
}

}  // namespace

void mount_maintenance(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/maintenance-windows", one = base + "/{window_id}";
  const boost::json::object nights{{"dow", {1, 2, 3, 4, 5}}, {"start_hour", 22}, {"end_hour", 2}};
  const std::string tier_refusal =
      "Maintenance windows is not included in tier {name}: ask for a larger tier";
  api.get(base, http::bound(d, list_windows))
      .customers()
      .tag("Maintenance")
      .summary("List maintenance windows, the next first")
      .description(
          "`next_start` and `next_end`: the occurrence under way, or the next one. Hours are those "
          "of the organization's time zone.");
  api.post(base, http::bound(d, create_window))
      .needs("maintenance.create")
      .tag("Maintenance")
      .summary("Create a maintenance window: no alerts open while it covers a device")
      .fails(400, "Invalid site_ids value: there is no site ...")
      .fails(403, tier_refusal)
      .example({{"name", "Night shift"},
                {"starts_at", "2026-01-01T00:00:00Z"},
                {"recurring", nights},
                {"site_ids", {"warehouse-7"}}});
  api.patch(one, http::bound(d, update_window))
      .needs("maintenance.update")
      .tag("Maintenance")
      .summary("Change a maintenance window; null clears")
      .fails(400, "No fields to update; Invalid site_ids value: there is no site ...")
      .fails(403, tier_refusal)
      .fails(404, "Window not found");
  api.del(one, http::bound(d, delete_window))
      .needs("maintenance.delete")
      .tag("Maintenance")
      .summary("Delete a maintenance window")
      .fails(404, "Window not found");
}

}  // namespace pulse::alerting
