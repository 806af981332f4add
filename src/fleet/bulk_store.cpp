#include <algorithm>
#include <set>
#include <unordered_map>

#include "fleet/bulk.hpp"
#include "fleet/groups.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

// Each answers (device_id, what it was or what was done, as jsonb) of the devices that it changed.
// $1: tenant, $2: devices, $3: what for.
constexpr const char* add_tags = R"sql(
  WITH given AS (
    SELECT tag, place FROM unnest($3::text[]) WITH ORDINALITY AS t (tag, place)
  ), had AS (
    SELECT d.device_id, coalesce(max(g.position), 0) AS last
    FROM unnest($2::text[]) AS d (device_id)
    LEFT JOIN device_tags g ON g.tenant_id = $1 AND g.device_id = d.device_id GROUP BY 1
  ), added AS (
    INSERT INTO device_tags (tenant_id, device_id, tag, position)
    SELECT $1, had.device_id, given.tag, had.last + given.place FROM had, given
    ON CONFLICT DO NOTHING RETURNING device_id, tag
  )
  SELECT device_id, jsonb_agg(tag) FROM added GROUP BY device_id
)sql";
constexpr const char* remove_tags = R"sql(
  WITH gone AS (
    DELETE FROM device_tags WHERE tenant_id = $1 AND device_id = ANY ($2::text[])
      AND tag = ANY ($3::text[])
    RETURNING device_id, tag, position
  )
  SELECT device_id, jsonb_agg(jsonb_build_array(tag, position)) FROM gone GROUP BY device_id
)sql";
constexpr const char* move_site = R"sql(
  WITH was AS (
    SELECT device_id, site_id FROM device_registry
    WHERE tenant_id = $1 AND device_id = ANY ($2::text[]) AND site_id <> $3
  ), states AS (
    UPDATE device_state s SET site_id = $3
    FROM was WHERE s.tenant_id = $1 AND s.device_id = was.device_id
  )
  UPDATE device_registry r SET site_id = $3, updated_at = now()
  FROM was WHERE r.tenant_id = $1 AND r.device_id = was.device_id
  RETURNING r.device_id, to_jsonb(was.site_id)
)sql";
constexpr const char* set_template = R"sql(
  WITH was AS (
    SELECT device_id, template_id FROM device_registry
    WHERE tenant_id = $1 AND device_id = ANY ($2::text[])
      AND template_id IS DISTINCT FROM $3::integer
  ), moved AS (
    UPDATE device_registry r SET template_id = $3::integer, updated_at = now()
    FROM was WHERE r.tenant_id = $1 AND r.device_id = was.device_id
  ), wanted AS (
    SELECT * FROM template_metrics WHERE template_id = $3::integer AND is_required
  ), had AS (
    SELECT k.device_id, jsonb_agg(jsonb_build_array(k.id, k.source, k.template_metric_id)) AS list
    FROM device_sensors k JOIN wanted m ON m.metric_key = k.metric_key
    WHERE k.tenant_id = $1 AND k.device_id IN (SELECT device_id FROM was) GROUP BY 1
  ), put AS (
    INSERT INTO device_sensors (tenant_id, device_id, metric_key, display_name, sensor_type, unit,
      min_range, max_range, precision_digits, source, template_metric_id)
    SELECT $1, was.device_id, m.metric_key, m.display_name, m.data_type, m.unit, m.min_value,
           m.max_value, m.precision_digits, 'required', m.id
    FROM was, wanted m
    ON CONFLICT (tenant_id, device_id, metric_key) DO UPDATE
      SET source = 'required', template_metric_id = excluded.template_metric_id
    RETURNING device_id, id, xmax = 0 AS is_new
  ), made AS (
    SELECT device_id, jsonb_agg(id) AS list FROM put WHERE is_new GROUP BY 1
  )
  SELECT was.device_id, jsonb_build_object('template_id', was.template_id, 'made', made.list,
                                           'had', had.list)
  FROM was LEFT JOIN made USING (device_id) LEFT JOIN had USING (device_id)
)sql";
constexpr const char* restore_devices = R"sql(
  UPDATE device_registry SET status = 'ACTIVE', decommissioned_at = NULL, updated_at = now()
  WHERE tenant_id = $1 AND device_id = ANY ($2::text[]) AND decommissioned_at IS NOT NULL
    AND status <> 'DELETED'
  RETURNING device_id, 'null'::jsonb
)sql";

struct Target {
  std::string device_id, status;
  bool decommissioned = false;
};
BOOST_DESCRIBE_STRUCT(Target, (), (device_id, status, decommissioned))

/// The devices, locked in the order of their ids.
Task<std::vector<Target>> lock_targets(tenancy::TenantDb db, pg::Transaction& tx,
                                       BulkRequest request) {
  pg::Clauses where(" AND ");
  where.add("r.status <> 'DELETED'");
  std::string joins;
  if (request.device_ids) {
    where.add("r.device_id = ANY (?::text[])", *request.device_ids);
  } else {
    const auto search = parse_search(*request.query);
    const auto named = co_await dynamic_groups_named(db, search.groups());
    const auto fits = search_sql(search, where, named);
    where.add(fits.condition);
    joins = fits.joins;
    if (!search.mentions(SearchKey::is))
      where.add(request.action == "restore" ? "r.decommissioned_at IS NOT NULL"
                                            : "r.decommissioned_at IS NULL");
  }
  // All that fit are found first: with its limit inside, the planner would seek them one by one.
  const auto limit = where.parameter(static_cast<std::int64_t>(bulk_max_devices + 1));
  const auto rows = co_await tx.query(
      "WITH fit AS MATERIALIZED (SELECT r.tenant_id, r.device_id FROM device_registry r LEFT JOIN "
      "device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id" +
          joins + where.where() +
          ") SELECT r.device_id, r.status, r.decommissioned_at IS NOT NULL AS decommissioned FROM "
          "(SELECT * FROM fit LIMIT " +
          limit +
          ") f JOIN device_registry r ON r.tenant_id = f.tenant_id AND r.device_id = f.device_id "
          "WHERE r.status <> 'DELETED' ORDER BY r.device_id FOR NO KEY UPDATE OF r",
      where.params());
  auto targets = pg::rows_as<Target>(rows);
  if (targets.size() > bulk_max_devices)
    throw bad_request("The search finds more than 10000 devices: narrow it");
  co_return targets;
}

std::string reason_for(const std::string& action) {
  if (action == "add_tags") return "Has these tags already";
  if (action == "remove_tags") return "Has none of these tags";
  if (action == "move_site") return "Is at this site already";
  if (action == "set_template") return "Has this template already";
  return action == "restore" ? "Not decommissioned" : "Already decommissioned";
}

Task<> require_known(pg::Transaction& tx, BulkParams params) {
  if (params.site_id) {
    const auto rows = co_await tx.query("SELECT 1 FROM sites WHERE site_id = $1 FOR KEY SHARE",
                                        pg::Params::of(*params.site_id));
    if (rows.empty()) throw not_found("Site not found");
  }
  if (params.template_id) {
    const auto rows = co_await tx.query("SELECT 1 FROM device_templates WHERE id = $1",
                                        pg::Params::of(*params.template_id));
    if (rows.empty()) throw not_found("Template not found");
  }
}

/// What a change did: `to` is what all devices have since, `devices` what each was.
struct Done {
  boost::json::value to;
  boost::json::array devices;
  std::vector<std::string> ids;

  void add(std::string device_id, boost::json::value was) {
    boost::json::array entry;
    entry.emplace_back(device_id);
    entry.push_back(std::move(was));
    devices.push_back(std::move(entry));
    ids.push_back(std::move(device_id));
  }
  void add_rows(const pg::Result& rows) {
    for (int i = 0; i < rows.rows(); ++i)
      add(std::string(rows.text(i, 0)), boost::json::parse(rows.text(i, 1)));
  }
};

Task<Done> apply(pg::Transaction& tx, std::string tenant_id, std::string action, BulkParams params,
                 std::vector<Target> targets) {
  std::vector<std::string> ids;
  for (const auto& t : targets) ids.push_back(t.device_id);
  Done done;
  if (action == "decommission") {
    const auto rows = co_await tx.query(decommission_devices, pg::Params::of(ids));
    std::unordered_map<std::string, std::string> status;
    for (const auto& t : targets) status[t.device_id] = t.status;
    for (int i = 0; i < rows.rows(); ++i) {
      const std::string id(rows.text(i, 0));
      done.to = boost::json::string(rows.text(i, 1));
      done.add(id, boost::json::string(status[id]));
    }
    co_return done;
  }
  pg::Result rows;
  if (action == "restore") {
    rows = co_await tx.query(restore_devices, pg::Params::of(tenant_id, ids));
  } else if (action == "move_site") {
    done.to = boost::json::string(*params.site_id);
    rows = co_await tx.query(move_site, pg::Params::of(tenant_id, ids, *params.site_id));
  } else if (action == "set_template") {
    done.to = *params.template_id;
    rows = co_await tx.query(set_template, pg::Params::of(tenant_id, ids, *params.template_id));
  } else {
    const auto tags = clean_tags(*params.tags);
    rows = co_await tx.query(action == "add_tags" ? add_tags : remove_tags,
                             pg::Params::of(tenant_id, ids, tags));
  }
  done.add_rows(rows);
  co_return done;
}

Task<BulkUndo> keep_for_undo(pg::Transaction& tx, std::string tenant_id, std::string action,
                             boost::json::object what, std::string user_id) {
  BulkUndo undo;
  undo.undo_id = "undo-" + crypto::random_token(18);
  co_await tx.query("DELETE FROM bulk_changes WHERE expires_at < now()");
  const auto rows = co_await tx.query(
      "INSERT INTO bulk_changes (tenant_id, undo_id, action, done, created_by, expires_at) VALUES "
      "($1, $2, $3, $4, $5, now() + interval '1 hour') RETURNING expires_at",
      pg::Params::of(tenant_id, undo.undo_id, action, boost::json::serialize(what), user_id));
  pg::read_value(rows, 0, 0, undo.expires_at);
  co_return undo;
}

void skip_the_rest(BulkResult& result, const std::vector<std::string>& all,
                   const std::vector<std::string>& changed, const std::string& reason) {
  const std::set<std::string_view> done(changed.begin(), changed.end());
  for (const auto& id : all)
    if (!done.contains(id)) result.skipped.push_back({id, reason});
}

}  // namespace

std::string fault_of_bulk(const BulkRequest& r) {
  const BulkParams none;
  const auto& given = r.params ? *r.params : none;
  if ((r.action == "add_tags" || r.action == "remove_tags") && (!given.tags || given.tags->empty()))
    return r.action + " needs tags";
  if (r.action == "move_site" && !given.site_id) return "move_site needs site_id";
  if (r.action == "set_template" && !given.template_id) return "set_template needs template_id";
  return {};
}

std::string permission_of_bulk(const std::string& action) {
  if (action == "add_tags" || action == "remove_tags") return "devices.tags.write";
  if (action == "move_site" || action == "set_template") return "devices.update";
  return "devices.decommission";
}

Task<BulkOutcome> change_devices(tenancy::TenantDb db, std::string tenant_id, BulkRequest request,
                                 std::string user_id) {
  BulkOutcome out;
  out.result.action = request.action;
  auto params = request.params.value_or(BulkParams());
  if (request.action != "move_site") params.site_id.reset();
  if (request.action != "set_template") params.template_id.reset();
  auto tx = co_await db.begin();
  co_await require_known(tx, params);
  const auto targets = co_await lock_targets(db, tx, request);
  auto done = co_await apply(tx, tenant_id, request.action, params, targets);
  std::vector<std::string> found;
  for (const auto& t : targets) found.push_back(t.device_id);
  out.result.matched = static_cast<std::int64_t>(found.size());
  out.result.changed = static_cast<std::int64_t>(done.ids.size());
  if (request.device_ids) {
    const std::set<std::string> asked(request.device_ids->begin(), request.device_ids->end());
    skip_the_rest(out.result, {asked.begin(), asked.end()}, found, "Device not found");
  }
  skip_the_rest(out.result, found, done.ids, reason_for(request.action));
  if (request.action == "decommission" && !done.ids.empty())
    out.result.note = co_await note_of_certificates(tx, done.ids, std::string(done.to.as_string()));
  if (!done.ids.empty()) {
    boost::json::object what;
    what["to"] = std::move(done.to);
    what["devices"] = std::move(done.devices);
    out.result.undo =
        co_await keep_for_undo(tx, tenant_id, request.action, std::move(what), user_id);
  }
  co_await tx.commit();
  out.changed = std::move(done.ids);
  co_return out;
}

}  // namespace pulse::fleet
