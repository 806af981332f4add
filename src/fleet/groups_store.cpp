#include "fleet/groups.hpp"
#include "platform/errors.hpp"
#include "platform/ids.hpp"
#include "platform/pg/row_change.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

// Who belongs to a group at all.
constexpr const char* in_service = "r.status <> 'DELETED' AND r.decommissioned_at IS NULL";
std::string devices(bool with_state) {
  return with_state ? "device_registry r LEFT JOIN device_state s ON s.tenant_id = r.tenant_id AND "
                      "s.device_id = r.device_id"
                    : "device_registry r";
}

struct DynamicRow {
  std::string group_id, name;
  boost::json::object query_filter;
};
BOOST_DESCRIBE_STRUCT(DynamicRow, (), (group_id, name, query_filter))

void sort_by_name(std::vector<DeviceGroup>& groups) {
  std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, a.group_id) < std::tie(b.name, b.group_id);
  });
}

/// Counts the dynamic ones, each by a statement of its own: the planner knows best how.
Task<> count_dynamic(tenancy::TenantDb db, std::vector<DeviceGroup>& groups) {
  std::vector<DeviceGroup*> open;
  std::vector<std::pair<std::string, pg::Params>> statements;
  for (auto& group : groups) {
    if (!group.query_filter) continue;
    pg::Clauses clauses(" AND ");
    const auto search = search_of_filter(*group.query_filter);
    const auto fits = search_sql(search, clauses);
    open.push_back(&group);
    statements.emplace_back("SELECT count(*) FROM " + devices(search.needs_state()) + fits.joins +
                                " WHERE " + in_service + " AND " + fits.condition,
                            clauses.params());
  }
  if (statements.empty()) co_return;
  const auto results = co_await db.batch(std::move(statements));
  for (std::size_t i = 0; i < open.size(); ++i) open[i]->member_count = results[i].int64(0, 0);
}

/// Takes the tenant's lock on making groups, checks the tier's room and the id.
Task<std::string> prepare_group(pg::Transaction& tx, std::string tenant_id,
                                std::optional<std::string> group_id) {
  if (group_id && !json::matches_identifier(*group_id)) throw bad_request("Invalid group_id");
  const auto id = group_id.value_or(short_id("grp-", 8));
  co_await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('groups:' || $1, 0))",
                    pg::Params::of(tenant_id));
  const auto rows = co_await tx.query(R"sql(
    SELECT EXISTS (SELECT FROM device_groups WHERE group_id = $1)
             OR EXISTS (SELECT FROM dynamic_device_groups WHERE group_id = $1) AS taken,
           (SELECT count(*) FROM device_groups) + (SELECT count(*) FROM dynamic_device_groups),
           a.name, CASE WHEN jsonb_typeof(a.limits -> 'device_groups') = 'number'
                        THEN trunc((a.limits -> 'device_groups')::numeric)::bigint END
    FROM tenants t LEFT JOIN account_tiers a ON a.tier_id = t.account_tier_id
  )sql",
                                      pg::Params::of(id));
  if (rows.boolean(0, 0)) throw conflict("Group ID already exists");
  if (!rows.null(0, 3) && rows.int64(0, 1) >= rows.int64(0, 3))
    throw forbidden("Device group limit reached: tier " + std::string(rows.text(0, 2)) +
                    " allows " + std::to_string(rows.int64(0, 3)) +
                    " device groups. Delete one, or ask for a larger tier.");
  co_return id;
}

/// A dynamic group's filter, judged. It may name static groups only, so that none goes in circles.
Task<> judge_filter(tenancy::TenantDb db, boost::json::object filter) {
  const auto query = search_of_filter(filter);
  if (!query.mentions(SearchKey::group)) co_return;
  const auto named = co_await dynamic_groups_named(db, query.groups());
  if (!named.empty())
    throw bad_request("A dynamic group can't name another dynamic group: " +
                      named.front().group_id);
}

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

template <class Changes>
void set_names(pg::RowChange& change, const Changes& changes) {
  if (changes.name) {
    if (!changes.name.value || is_blank(*changes.name.value)) throw bad_request("Invalid name");
    change.set("name", *changes.name.value);
  }
  if (changes.description) change.set("description", changes.description.value);
}

Task<std::optional<boost::json::object>> apply(tenancy::TenantDb db, pg::RowChange change,
                                               std::string table, std::string group_id) {
  change.also("updated_at = now()");
  auto statement = change.in(table, "group_id = ?", group_id);
  const auto rows = co_await db.query(statement.first, statement.second);
  if (rows.empty()) co_return std::nullopt;
  co_return pg::RowChange::told(rows);
}

/// Which devices are members: what follows FROM and WHERE of a statement about them.
struct MemberSource {
  bool dynamic = false;
  std::string from, where;
  pg::Params params;
};

/// `with_state`: the statement reads device_state s, whether the group needs it or not.
Task<MemberSource> members_from(tenancy::TenantDb db, std::string group_id, pg::Params before,
                                bool with_state) {
  const auto rows = co_await db.query(
      "SELECT query_filter FROM dynamic_device_groups WHERE group_id = $1 UNION ALL "
      "SELECT NULL FROM device_groups WHERE group_id = $1",
      pg::Params::of(group_id));
  if (rows.empty()) throw not_found("Group not found");
  pg::Clauses clauses(" AND ");
  for (const auto& value : before.values()) clauses.parameter(value);
  MemberSource out;
  out.dynamic = !rows.null(0, 0);
  if (out.dynamic) {
    const auto search = search_of_filter(boost::json::parse(rows.text(0, 0)).as_object());
    const auto fits = search_sql(search, clauses);
    out.from = devices(with_state || search.needs_state()) + fits.joins;
    out.where = fits.condition;
  } else {
    out.from = devices(with_state) +
               " JOIN device_group_members m ON m.tenant_id = r.tenant_id AND m.device_id = "
               "r.device_id";
    out.where = "m.group_id = " + clauses.parameter(group_id);
  }
  out.where += std::string(" AND ") + in_service;
  out.params = clauses.params();
  co_return out;
}

}  // namespace

Task<std::vector<DeviceGroup>> groups_with_counts(tenancy::TenantDb db,
                                                  std::optional<std::string> group_id) {
  const auto rows = co_await db.query(R"sql(
    SELECT g.group_id, g.tenant_id, g.name, g.description, 'static' AS group_type,
           (SELECT count(*) FROM device_group_members m JOIN device_registry r USING (tenant_id, device_id)
            WHERE m.tenant_id = g.tenant_id AND m.group_id = g.group_id
              AND r.status <> 'DELETED' AND r.decommissioned_at IS NULL) AS member_count,
           NULL::jsonb AS query_filter, g.created_at, g.updated_at
    FROM device_groups g WHERE $1::text IS NULL OR g.group_id = $1
    UNION ALL
    SELECT group_id, tenant_id, name, description, 'dynamic', 0, query_filter, created_at, updated_at
    FROM dynamic_device_groups WHERE $1::text IS NULL OR group_id = $1
  )sql",
                                      pg::Params::of(group_id));
  auto groups = pg::rows_as<DeviceGroup>(rows);
  co_await count_dynamic(db, groups);
  sort_by_name(groups);
  co_return groups;
}

Task<std::string> insert_static_group(tenancy::TenantDb db, std::string tenant_id,
                                      DeviceGroupCreate group) {
  auto tx = co_await db.begin();
  const auto id = co_await prepare_group(tx, tenant_id, group.group_id);
  co_await tx.query(
      "INSERT INTO device_groups (tenant_id, group_id, name, description) VALUES ($1, $2, $3, $4)",
      pg::Params::of(tenant_id, id, group.name, group.description));
  co_await tx.commit();
  co_return id;
}

Task<std::string> insert_dynamic_group(tenancy::TenantDb db, std::string tenant_id,
                                       DynamicGroupCreate group) {
  co_await judge_filter(db, group.query_filter);
  auto tx = co_await db.begin();
  const auto id = co_await prepare_group(tx, tenant_id, group.group_id);
  co_await tx.query(
      "INSERT INTO dynamic_device_groups (tenant_id, group_id, name, description, query_filter) "
      "VALUES ($1, $2, $3, $4, $5)",
      pg::Params::of(tenant_id, id, group.name, group.description,
                     boost::json::serialize(group.query_filter)));
  co_await tx.commit();
  co_return id;
}

Task<std::optional<boost::json::object>> update_static_group(tenancy::TenantDb db,
                                                             std::string group_id,
                                                             DeviceGroupUpdate changes) {
  pg::RowChange change;
  set_names(change, changes);
  if (change.empty()) throw bad_request("No fields to update");
  co_return co_await apply(db, std::move(change), "device_groups", std::move(group_id));
}

Task<std::optional<boost::json::object>> update_dynamic_group(tenancy::TenantDb db,
                                                              std::string group_id,
                                                              DynamicGroupUpdate changes) {
  pg::RowChange change;
  set_names(change, changes);
  if (changes.query_filter) {
    if (!changes.query_filter.value) throw bad_request("query_filter can't be null");
    const auto& filter = *changes.query_filter.value;
    if (const auto unknown = unsupported_keys(filter); !unknown.empty())
      throw bad_request("Unsupported filter keys: " + unknown);
    co_await judge_filter(db, filter);
    change.set("query_filter", boost::json::serialize(filter), "?::jsonb");
  }
  if (change.empty()) throw bad_request("No fields to update");
  co_return co_await apply(db, std::move(change), "dynamic_device_groups", std::move(group_id));
}

Task<std::optional<std::string>> remove_group(tenancy::TenantDb db, bool dynamic,
                                              std::string group_id) {
  const std::string table = dynamic ? "dynamic_device_groups" : "device_groups";
  const auto rows = co_await db.query(
      "DELETE FROM " + table + " WHERE group_id = $1 RETURNING name", pg::Params::of(group_id));
  if (rows.empty()) co_return std::nullopt;
  co_return std::string(rows.text(0, 0));
}

Task<bool> add_member(tenancy::TenantDb db, std::string tenant_id, std::string group_id,
                      std::string device_id) {
  const auto rows = co_await db.query(R"sql(
    WITH known AS (
      SELECT EXISTS (SELECT FROM device_groups WHERE group_id = $2) AS grouped,
             EXISTS (SELECT FROM device_registry WHERE device_id = $3 AND status <> 'DELETED')
               AS registered
    ), added AS (
      INSERT INTO device_group_members (tenant_id, group_id, device_id)
      SELECT $1, $2, $3 FROM known WHERE grouped AND registered ON CONFLICT DO NOTHING
      RETURNING device_id
    )
    SELECT grouped, registered, EXISTS (SELECT FROM added) FROM known
  )sql",
                                      pg::Params::of(tenant_id, group_id, device_id));
  if (!rows.boolean(0, 0)) throw not_found("Group not found");
  if (!rows.boolean(0, 1)) throw not_found("Device not found");
  co_return rows.boolean(0, 2);
}

Task<bool> remove_member(tenancy::TenantDb db, std::string group_id, std::string device_id) {
  const auto rows = co_await db.query(
      "DELETE FROM device_group_members WHERE group_id = $1 AND device_id = $2 RETURNING device_id",
      pg::Params::of(group_id, device_id));
  co_return !rows.empty();
}

Task<GroupMembers> page_of_members(tenancy::TenantDb db, std::string group_id, std::int64_t limit,
                                   std::int64_t offset) {
  const auto before = pg::Params::of(limit, offset);
  const auto who = co_await members_from(db, group_id, before, true);
  // All members are found first, then the page's; one row comes back at least, for the total.
  const auto rows = co_await db.query(
      std::string("WITH fit AS MATERIALIZED (SELECT r.device_id, coalesce(r.name, r.model, "
                  "r.device_id) AS name, coalesce(s.status, 'OFFLINE') AS status, r.site_id, ") +
          (who.dynamic ? "NULL::timestamptz" : "m.added_at") + " AS added_at FROM " + who.from +
          " WHERE " + who.where +
          ") SELECT t.total, p.* FROM (SELECT count(*) AS total FROM fit) t LEFT JOIN (SELECT * "
          "FROM "
          "fit ORDER BY device_id LIMIT $1 OFFSET $2) p ON true ORDER BY p.device_id",
      who.params);
  GroupMembers out;
  out.group_type = who.dynamic ? "dynamic" : "static";
  out.total = rows.int64(0, 0);
  out.members = pg::rows_as<DeviceGroupMember>(rows);
  if (rows.null(0, rows.column("device_id"))) out.members.clear();
  co_return out;
}

Task<pg::Statement> select_members_of_group(tenancy::TenantDb db, std::string group_id,
                                            pg::Params before) {
  auto who = co_await members_from(db, std::move(group_id), std::move(before), false);
  pg::Statement out;
  out.first = "SELECT r.device_id FROM " + who.from + " WHERE " + who.where;
  out.second = std::move(who.params);
  co_return out;
}

Task<std::vector<std::string>> members_of_group(tenancy::TenantDb db, std::string group_id) {
  auto select = co_await select_members_of_group(db, std::move(group_id), pg::Params());
  const auto rows =
      co_await db.query(select.first + " ORDER BY r.device_id", std::move(select.second));
  co_return pg::texts(rows);
}

Task<std::vector<NamedGroup>> dynamic_groups_named(tenancy::TenantDb db,
                                                   std::vector<std::string> names) {
  std::vector<NamedGroup> out;
  if (names.empty()) co_return out;
  const auto rows = co_await db.query(
      "SELECT group_id, name, query_filter FROM dynamic_device_groups WHERE group_id = ANY "
      "($1::text[]) OR name = ANY ($1::text[])",
      pg::Params::of(names));
  for (auto& row : pg::rows_as<DynamicRow>(rows)) {
    NamedGroup group;
    group.group_id = std::move(row.group_id);
    group.name = std::move(row.name);
    group.filter = search_of_filter(row.query_filter);
    out.push_back(std::move(group));
  }
  co_return out;
}

}  // namespace pulse::fleet
