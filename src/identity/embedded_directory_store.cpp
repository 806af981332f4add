#include "identity/embedded_directory_store.hpp"

#include "identity/store.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::identity {

namespace {

const pg::Scope as_login;  // the login role owns the schema; no tenant scope reaches it

constexpr const char* columns =
    "u.id, u.username, u.email, u.first_name, u.last_name, u.enabled, u.email_verified, "
    "(extract(epoch FROM u.created_at) * 1000)::bigint AS created_at, u.tenant_id, "
    "u.realm_roles AS roles";

/// What the database says, as the directory says it; goes on with what is ours to mend.
void tell(const pg::Error& e) {
  if (e.unavailable()) throw unavailable("Directory unavailable");
  if (!e.unique_violation()) return;
  const bool email = e.constraint.find("email") != std::string::npos;
  throw conflict(email ? "User with this email already exists" : "Username already exists");
}

Task<std::vector<pg::Result>> ask_all(pg::Pool& pool, pg::Scope scope,
                                      std::vector<pg::Statement> work) {
  try {
    co_return co_await pool.batch(scope, std::move(work));
  } catch (const pg::Error& e) {
    tell(e);
    throw;
  }
}

Task<pg::Result> ask(pg::Pool& pool, std::string sql, pg::Params params) {
  std::vector<pg::Statement> work;
  work.emplace_back(std::move(sql), std::move(params));
  auto results = co_await ask_all(pool, as_login, std::move(work));
  co_return std::move(results.front());
}

/// One user of a condition on $1.
Task<std::optional<DirectoryUser>> one_user(pg::Pool& pool, std::string condition,
                                            std::string value) {
  const auto rows = co_await ask(
      pool, std::string("SELECT ") + columns + " FROM identity.users u WHERE " + condition,
      pg::Params::of(value));
  co_return pg::first_as<DirectoryUser>(rows);
}

/// A pattern that finds the text anywhere, whatever is in it.
std::string containing(std::string_view text) {
  std::string out = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  return out + "%";
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

Task<UserPage> users_matching(pg::Pool& pool, UserQuery query) {
  UserPage out;
  const auto search = trimmed(query.search);
  if (!search.empty() && !can_be_name(search)) co_return out;  // no name holds such characters
  pg::Clauses found(" AND ");
  if (!search.empty()) found.add("u.search_text LIKE lower(?)", containing(search));
  if (!query.tenant_id.empty()) found.add("u.tenant_id = ?", query.tenant_id);
  std::vector<pg::Statement> work;
  work.emplace_back("SELECT count(*) FROM identity.users u" + found.where(), found.params());
  const auto from = std::string("SELECT ") + columns + " FROM identity.users u" + found.where();
  const auto limit = found.parameter(query.limit), offset = found.parameter(query.offset);
  work.emplace_back(from + " ORDER BY u.username LIMIT " + limit + " OFFSET " + offset,
                    found.params());
  const auto results = co_await ask_all(pool, as_login, std::move(work));
  out.total = results[0].int64(0, 0);
  out.users = pg::rows_as<DirectoryUser>(results[1]);
  co_return out;
}

Task<std::optional<DirectoryUser>> directory_user(pg::Pool& pool, std::string id) {
  if (!is_uuid(id)) co_return std::nullopt;
  co_return co_await one_user(pool, "u.id = $1", std::move(id));
}
Task<std::optional<DirectoryUser>> directory_user_of_email(pg::Pool& pool, std::string email) {
  if (!can_be_name(email)) co_return std::nullopt;
  co_return co_await one_user(pool, "u.email = lower($1)", std::move(email));
}
Task<std::optional<DirectoryUser>> directory_user_of_name(pg::Pool& pool, std::string username) {
  if (!can_be_name(username)) co_return std::nullopt;
  co_return co_await one_user(pool, "u.username = lower($1)", std::move(username));
}

Task<std::string> insert_user(pg::Pool& pool, CreateUser u, std::optional<std::string> hash) {
  const bool temporary = hash && u.password_temporary;
  const auto rows = co_await ask(pool, R"sql(
    INSERT INTO identity.users (username, email, first_name, last_name, password_hash,
                                password_temporary, realm_roles, tenant_id)
    VALUES (lower($1), lower(nullif($2, '')), nullif($3, ''), nullif($4, ''), $5, $6, $7::text[],
            nullif($8, ''))
    RETURNING id)sql",
                                 pg::Params::of(u.username, u.email, u.first_name, u.last_name,
                                                hash, temporary, u.roles, u.tenant_id));
  co_return std::string(rows.text(0, 0));
}

Task<bool> update_user(pg::Pool& pool, std::string id, UserChanges c) {
  if (!is_uuid(id)) co_return false;
  pg::Clauses set(", ");
  if (c.email)
    set.add(
        "email = lower(nullif(?, '')), "
        "email_verified = u.email_verified AND u.email IS NOT DISTINCT FROM lower(?)",
        *c.email, *c.email);
  if (c.first_name) set.add("first_name = nullif(?, '')", *c.first_name);
  if (c.last_name) set.add("last_name = nullif(?, '')", *c.last_name);
  if (c.enabled) set.add("enabled = ?::boolean", *c.enabled);
  set.add("updated_at = now()");
  const auto who = set.parameter(id);
  const auto rows = co_await ask(
      pool,
      "WITH before AS (SELECT id, email FROM identity.users WHERE id = " + who +
          " FOR UPDATE), changed AS (UPDATE identity.users u SET " + set.text() +
          " FROM before b WHERE u.id = b.id RETURNING u.id, "
          "u.email IS DISTINCT FROM b.email AS elsewhere), "
          "ended AS (UPDATE identity.action_tokens t SET used_at = now() FROM changed c "
          "WHERE t.user_id = c.id AND c.elsewhere AND t.used_at IS NULL) "
          "SELECT id FROM changed",
      set.params());
  co_return !rows.empty();
}

Task<bool> delete_user(pg::Pool& pool, std::string id) {
  if (!is_uuid(id)) co_return false;
  const auto rows = co_await ask(pool, "DELETE FROM identity.users WHERE id = $1 RETURNING id",
                                 pg::Params::of(id));
  co_return !rows.empty();
}

Task<bool> replace_roles(pg::Pool& pool, std::string id, std::vector<std::string> roles) {
  if (!is_uuid(id)) co_return false;
  const auto rows = co_await ask(pool,
                                 "UPDATE identity.users SET realm_roles = $2::text[], "
                                 "updated_at = now() WHERE id = $1 RETURNING id",
                                 pg::Params::of(id, roles));
  co_return !rows.empty();
}

Task<bool> move_to_tenant(pg::Pool& pool, std::string id, std::optional<std::string> tenant_id) {
  if (!is_uuid(id)) co_return false;
  const auto rows = co_await ask(pool,
                                 "UPDATE identity.users SET tenant_id = $2, updated_at = now() "
                                 "WHERE id = $1 RETURNING id",
                                 pg::Params::of(id, tenant_id));
  co_return !rows.empty();
}

Task<bool> replace_password(pg::Pool& pool, std::string id, std::string hash, bool temporary) {
  if (!is_uuid(id)) co_return false;
  const auto rows = co_await ask(pool, R"sql(
    WITH changed AS (
      UPDATE identity.users SET password_hash = $2, password_temporary = $3, updated_at = now()
      WHERE id = $1 RETURNING id
    ), links AS (
      UPDATE identity.action_tokens t SET used_at = now() FROM changed c
      WHERE t.user_id = c.id AND t.used_at IS NULL
    ), ended AS (
      DELETE FROM identity.sessions s USING changed c WHERE s.user_id = c.id
    )
    SELECT id FROM changed)sql",
                                 pg::Params::of(id, hash, temporary));
  co_return !rows.empty();
}

Task<bool> replace_temporary_password(pg::Pool& pool, std::string id, std::string before,
                                      std::string hash) {
  if (!is_uuid(id)) co_return false;
  const auto rows = co_await ask(pool,
                                 "UPDATE identity.users SET password_hash = $3, "
                                 "password_temporary = false, updated_at = now() WHERE id = $1 "
                                 "AND password_hash = $2 AND password_temporary AND enabled "
                                 "RETURNING id",
                                 pg::Params::of(id, before, hash));
  co_return !rows.empty();
}

Task<std::vector<UserSession>> sessions_of_user(pg::Pool& pool, std::string id) {
  // What the browser's clients did counts for the browser's session.
  const auto rows = co_await ask(pool, R"sql(
    SELECT s.id, host(s.ip_address) AS ip_address, s.user_agent, s.created_at AS started_at,
           s.last_used_at,
           coalesce(s.client_id, (SELECT string_agg(DISTINCT c.client_id, ', ')
                                  FROM identity.sessions c WHERE c.parent_id = s.id)) AS client
    FROM identity.sessions s
    WHERE s.user_id = $1 AND s.parent_id IS NULL AND s.expires_at > now()
    ORDER BY s.last_used_at DESC, s.id)sql",
                                 pg::Params::of(id));
  co_return pg::rows_as<UserSession>(rows);
}

Task<bool> delete_session(pg::Pool& pool, std::string id, std::string session_id) {
  if (!is_uuid(id) || !is_uuid(session_id)) co_return false;
  const auto rows = co_await ask(
      pool, "DELETE FROM identity.sessions WHERE id = $2 AND user_id = $1 RETURNING id",
      pg::Params::of(id, session_id));
  co_return !rows.empty();
}

Task<> delete_sessions(pg::Pool& pool, std::string id) {
  co_await ask(pool, "DELETE FROM identity.sessions WHERE user_id = $1", pg::Params::of(id));
}

namespace {
constexpr const char* organization_columns =
    "SELECT tenant_id AS id, name, tenant_id AS alias, status = 'ACTIVE' AS enabled FROM tenants ";

Task<std::vector<Organization>> organizations_where(pg::Pool& pool, std::string condition,
                                                    pg::Params params) {
  std::vector<pg::Statement> work;
  work.emplace_back(organization_columns + condition, std::move(params));
  pg::Scope scope("pulse_operator_read", {});
  const auto results = co_await ask_all(pool, scope, std::move(work));
  co_return pg::rows_as<Organization>(results[0]);
}
}  // namespace

Task<std::map<std::string, std::int64_t>> count_users_of_tenants(pg::Pool& pool) {
  std::vector<pg::Statement> work;
  work.emplace_back(
      "SELECT tenant_id, count(*) AS users FROM identity.users WHERE tenant_id IS NOT NULL "
      "GROUP BY tenant_id",
      pg::Params{});
  const auto results = co_await ask_all(pool, as_login, std::move(work));
  std::map<std::string, std::int64_t> out;
  for (int i = 0; i < results[0].rows(); ++i)
    out.emplace(results[0].text(i, 0), results[0].int64(i, 1));
  co_return out;
}

Task<std::vector<Organization>> all_organizations(pg::Pool& pool) {
  return organizations_where(pool, "WHERE deleted_at IS NULL ORDER BY tenant_id", {});
}

Task<std::string> organization_name(pg::Pool& pool, std::string tenant_id) {
  const auto found =
      co_await organizations_where(pool, "WHERE tenant_id = $1", pg::Params::of(tenant_id));
  co_return found.empty() ? std::string() : found.front().name;
}

Task<bool> insert_link(pg::Pool& pool, std::string key, std::string user_id, std::string action,
                       long life_s, int hourly) {
  std::vector<pg::Statement> work;
  // One at a time for a user: the count below sees what another request has just written.
  work.emplace_back("SELECT id FROM identity.users WHERE id = $1 FOR UPDATE",
                    pg::Params::of(user_id));
  work.emplace_back(R"sql(
    INSERT INTO identity.action_tokens (token_hash, user_id, action, expires_at)
    SELECT $1, $2::uuid, $3, now() + make_interval(secs => $4)
    WHERE $5::bigint = 0 OR $5::bigint > (
      SELECT count(*) FROM identity.action_tokens
      WHERE user_id = $2::uuid AND action = $3 AND created_at > now() - interval '1 hour')
    RETURNING token_hash)sql",
                    pg::Params::of(crypto::sha256_hex(key), user_id, action, life_s, hourly));
  const auto results = co_await ask_all(pool, as_login, std::move(work));
  co_return !results[1].empty();
}

Task<> delete_link(pg::Pool& pool, std::string key) {
  co_await ask(pool, "DELETE FROM identity.action_tokens WHERE token_hash = $1",
               pg::Params::of(crypto::sha256_hex(key)));
}

Task<std::optional<Link>> find_link(pg::Pool& pool, std::string key) {
  const auto rows = co_await ask(pool,
                                 "SELECT user_id, action, used_at IS NULL AND expires_at > now() "
                                 "AS live FROM identity.action_tokens WHERE token_hash = $1",
                                 pg::Params::of(crypto::sha256_hex(key)));
  co_return pg::first_as<Link>(rows);
}

Task<std::optional<std::vector<std::string>>> use_link(pg::Pool& pool, std::string key,
                                                       std::string hash) {
  const auto rows = co_await ask(pool, R"sql(
    WITH used AS (
      UPDATE identity.action_tokens t SET used_at = now() FROM identity.users u
      WHERE t.token_hash = $1 AND t.used_at IS NULL AND t.expires_at > now()
        AND u.id = t.user_id AND u.enabled
      RETURNING t.user_id
    ), changed AS (
      UPDATE identity.users u SET password_hash = $2, password_temporary = false,
        email_verified = true, updated_at = now()
      FROM used WHERE u.id = used.user_id
    ), links AS (
      UPDATE identity.action_tokens t SET used_at = now() FROM used
      WHERE t.user_id = used.user_id AND t.token_hash <> $1 AND t.used_at IS NULL
    ), ended AS (
      DELETE FROM identity.sessions s USING used WHERE s.user_id = used.user_id
      RETURNING s.id, s.parent_id
    )
    SELECT coalesce((SELECT array_agg(id::text) FROM ended WHERE parent_id IS NULL), '{}') AS sessions
    FROM used)sql",
                                 pg::Params::of(crypto::sha256_hex(key), hash));
  if (rows.empty()) co_return std::nullopt;
  co_return pg::parse_text_array(rows.text(0, 0));
}

Task<> sweep_links(pg::Pool& pool) {
  co_await ask(pool,
               "DELETE FROM identity.action_tokens WHERE expires_at < now() - interval '1 day'",
               pg::Params());
}

}  // namespace pulse::identity
