#include "operations/tenants.hpp"
#include "platform/errors.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::operations {

namespace {

const std::string tenant_columns =
    "tenant_id, name, status, contact_email, contact_name, legal_name, phone, industry, "
    "company_size, address_line1, address_line2, city, state_province, postal_code, country, "
    "data_residency_region, support_tier, sla_level, stripe_customer_id, billing_email, "
    "account_tier_id, metadata, created_at, updated_at, deleted_at, purge_after";

constexpr const char* select_summaries = R"sql(
  SELECT t.tenant_id, t.name, t.status, t.created_at,
         coalesce(d.device_count, 0) AS device_count, coalesce(d.online_count, 0) AS online_count,
         coalesce(a.open_alerts, 0) AS open_alerts, d.last_activity
  FROM tenants t
  LEFT JOIN (
    SELECT r.tenant_id, count(*) AS device_count,
           count(*) FILTER (WHERE s.status = 'ONLINE') AS online_count,
           max(s.last_seen_at) AS last_activity
    FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id)
    WHERE r.status = 'ACTIVE' GROUP BY r.tenant_id
  ) d USING (tenant_id)
  LEFT JOIN (
    SELECT tenant_id, count(*) AS open_alerts FROM fleet_alert WHERE status = 'OPEN' GROUP BY 1
  ) a USING (tenant_id)
  WHERE t.status <> 'DELETED'
  ORDER BY t.name, t.tenant_id
)sql";

constexpr const char* select_stats = R"sql(
  SELECT t.tenant_id, t.name, t.status,
         count(r.device_id) AS total, count(r.device_id) FILTER (WHERE r.status = 'ACTIVE') AS active,
         count(r.device_id) FILTER (WHERE r.status = 'ACTIVE' AND s.status = 'ONLINE') AS online,
         count(r.device_id) FILTER (WHERE r.status = 'ACTIVE' AND s.status = 'STALE') AS stale,
         (SELECT count(*) FROM sites WHERE tenant_id = t.tenant_id) AS sites,
         (SELECT count(*) FROM roles WHERE tenant_id = t.tenant_id) AS roles,
         (SELECT count(*) FROM api_tokens WHERE tenant_id = t.tenant_id AND revoked_at IS NULL)
           AS api_tokens,
         (SELECT count(*) FROM fleet_alert WHERE tenant_id = t.tenant_id AND status = 'OPEN')
           AS open_alerts,
         (SELECT count(*) FROM fleet_alert WHERE tenant_id = t.tenant_id AND status = 'CLOSED')
           AS closed_alerts,
         (SELECT count(*) FROM fleet_alert WHERE tenant_id = t.tenant_id
            AND created_at > now() - interval '24 hours') AS alerts_24h,
         (SELECT max(created_at) FROM fleet_alert WHERE tenant_id = t.tenant_id) AS last_alert,
         (SELECT count(*) FROM alert_rules WHERE tenant_id = t.tenant_id) AS total_rules,
         (SELECT count(*) FROM alert_rules WHERE tenant_id = t.tenant_id AND enabled)
           AS active_rules,
         max(s.last_seen_at) AS last_device_activity
  FROM tenants t
  LEFT JOIN device_registry r ON r.tenant_id = t.tenant_id AND r.status <> 'DELETED'
  LEFT JOIN device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id
  WHERE t.tenant_id = $1 GROUP BY t.tenant_id
)sql";

/// Calls `put(column, expression, value)` for each field that was given.
template <class F>
void each_given(const TenantFields& f, F put) {
  const auto text = [&](const char* column, const json::Patch<std::string>& m) {
    if (m) put(column, "nullif(?, '')", m.value);
  };
  text("contact_email", f.contact_email);
  text("contact_name", f.contact_name);
  text("legal_name", f.legal_name);
  text("phone", f.phone);
  text("industry", f.industry);
  text("company_size", f.company_size);
  text("address_line1", f.address_line1);
  text("address_line2", f.address_line2);
  text("city", f.city);
  text("state_province", f.state_province);
  text("postal_code", f.postal_code);
  text("country", f.country);
  text("data_residency_region", f.data_residency_region);
  text("support_tier", f.support_tier);
  text("billing_email", f.billing_email);
  text("stripe_customer_id", f.stripe_customer_id);
  text("account_tier_id", f.account_tier_id);
  if (f.sla_level) put("sla_level", "?::numeric", f.sla_level.value);
  if (f.metadata)
    put("metadata", "?::jsonb",
        f.metadata.value ? boost::json::serialize(*f.metadata.value) : std::string("{}"));
}

/// Runs a write whose only foreign key is the tier's.
Task<pg::Result> write_tenant(OperatorDb db, std::string action, std::string tenant_id,
                              std::string sql, pg::Params params) {
  std::string fault;
  try {
    co_return co_await db.write(std::move(action), std::move(tenant_id), std::move(sql),
                                std::move(params));
  } catch (const pg::Error& e) {
    if (e.foreign_key_violation())
      fault = "Unknown account tier";
    else if (e.unique_violation())
      fault = "stripe_customer_id belongs to another tenant";
    else
      throw;
  }
  throw bad_request(fault);
}

}  // namespace

Task<TenantList> tenants_matching(OperatorDb db, TenantListQuery query) {
  pg::Clauses where(" AND ");
  if (query.status != "ALL") where.add("status = ?", query.status);
  if (query.search) {
    where.add("(strpos(lower(tenant_id), lower(?)) > 0 OR strpos(lower(name), lower(?)) > 0)",
              *query.search, *query.search);
  }
  const auto condition = where.where();
  const auto conditions = where.params();
  const auto limit = where.parameter(query.limit), offset = where.parameter(query.offset);
  const auto rows =
      co_await db.read("list_tenants", "",
                       "SELECT " + tenant_columns + ", (SELECT count(*) FROM tenants" + condition +
                           ") AS total FROM tenants" + condition +
                           " ORDER BY name, tenant_id LIMIT " + limit + " OFFSET " + offset,
                       where.params());
  TenantList out;
  out.tenants = pg::rows_as<Tenant>(rows);
  if (!rows.empty()) {
    out.total = rows.int64(0, rows.column("total"));
  } else if (query.offset > 0) {
    const auto counted = co_await db.read("list_tenants", "",
                                          "SELECT count(*) FROM tenants" + condition, conditions);
    out.total = counted.int64(0, 0);
  }
  out.limit = query.limit;
  out.offset = query.offset;
  co_return out;
}

Task<std::optional<Tenant>> find_tenant(OperatorDb db, std::string tenant_id) {
  const auto rows = co_await db.read(
      "get_tenant", tenant_id, "SELECT " + tenant_columns + " FROM tenants WHERE tenant_id = $1",
      pg::Params::of(tenant_id));
  co_return pg::first_as<Tenant>(rows);
}

Task<std::vector<TenantSummary>> summaries_of_tenants(OperatorDb db) {
  const auto rows = co_await db.read("get_all_tenants_stats", "", select_summaries);
  co_return pg::rows_as<TenantSummary>(rows);
}

Task<std::optional<TenantStats>> stats_of_tenant(OperatorDb db, std::string tenant_id) {
  const auto rows =
      co_await db.read("get_tenant_stats", tenant_id, select_stats, pg::Params::of(tenant_id));
  if (rows.empty()) co_return std::nullopt;
  auto out = pg::row_as<TenantStats>(rows, 0);
  out.stats = pg::row_as<Numbers>(rows, 0);
  out.stats.devices = pg::row_as<DeviceNumbers>(rows, 0);
  out.stats.alerts.open = rows.int64(0, rows.column("open_alerts"));
  out.stats.alerts.closed = rows.int64(0, rows.column("closed_alerts"));
  out.stats.alerts.last_24h = rows.int64(0, rows.column("alerts_24h"));
  out.stats.rules.total = rows.int64(0, rows.column("total_rules"));
  out.stats.rules.active = rows.int64(0, rows.column("active_rules"));
  co_return out;
}

Task<bool> insert_tenant(OperatorDb db, CreateTenant tenant) {
  std::string columns = "tenant_id, name";
  pg::Clauses values(", ");
  values.add("?", tenant.tenant_id).add("?", tenant.name);
  each_given(tenant, [&](const char* column, const char* expression, const auto& value) {
    columns += std::string(", ") + column;
    values.add(expression, value);
  });
  if (!tenant.account_tier_id) {
    columns += ", account_tier_id";
    values.add("'free'");
  }
  const auto made =
      co_await write_tenant(db, "create_tenant", tenant.tenant_id,
                            "INSERT INTO tenants (" + columns + ") VALUES (" + values.text() +
                                ") ON CONFLICT (tenant_id) DO NOTHING "
                                "RETURNING tenant_id",
                            values.params());
  co_return !made.empty();
}

Task<> take_back_tenant(OperatorDb db, std::string tenant_id) {
  co_await db.write("take_back_tenant", tenant_id, "DELETE FROM tenants WHERE tenant_id = $1",
                    pg::Params::of(tenant_id));
}

Task<bool> set_tier(OperatorDb db, std::string tenant_id, std::string tier_id) {
  const auto rows = co_await db.write(
      "assign_tier", tenant_id,
      "UPDATE tenants SET account_tier_id = $2, updated_at = now() WHERE tenant_id = $1 "
      "AND status <> 'DELETED' AND EXISTS (SELECT FROM account_tiers WHERE tier_id = $2) RETURNING "
      "tenant_id",
      pg::Params::of(tenant_id, tier_id));
  co_return !rows.empty();
}

Task<bool> update_tenant(OperatorDb db, std::string tenant_id, UpdateTenant changes) {
  pg::Clauses set(", ");
  if (changes.name) set.add("name = ?", *changes.name);
  if (changes.status) set.add("status = ?", *changes.status);
  each_given(changes, [&](const char* column, const char* expression, const auto& value) {
    set.add(std::string(column) + " = " + expression, value);
  });
  if (set.empty()) throw bad_request("No fields to update");
  set.add("updated_at = now()");
  const auto id = set.parameter(tenant_id);
  const auto rows =
      co_await write_tenant(db, "update_tenant", tenant_id,
                            "UPDATE tenants SET " + set.text() + " WHERE tenant_id = " + id +
                                " AND status <> 'DELETED' RETURNING tenant_id",
                            set.params());
  co_return !rows.empty();
}

Task<bool> delete_tenant(OperatorDb db, std::string tenant_id) {
  const auto rows = co_await db.write(
      "delete_tenant", tenant_id,
      "UPDATE tenants SET status = 'DELETED', deleted_at = now(), updated_at = now(), "
      "purge_after = now() + make_interval(days => $2) "
      "WHERE tenant_id = $1 AND status <> 'DELETED' RETURNING tenant_id",
      pg::Params::of(tenant_id, undo_days));
  co_return !rows.empty();
}

Task<bool> restore_tenant(OperatorDb db, std::string tenant_id) {
  const auto rows = co_await db.write(
      "restore_tenant", tenant_id,
      "UPDATE tenants SET status = 'ACTIVE', deleted_at = NULL, purge_after = NULL, "
      "updated_at = now() WHERE tenant_id = $1 AND status = 'DELETED' AND purge_after > now() "
      "RETURNING tenant_id",
      pg::Params::of(tenant_id));
  co_return !rows.empty();
}

Task<bool> hasten_purge(OperatorDb db, std::string tenant_id) {
  const auto rows =
      co_await db.write("purge_tenant", tenant_id,
                        "UPDATE tenants SET purge_after = now(), updated_at = now() "
                        "WHERE tenant_id = $1 AND status = 'DELETED' RETURNING tenant_id",
                        pg::Params::of(tenant_id));
  co_return !rows.empty();
}

}  // namespace pulse::operations
