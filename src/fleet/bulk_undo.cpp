// Taking a change of many devices back: each only where it still is as the change made it.
#include <set>

#include "fleet/bulk.hpp"
#include "platform/errors.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

// $1: tenant, $2: what the change did: {"to": ..., "devices": [[device_id, was], ...]}. Each
// answers the devices that are as they were.
constexpr const char* undo_add_tags = R"sql(
  DELETE FROM device_tags t
  USING jsonb_array_elements($2::jsonb -> 'devices') e, jsonb_array_elements_text(e -> 1) AS tag
  WHERE t.tenant_id = $1 AND t.device_id = e ->> 0 AND t.tag = tag.value
  RETURNING t.device_id
)sql";
constexpr const char* undo_remove_tags = R"sql(
  INSERT INTO device_tags (tenant_id, device_id, tag, position)
  SELECT $1, r.device_id, x ->> 0, (x ->> 1)::integer
  FROM jsonb_array_elements($2::jsonb -> 'devices') e
  JOIN device_registry r ON r.tenant_id = $1 AND r.device_id = e ->> 0 AND r.status <> 'DELETED'
  CROSS JOIN jsonb_array_elements(e -> 1) x
  ON CONFLICT DO NOTHING RETURNING device_id
)sql";
constexpr const char* undo_move_site = R"sql(
  UPDATE device_registry r SET site_id = e ->> 1, updated_at = now()
  FROM jsonb_array_elements($2::jsonb -> 'devices') e
  WHERE r.tenant_id = $1 AND r.device_id = e ->> 0 AND r.status <> 'DELETED'
    AND r.site_id = $2::jsonb ->> 'to'
    AND EXISTS (SELECT FROM sites x WHERE x.tenant_id = $1 AND x.site_id = e ->> 1)
  RETURNING r.device_id
)sql";
constexpr const char* undo_set_template = R"sql(
  WITH listed AS (
    SELECT e ->> 0 AS device_id, (e -> 1 ->> 'template_id')::integer AS template_id,
           e -> 1 -> 'made' AS made, e -> 1 -> 'had' AS had
    FROM jsonb_array_elements($2::jsonb -> 'devices') e
  ), back AS (
    UPDATE device_registry r SET template_id = l.template_id, updated_at = now()
    FROM listed l
    WHERE r.tenant_id = $1 AND r.device_id = l.device_id AND r.status <> 'DELETED'
      AND r.template_id = ($2::jsonb ->> 'to')::integer
      AND (l.template_id IS NULL OR EXISTS (SELECT FROM device_templates t WHERE t.id = l.template_id))
    RETURNING r.device_id
  ), gone AS (
    DELETE FROM device_sensors k USING listed l, jsonb_array_elements(
      CASE jsonb_typeof(l.made) WHEN 'array' THEN l.made ELSE '[]' END) m
    WHERE k.tenant_id = $1 AND k.id = m::integer AND l.device_id IN (SELECT device_id FROM back)
  ), as_before AS (
    UPDATE device_sensors k SET source = h ->> 1, template_metric_id =
      (SELECT id FROM template_metrics WHERE id = (h ->> 2)::integer)
    FROM listed l, jsonb_array_elements(
      CASE jsonb_typeof(l.had) WHEN 'array' THEN l.had ELSE '[]' END) h
    WHERE k.tenant_id = $1 AND k.id = (h ->> 0)::integer
      AND l.device_id IN (SELECT device_id FROM back)
  )
  SELECT device_id FROM back
)sql";
// The tokens that went with it come back: those revoked in the same moment.
constexpr const char* undo_decommission = R"sql(
  WITH back AS (
    UPDATE device_registry r SET status = e ->> 1, decommissioned_at = NULL, updated_at = now()
    FROM jsonb_array_elements($2::jsonb -> 'devices') e
    WHERE r.tenant_id = $1 AND r.device_id = e ->> 0 AND r.status <> 'DELETED'
      AND r.decommissioned_at = ($2::jsonb ->> 'to')::timestamptz
    RETURNING r.device_id
  ), tokens AS (
    UPDATE device_api_tokens SET revoked_at = NULL
    WHERE tenant_id = $1 AND device_id IN (SELECT device_id FROM back)
      AND revoked_at = ($2::jsonb ->> 'to')::timestamptz
  )
  SELECT device_id FROM back
)sql";

const char* statement_for(const std::string& action) {
  if (action == "add_tags") return undo_add_tags;
  if (action == "remove_tags") return undo_remove_tags;
  if (action == "move_site") return undo_move_site;
  return action == "set_template" ? undo_set_template : undo_decommission;
}

}  // namespace

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
      "DELETE FROM bulk_changes WHERE undo_id = $1 AND expires_at > now() RETURNING action, done",
      pg::Params::of(undo_id));
  if (taken.empty()) co_return std::nullopt;
  const std::string action(taken.text(0, 0)), text(taken.text(0, 1));
  const auto done = boost::json::parse(text).as_object();
  std::vector<std::string> ids;
  for (const auto& entry : done.at("devices").as_array())
    ids.emplace_back(entry.as_array()[0].as_string());
  co_await tx.query(
      "SELECT 1 FROM device_registry WHERE device_id = ANY ($1::text[]) ORDER BY device_id FOR "
      "UPDATE",
      pg::Params::of(ids));
  pg::Result rows;
  if (action == "restore")
    rows = co_await tx.query(decommission_devices, pg::Params::of(ids));
  else
    rows = co_await tx.query(statement_for(action), pg::Params::of(tenant_id, text));
  std::set<std::string> changed;
  for (int i = 0; i < rows.rows(); ++i) changed.emplace(rows.text(i, 0));
  co_await tx.commit();
  BulkOutcome out;
  out.result.action = action;
  out.result.matched = static_cast<std::int64_t>(ids.size());
  out.result.changed = static_cast<std::int64_t>(changed.size());
  for (const auto& id : ids)
    if (!changed.contains(id)) out.result.skipped.push_back({id, "Changed since"});
  out.changed.assign(changed.begin(), changed.end());
  co_return out;
}

}  // namespace pulse::fleet
