#include "account/roles.hpp"
#include "platform/errors.hpp"
#include "platform/pg/row_change.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::account {

namespace {

const std::string select_roles = R"sql(
  SELECT r.id, r.name, r.description, r.is_system, r.created_at, r.updated_at,
         (SELECT count(*) FROM user_role_assignments a WHERE a.role_id = r.id) AS member_count
  FROM roles r
)sql";

constexpr const char* permissions_of_roles = R"sql(
  SELECT rp.role_id, p.id, p.action, p.category, p.description
  FROM role_permissions rp JOIN permissions p ON p.id = rp.permission_id
  WHERE rp.role_id = ANY ($1::uuid[])
  ORDER BY p.category, p.action
)sql";

Task<> add_permissions(tenancy::TenantDb db, std::vector<Role>& roles) {
  std::vector<std::string> ids;
  for (const auto& r : roles) ids.push_back(r.id);
  const auto rows = co_await db.query(permissions_of_roles, pg::Params::of(ids));
  const auto columns = pg::columns_of<Permission>(rows);
  const int role_column = rows.column("role_id");
  for (int i = 0; i < rows.rows(); ++i) {
    Permission p;
    pg::read_row(rows, i, columns, p);
    for (auto& r : roles)
      if (r.id == rows.text(i, role_column)) r.permissions.push_back(p);
  }
}

}  // namespace

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

Task<std::vector<Permission>> permission_catalogue(tenancy::TenantDb db) {
  const auto rows = co_await db.query(
      "SELECT id, action, category, description FROM permissions ORDER BY category, action");
  co_return pg::rows_as<Permission>(rows);
}

Task<std::vector<Role>> roles_of_tenant(tenancy::TenantDb db) {
  const auto rows =
      co_await db.query(select_roles + " ORDER BY r.is_system DESC, lower(r.name), r.id");
  auto roles = pg::rows_as<Role>(rows);
  co_await add_permissions(db, roles);
  co_return roles;
}

Task<std::optional<Role>> find_role(tenancy::TenantDb db, std::string role_id) {
  if (!is_uuid(role_id)) co_return std::nullopt;
  const auto rows = co_await db.query(select_roles + " WHERE r.id = $1", pg::Params::of(role_id));
  auto roles = pg::rows_as<Role>(rows);
  if (roles.empty()) co_return std::nullopt;
  co_await add_permissions(db, roles);
  co_return std::move(roles.front());
}

Task<std::optional<std::string>> insert_role(tenancy::TenantDb db, std::string tenant_id,
                                             CreateRole role) {
  auto transaction = co_await db.begin();
  const auto rows = co_await transaction.query(
      "INSERT INTO roles (tenant_id, name, description) SELECT $1, $2, $3 "
      "WHERE NOT EXISTS (SELECT FROM roles WHERE lower(name) = lower($2)) "
      "ON CONFLICT DO NOTHING RETURNING id",
      pg::Params::of(tenant_id, role.name, role.description.value_or("")));
  if (rows.empty()) co_return std::nullopt;
  std::string id(rows.text(0, 0));
  co_await transaction.query(
      "INSERT INTO role_permissions (role_id, permission_id) SELECT $1, unnest($2::integer[])",
      pg::Params::of(id, role.permission_ids));
  co_await transaction.commit();
  co_return id;
}

Task<std::optional<boost::json::object>> update_role(tenancy::TenantDb db, std::string role_id,
                                                     UpdateRole changes) {
  auto transaction = co_await db.begin();
  if (changes.name) {
    const auto taken =
        co_await transaction.query("SELECT 1 FROM roles WHERE lower(name) = lower($1) AND id <> $2",
                                   pg::Params::of(*changes.name, role_id));
    if (!taken.empty()) co_return std::nullopt;
  }
  pg::RowChange change;
  if (changes.name) change.set("name", *changes.name);
  if (changes.description) change.set("description", *changes.description);
  change.also("updated_at = now()");
  auto statement = change.in("roles", "id = ?", role_id);
  pg::Result rows;
  try {
    rows = co_await transaction.query(statement.first, statement.second);
  } catch (const pg::Error& e) {
    if (e.unique_violation()) co_return std::nullopt;
    throw;
  }
  if (rows.empty()) throw not_found("Role not found");
  auto told = pg::RowChange::told(rows);
  if (changes.permission_ids) {
    const std::string held =
        "SELECT action FROM role_permissions JOIN permissions ON id = permission_id "
        "WHERE role_id = $1 ORDER BY action";
    const auto before = co_await transaction.query(held, pg::Params::of(role_id));
    co_await transaction.query("DELETE FROM role_permissions WHERE role_id = $1",
                               pg::Params::of(role_id));
    co_await transaction.query(
        "INSERT INTO role_permissions (role_id, permission_id) SELECT $1, unnest($2::integer[])",
        pg::Params::of(role_id, *changes.permission_ids));
    const auto after = co_await transaction.query(held, pg::Params::of(role_id));
    json::add_change(told, "permissions", boost::json::value_from(pg::texts(before)),
                     boost::json::value_from(pg::texts(after)));
  }
  co_await transaction.commit();
  co_return told;
}

Task<bool> remove_role(tenancy::TenantDb db, std::string role_id,
                       std::optional<std::string> replacement) {
  auto transaction = co_await db.begin();
  // Who gives the role to somebody meanwhile waits, and finds it gone.
  co_await transaction.query("SELECT 1 FROM roles WHERE id = $1 FOR UPDATE",
                             pg::Params::of(role_id));
  if (replacement) {
    co_await transaction.query(
        "INSERT INTO user_role_assignments (tenant_id, user_id, role_id, assigned_by) "
        "SELECT tenant_id, user_id, $2, assigned_by FROM user_role_assignments WHERE role_id = $1 "
        "ON CONFLICT DO NOTHING",
        pg::Params::of(role_id, *replacement));
  } else {
    const auto held = co_await transaction.query(
        "SELECT 1 FROM user_role_assignments WHERE role_id = $1 LIMIT 1", pg::Params::of(role_id));
    if (!held.empty()) co_return false;
  }
  co_await transaction.query("DELETE FROM roles WHERE id = $1", pg::Params::of(role_id));
  co_await transaction.commit();
  co_return true;
}

Task<std::vector<Assignment>> assignments_of(tenancy::TenantDb db, std::string user_id) {
  const auto rows = co_await db.query(
      "SELECT a.id, a.role_id, r.name AS role_name, r.is_system, a.assigned_at, a.assigned_by "
      "FROM user_role_assignments a JOIN roles r ON r.id = a.role_id WHERE a.user_id = $1 "
      "ORDER BY r.is_system DESC, r.name",
      pg::Params::of(user_id));
  co_return pg::rows_as<Assignment>(rows);
}

Task<> replace_assignments(tenancy::TenantDb db, std::string tenant_id, std::string user_id,
                           std::vector<std::string> role_ids, std::string assigned_by) {
  std::vector<pg::Statement> work;
  work.emplace_back(
      "DELETE FROM user_role_assignments WHERE user_id = $1 AND role_id <> ALL ($2::uuid[])",
      pg::Params::of(user_id, role_ids));
  work.emplace_back(
      "INSERT INTO user_role_assignments (tenant_id, user_id, role_id, assigned_by) "
      "SELECT $1, $2, unnest($3::uuid[]), $4 ON CONFLICT DO NOTHING",
      pg::Params::of(tenant_id, user_id, role_ids, assigned_by));
  co_await db.batch(std::move(work));
}

Task<std::vector<std::string>> users_holding(tenancy::TenantDb db, std::string permission,
                                             std::optional<std::string> except_role) {
  const auto rows = co_await db.query(
      "SELECT DISTINCT a.user_id FROM user_role_assignments a "
      "JOIN role_permissions rp ON rp.role_id = a.role_id "
      "JOIN permissions p ON p.id = rp.permission_id "
      "WHERE p.action = $1 AND a.role_id IS DISTINCT FROM $2::uuid",
      pg::Params::of(permission, except_role));
  co_return pg::texts(rows);
}

Task<std::vector<std::string>> permissions_of_user(tenancy::TenantDb db, std::string user_id) {
  const auto rows = co_await db.query(
      "SELECT DISTINCT p.action FROM user_role_assignments a "
      "JOIN role_permissions rp ON rp.role_id = a.role_id "
      "JOIN permissions p ON p.id = rp.permission_id WHERE a.user_id = $1 ORDER BY 1",
      pg::Params::of(user_id));
  co_return pg::texts(rows);
}

}  // namespace pulse::account
