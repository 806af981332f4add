#include "fleet/documents.hpp"
#include "fleet/twin.hpp"
#include "platform/errors.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

constexpr std::int64_t stale_ms = 30 * 60 * 1000;

/// Of each device in ($1, $2) and the side $3, what is beyond the number that is kept.
constexpr const char* trim_history = R"sql(
  DELETE FROM twin_history h
  USING (SELECT DISTINCT tenant_id, device_id FROM unnest($1::text[], $2::text[])
           AS d (tenant_id, device_id)) d
  WHERE h.tenant_id = d.tenant_id AND h.device_id = d.device_id AND h.side = $3
    AND h.id <= (SELECT k.id FROM twin_history k
                 WHERE k.tenant_id = d.tenant_id AND k.device_id = d.device_id AND k.side = $3
                 ORDER BY k.id DESC OFFSET $4::integer LIMIT 1)
)sql";

constexpr const char* make_states = R"sql(
  INSERT INTO device_state (tenant_id, device_id, site_id, last_state_change_at)
  SELECT r.tenant_id, r.device_id, r.site_id, r.created_at
  FROM unnest($1::text[], $2::text[]) AS d (tenant_id, device_id)
  JOIN device_registry r USING (tenant_id, device_id)
  WHERE r.status <> 'DELETED'
    AND NOT EXISTS (SELECT FROM device_state s
                    WHERE s.tenant_id = r.tenant_id AND s.device_id = r.device_id)
  ON CONFLICT DO NOTHING
)sql";

// The row is locked before it is compared, so whoever comes second sees what the first one wrote.
constexpr const char* take_reports = R"sql(
  WITH was AS (
    SELECT s.tenant_id, s.device_id, s.reported_state, g.document::jsonb AS document, g.version,
           to_timestamp(g.received_ms / 1000.0) AS received_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::bigint[])
      AS g (tenant_id, device_id, document, version, received_ms)
    JOIN device_state s USING (tenant_id, device_id)
    WHERE g.version > s.reported_version OR (g.version = s.reported_version
      AND (s.reported_at IS NULL OR s.reported_at <= to_timestamp(g.received_ms / 1000.0)))
    ORDER BY s.tenant_id, s.device_id
    FOR UPDATE OF s
  ), kept AS (
    INSERT INTO twin_history (tenant_id, device_id, side, version, before, after, source)
    SELECT tenant_id, device_id, 'reported', version, reported_state, document, $6 FROM was
    WHERE reported_state <> document
  )
  UPDATE device_state s SET reported_state = was.document, reported_version = was.version,
    reported_at = was.received_at, shadow_updated_at = now()
  FROM was WHERE s.tenant_id = was.tenant_id AND s.device_id = was.device_id
  RETURNING s.tenant_id, s.device_id
)sql";

}  // namespace

std::string sync_status_of(const Twin& twin) {
  if (!twin.seen_at || to_ms(*twin.seen_at) < now_ms() - stale_ms) return "stale";
  return twin.desired_version == twin.reported_version ? "synced" : "pending";
}

Task<std::optional<Twin>> find_twin(tenancy::TenantDb db, std::string device_id) {
  const auto rows = co_await db.query(R"sql(
    SELECT r.device_id, coalesce(s.desired_state, '{}') AS desired,
           coalesce(s.reported_state, '{}') AS reported, coalesce(s.desired_version, 0)
             AS desired_version, coalesce(s.reported_version, 0) AS reported_version,
           s.shadow_updated_at, s.desired_at, greatest(s.last_seen_at, s.reported_at) AS seen_at
    FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id)
    WHERE r.device_id = $1 AND r.status <> 'DELETED'
  )sql",
                                      pg::Params::of(device_id));
  co_return pg::first_as<Twin>(rows);
}

Task<std::vector<TwinChange>> twin_changes(tenancy::TenantDb db, std::string device_id,
                                           std::string side, std::int64_t limit) {
  const auto rows = co_await db.query(R"sql(
    SELECT id, side, version, before, after, source, actor, created_at FROM twin_history
    WHERE device_id = $1 AND ($2 = '' OR side = $2) ORDER BY id DESC LIMIT $3::integer
  )sql",
                                      pg::Params::of(device_id, side, limit));
  co_return pg::rows_as<TwinChange>(rows);
}

namespace {

struct DesiredRow {
  std::string tenant_id;
  boost::json::object desired_state;
  std::int64_t desired_version = 0;
};
BOOST_DESCRIBE_STRUCT(DesiredRow, (), (tenant_id, desired_state, desired_version))

/// The device's row, made where there is none, and locked. Throws HttpError 404.
Task<DesiredRow> lock_desired(pg::Transaction& tx, std::string device_id) {
  co_await tx.query(
      "INSERT INTO device_state (tenant_id, device_id, site_id, last_state_change_at) "
      "SELECT tenant_id, device_id, site_id, created_at FROM device_registry "
      "WHERE device_id = $1 AND status <> 'DELETED' ON CONFLICT DO NOTHING",
      pg::Params::of(device_id));
  const auto rows = co_await tx.query(
      "SELECT s.tenant_id, s.desired_state, s.desired_version "
      "FROM device_state s JOIN device_registry r USING (tenant_id, device_id) "
      "WHERE s.device_id = $1 AND r.status <> 'DELETED' FOR UPDATE OF s",
      pg::Params::of(device_id));
  auto row = pg::first_as<DesiredRow>(rows);
  if (!row) throw not_found("Device not found");
  co_return std::move(*row);
}

}  // namespace

Task<DesiredChanged> change_desired(tenancy::TenantDb db, std::string device_id,
                                    DesiredChange change) {
  auto tx = co_await db.begin();
  auto row = co_await lock_desired(tx, device_id);
  if (row.desired_version != change.expected_version)
    throw conflict("Version conflict. Expected version " + std::to_string(change.expected_version) +
                   " but current version is " + std::to_string(row.desired_version) +
                   ". Refresh and retry.");
  DesiredChanged out;
  out.before = std::move(row.desired_state);
  if (change.is_patch) {
    out.after = out.before;
    merge_patch(out.after, change.document);
  } else {
    out.after = std::move(change.document);
  }
  const auto text = checked_document(out.after, "desired");
  out.version = row.desired_version + 1;
  const std::vector<std::string> tenants{row.tenant_id}, devices{device_id};
  std::vector<pg::Statement> statements;
  statements.emplace_back(
      "UPDATE device_state SET desired_state = $2::jsonb, desired_version = $3::integer, "
      "desired_at = now(), desired_sent_at = now(), shadow_updated_at = now() "
      "WHERE device_id = $1 RETURNING desired_at",
      pg::Params::of(device_id, text, out.version));
  if (!same_value(out.before, out.after)) {
    statements.emplace_back(
        "INSERT INTO twin_history (tenant_id, device_id, side, version, before, after, source, "
        "actor) VALUES ($1, $2, 'desired', $3::integer, $4::jsonb, $5::jsonb, 'api', $6)",
        pg::Params::of(row.tenant_id, device_id, out.version, json::to_text(out.before), text,
                       change.actor));
    statements.emplace_back(trim_history,
                            pg::Params::of(tenants, devices, "desired", twin_changes_kept));
  }
  const auto results = co_await tx.batch(std::move(statements));
  pg::read_value(results[0], 0, 0, out.at);
  co_await tx.commit();
  co_return out;
}

std::vector<pg::Statement> report_statements(const std::vector<ReportedState>& reports,
                                             const std::string& source) {
  std::vector<std::string> tenants, devices, documents;
  std::vector<std::int64_t> versions, received;
  for (const auto& r : reports) {
    tenants.push_back(r.tenant_id);
    devices.push_back(r.device_id);
    documents.push_back(r.document);
    versions.push_back(r.version);
    received.push_back(r.received_ms);
  }
  std::vector<pg::Statement> out;
  out.emplace_back(make_states, pg::Params::of(tenants, devices));
  out.emplace_back(take_reports,
                   pg::Params::of(tenants, devices, documents, versions, received, source));
  out.emplace_back(trim_history, pg::Params::of(tenants, devices, "reported", twin_changes_kept));
  return out;
}

}  // namespace pulse::fleet
