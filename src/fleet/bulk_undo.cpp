// Taking a change of many devices back: each only where it still is as the change made it.
#include <set>

#include "fleet/bulk.hpp"
#include "platform/errors.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

// $1: tenant, $2: devices, $3: what each was or what was done to it (jsonb), $4: what all have
// since, where there is such. Each answers the devices that are as they were.
constexpr const char* undo_add_tags = R"sql(
  DELETE FROM device_tags t
  USING unnest($2::text[], $3::text[]) AS e (device_id, tags),
        jsonb_array_elements_text(e.tags::jsonb) AS added (tag)
  WHERE t.tenant_id = $1 AND t.device_id = e.device_id AND t.tag = added.tag
  RETURNING t.device_id
)sql";
constexpr const char* undo_remove_tags = R"sql(
  INSERT INTO device_tags (tenant_id, device_id, tag, position)
  SELECT $1, r.device_id, x ->> 0, (x ->> 1)::integer
  FROM unnest($2::text[], $3::text[]) AS e (device_id, tags)
  JOIN device_registry r
    ON r.tenant_id = $1 AND r.device_id = e.device_id AND r.status <> 'DELETED'
  CROSS JOIN jsonb_array_elements(e.tags::jsonb) x
  ON CONFLICT DO NOTHING RETURNING device_id
)sql";
constexpr const char* undo_move_site = R"sql(
  WITH back AS (
    UPDATE device_registry r SET site_id = x.site_id, updated_at = now()
    FROM unnest($2::text[], $3::text[]) AS e (device_id, was)
    JOIN sites x ON x.tenant_id = $1 AND x.site_id = e.was::jsonb #>> '{}'
    WHERE r.tenant_id = $1 AND r.device_id = e.device_id AND r.status <> 'DELETED'
      AND r.site_id = $4::text
    RETURNING r.device_id, r.site_id
  ), states AS (
    UPDATE device_state s SET site_id = back.site_id
    FROM back WHERE s.tenant_id = $1 AND s.device_id = back.device_id
  )
  SELECT device_id FROM back
)sql";
constexpr const char* undo_set_template = R"sql(
  WITH listed AS MATERIALIZED (
    SELECT e.device_id, e.was::jsonb AS was, (e.was::jsonb ->> 'template_id')::integer AS template_id
    FROM unnest($2::text[], $3::text[]) AS e (device_id, was)
  ), back AS (
    UPDATE device_registry r SET template_id = l.template_id, updated_at = now()
    FROM listed l
    WHERE r.tenant_id = $1 AND r.device_id = l.device_id AND r.status <> 'DELETED'
      AND r.template_id = $4::text::integer
      AND (l.template_id IS NULL OR l.template_id IN (SELECT id FROM device_templates))
    RETURNING r.device_id, l.was
  ), made AS (
    SELECT m::integer AS id FROM back, jsonb_array_elements(
      CASE jsonb_typeof(was -> 'made') WHEN 'array' THEN was -> 'made' ELSE '[]' END) m
  ), had AS (
    SELECT (h ->> 0)::integer AS id, h ->> 1 AS source, (h ->> 2)::integer AS template_metric_id
    FROM back, jsonb_array_elements(
      CASE jsonb_typeof(was -> 'had') WHEN 'array' THEN was -> 'had' ELSE '[]' END) h
  ), gone AS (
    DELETE FROM device_sensors k USING made WHERE k.tenant_id = $1 AND k.id = made.id
  ), as_before AS (
    UPDATE device_sensors k SET source = had.source, template_metric_id = m.id
    FROM had LEFT JOIN template_metrics m ON m.id = had.template_metric_id
    WHERE k.tenant_id = $1 AND k.id = had.id
  )
  SELECT device_id FROM back
)sql";
// The tokens that went with it come back: those revoked in the same moment.
constexpr const char* undo_decommission = R"sql(
  WITH back AS (
    UPDATE device_registry r SET status = e.was::jsonb #>> '{}', decommissioned_at = NULL,
      updated_at = now()
    FROM unnest($2::text[], $3::text[]) AS e (device_id, was)
    WHERE r.tenant_id = $1 AND r.device_id = e.device_id AND r.status <> 'DELETED'
      AND r.decommissioned_at = $4::text::timestamptz
    RETURNING r.device_id
  ), tokens AS (
    UPDATE device_api_tokens t SET revoked_at = NULL
    FROM back
    WHERE t.tenant_id = $1 AND t.device_id = back.device_id
      AND t.revoked_at = $4::text::timestamptz
  )
  SELECT device_id FROM back
)sql";

const char* statement_for(const std::string& action) {
  if (action == "add_tags") return undo_add_tags;
  if (action == "remove_tags") return undo_remove_tags;
  if (action == "move_site") return undo_move_site;
  return action == "set_template" ? undo_set_template : undo_decommission;
}

/// Only these of the devices, and what they were.
void leave(std::vector<std::string>& ids, std::vector<std::string>& was,
           const std::vector<std::string>& these) {
  const std::set<std::string_view> stays(these.begin(), these.end());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!stays.contains(ids[i])) continue;
    std::swap(ids[kept], ids[i]);
    std::swap(was[kept], was[i]);
    ++kept;
  }
  ids.resize(kept);
  was.resize(kept);
}

}  // namespace

Task<std::optional<std::string>> note_of_certificates(pg::Transaction& tx,
                                                      std::vector<std::string> device_ids,
                                                      std::string decommissioned_at) {
  const auto rows = co_await tx.query(
      "SELECT count(*), count(DISTINCT device_id) FROM device_certificates "
      "WHERE device_id = ANY ($1::text[]) AND revoked_reason = 'decommissioned' "
      "AND revoked_at = $2::text::timestamptz",
      pg::Params::of(device_ids, decommissioned_at));
  const auto certificates = rows.int64(0, 0), devices = rows.int64(0, 1);
  if (certificates == 0) co_return std::nullopt;
  co_return std::to_string(certificates) +
      (certificates == 1 ? " certificate of " : " certificates of ") + std::to_string(devices) +
      (devices == 1 ? " device was" : " devices were") +
      " revoked with the decommissioning and stay revoked: issue new ones. Tokens come back.";
}

Task<std::optional<std::string>> action_to_undo(tenancy::TenantDb db, std::string undo_id) {
  const auto rows =
      co_await db.query("SELECT action FROM bulk_changes WHERE undo_id = $1 AND expires_at > now()",
                        pg::Params::of(undo_id));
  if (rows.empty()) co_return std::nullopt;
  co_return std::string(rows.text(0, 0));
}

Task<std::optional<BulkOutcome>> undo_change(tenancy::TenantDb db, std::string tenant_id,
                                             std::string undo_id) {
  auto tx = co_await db.begin();
  const auto taken = co_await tx.query(
      "DELETE FROM bulk_changes WHERE undo_id = $1 AND expires_at > now() "
      "RETURNING action, done, created_at",
      pg::Params::of(undo_id));
  if (taken.empty()) co_return std::nullopt;
  const std::string action(taken.text(0, 0));
  const auto done = boost::json::parse(taken.text(0, 1)).as_object();
  std::vector<std::string> ids, was;
  for (const auto& entry : done.at("devices").as_array()) {
    ids.emplace_back(entry.as_array()[0].as_string());
    was.push_back(boost::json::serialize(entry.as_array()[1]));
  }
  // Of a device that was deleted and made anew under its id, nothing is taken back.
  const auto same = co_await tx.query(
      "SELECT device_id FROM device_registry WHERE device_id = ANY ($1::text[]) "
      "AND created_at <= $2::timestamptz ORDER BY device_id FOR NO KEY UPDATE",
      pg::Params::of(ids, std::string(taken.text(0, 2))));
  const auto asked = ids;
  leave(ids, was, pg::texts(same));
  auto parameters = pg::Params::of(tenant_id, ids, was);
  const auto& to = done.at("to");
  if (to.is_string())
    parameters.add(std::string(to.as_string()));
  else if (!to.is_null())
    parameters.add(boost::json::serialize(to));
  pg::Result rows;
  if (action == "restore")
    rows = co_await tx.query(decommission_devices, pg::Params::of(ids));
  else
    rows = co_await tx.query(statement_for(action), parameters);
  std::set<std::string> changed;
  for (int i = 0; i < rows.rows(); ++i) changed.emplace(rows.text(i, 0));
  BulkOutcome out;
  out.changed.assign(changed.begin(), changed.end());
  if (action == "decommission" && !changed.empty())
    out.result.note = co_await note_of_certificates(tx, out.changed, std::string(to.as_string()));
  co_await tx.commit();
  out.result.action = action;
  out.result.matched = static_cast<std::int64_t>(asked.size());
  out.result.changed = static_cast<std::int64_t>(changed.size());
  for (const auto& id : asked)
    if (!changed.contains(id)) out.result.skipped.push_back({id, "Changed since"});
  co_return out;
}

}  // namespace pulse::fleet
