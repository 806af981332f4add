#include "fleet/sites.hpp"
#include "platform/pg/row_change.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

// Counted by indexes alone. Who is ONLINE or STALE is ACTIVE: going out of service makes OFFLINE.
const std::string select_sites = R"sql(
  WITH devices AS (
    SELECT site_id, count(*) AS active FROM device_registry WHERE status = 'ACTIVE' GROUP BY site_id
  ), states AS (
    SELECT site_id, count(*) FILTER (WHERE status = 'ONLINE') AS online,
           count(*) FILTER (WHERE status = 'STALE') AS stale
    FROM device_state WHERE status IN ('ONLINE', 'STALE') GROUP BY site_id
  ), alerts AS (
    SELECT site_id, count(*) AS active FROM fleet_alert
    WHERE status IN ('OPEN', 'ACKNOWLEDGED') GROUP BY site_id
  )
  SELECT s.site_id, s.name, s.location, s.latitude, s.longitude, s.created_at, s.updated_at,
         coalesce(d.active, 0) AS device_count, coalesce(t.online, 0) AS online_count,
         coalesce(t.stale, 0) AS stale_count,
         coalesce(d.active, 0) - coalesce(t.online, 0) - coalesce(t.stale, 0) AS offline_count,
         coalesce(a.active, 0) AS active_alert_count
  FROM sites s LEFT JOIN devices d USING (site_id) LEFT JOIN states t USING (site_id)
    LEFT JOIN alerts a USING (site_id)
)sql";

}  // namespace

Task<std::vector<Site>> sites_with_counts(tenancy::TenantDb db) {
  const auto rows = co_await db.query(select_sites + " ORDER BY s.name, s.site_id");
  co_return pg::rows_as<Site>(rows);
}

Task<std::optional<Site>> find_site(tenancy::TenantDb db, std::string site_id) {
  const auto rows =
      co_await db.query(select_sites + " WHERE s.site_id = $1", pg::Params::of(site_id));
  co_return pg::first_as<Site>(rows);
}

Task<bool> insert_site(tenancy::TenantDb db, std::string tenant_id, CreateSite site) {
  const auto rows = co_await db.query(
      "INSERT INTO sites (tenant_id, site_id, name, location, latitude, longitude) "
      "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING site_id",
      pg::Params::of(tenant_id, site.site_id, site.name, site.location, site.latitude,
                     site.longitude));
  co_return !rows.empty();
}

Task<std::optional<boost::json::object>> update_site(tenancy::TenantDb db, std::string site_id,
                                                     UpdateSite changes) {
  pg::RowChange change;
  if (changes.name) change.set("name", *changes.name);
  if (changes.location) change.set("location", changes.location.value);
  if (changes.latitude) change.set("latitude", changes.latitude.value, "?::float8");
  if (changes.longitude) change.set("longitude", changes.longitude.value, "?::float8");
  change.also("updated_at = now()");
  auto statement = change.in("sites", "site_id = ?", site_id);
  const auto rows = co_await db.query(statement.first, statement.second);
  if (rows.empty()) co_return std::nullopt;
  co_return pg::RowChange::told(rows);
}

Task<SiteRemoval> remove_site(tenancy::TenantDb db, std::string site_id) {
  pg::Result rows;
  try {
    rows = co_await db.query(R"sql(
    WITH used AS (
      SELECT EXISTS (SELECT FROM device_registry
                     WHERE site_id = $1 AND status <> 'DELETED') AS it
    ), gone AS (
      DELETE FROM sites WHERE site_id = $1 AND NOT (SELECT it FROM used) RETURNING site_id
    )
    SELECT EXISTS (SELECT FROM gone) AS removed,
           EXISTS (SELECT FROM sites WHERE site_id = $1) AS known
  )sql",
                             pg::Params::of(site_id));
  } catch (const pg::Error& e) {
    // A device came to the site meanwhile: only deleted ones may be without.
    if (!e.check_violation()) throw;
    co_return SiteRemoval::in_use;
  }
  if (rows.boolean(0, 0)) co_return SiteRemoval::removed;
  co_return rows.boolean(0, 1) ? SiteRemoval::in_use : SiteRemoval::missing;
}

Task<std::vector<SiteDevice>> devices_at_site(tenancy::TenantDb db, std::string site_id) {
  const auto rows = co_await db.query(R"sql(
    SELECT r.device_id, coalesce(r.name, r.model, r.device_id) AS name,
           coalesce(d.status, 'OFFLINE') AS status, r.device_type, d.last_seen_at
    FROM device_registry r LEFT JOIN device_state d USING (tenant_id, device_id)
    WHERE r.site_id = $1 AND r.status = 'ACTIVE'
    ORDER BY r.device_id LIMIT 1000
  )sql",
                                      pg::Params::of(site_id));
  co_return pg::rows_as<SiteDevice>(rows);
}

Task<std::vector<SiteAlert>> active_alerts_at_site(tenancy::TenantDb db, std::string site_id) {
  const auto rows = co_await db.query(R"sql(
    SELECT id, device_id, alert_type, severity, summary, status, created_at FROM fleet_alert
    WHERE site_id = $1 AND status IN ('OPEN', 'ACKNOWLEDGED')
    ORDER BY severity DESC, created_at DESC LIMIT 100
  )sql",
                                      pg::Params::of(site_id));
  co_return pg::rows_as<SiteAlert>(rows);
}

}  // namespace pulse::fleet
