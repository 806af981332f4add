#include "identity/store.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/ids.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::identity {

namespace {

const pg::Scope as_login;  // the login role owns the schema; no tenant scope reaches it

constexpr const char* user_columns =
    "u.id, u.username, u.email, u.first_name, u.last_name, u.password_hash, u.enabled, "
    "u.realm_roles, u.tenant_id";

std::optional<SessionUser> session_user(const pg::Result& rows) {
  if (rows.empty()) return std::nullopt;
  SessionUser out;
  out.session_id = std::string(rows.text(0, rows.column("session_id")));
  out.scope = std::string(rows.text(0, rows.column("scope")));
  out.user = pg::row_as<User>(rows, 0);
  return out;
}

}  // namespace

Task<std::string> ensure_user(pg::Pool& pool, NewUser u) {
  const auto hash = crypto::hash_password(u.password);
  const std::optional<std::string> tenant =
      u.tenant_id.empty() ? std::nullopt : std::optional(u.tenant_id);
  const auto rows = co_await pool.query(
      as_login,
      "INSERT INTO identity.users (username, email, first_name, last_name, password_hash, "
      "realm_roles, tenant_id) VALUES (lower($1), lower(nullif($2, '')), nullif($3, ''), "
      "nullif($4, ''), $5, $6::text[], $7) "
      "ON CONFLICT (username) DO UPDATE SET email = excluded.email, "
      "first_name = excluded.first_name, last_name = excluded.last_name, "
      "password_hash = excluded.password_hash, realm_roles = excluded.realm_roles, "
      "tenant_id = excluded.tenant_id, updated_at = now() RETURNING id",
      pg::Params::of(u.username, u.email, u.first_name, u.last_name, hash, u.roles, tenant));
  co_return std::string(rows.text(0, 0));
}

Task<std::optional<User>> find_user(pg::Pool& pool, std::string name) {
  const auto rows = co_await pool.query(
      as_login,
      std::string("SELECT ") + user_columns +
          " FROM identity.users u WHERE u.username = lower($1) OR u.email = lower($1) "
          "ORDER BY u.username = lower($1) DESC LIMIT 1",
      pg::Params::of(name));
  co_return pg::first_as<User>(rows);
}

Task<std::string> open_session(pg::Pool& pool, std::string user_id, std::string cookie,
                               std::string address, std::string agent) {
  const std::optional<std::string> hash =
      cookie.empty() ? std::nullopt : std::optional(crypto::sha256_hex(cookie));
  const auto rows = co_await pool.query(
      as_login,
      "INSERT INTO identity.sessions (id, user_id, cookie_hash, ip_address, user_agent, expires_at) "
      "VALUES ($1, $2, $3, nullif($4, '')::inet, left($5, 500), "
      "now() + make_interval(secs => $6)) RETURNING id",
      pg::Params::of(uuid7(), user_id, hash, address, agent, session_idle_s));
  co_await pool.query(as_login, "DELETE FROM identity.sessions WHERE expires_at < now()");
  co_return std::string(rows.text(0, 0));
}

Task<std::optional<SessionUser>> session_of_cookie(pg::Pool& pool, std::string cookie) {
  const auto rows = co_await pool.query(
      as_login,
      std::string("SELECT s.id AS session_id, s.scope, ") + user_columns +
          " FROM identity.sessions s JOIN identity.users u ON u.id = s.user_id "
          "WHERE s.cookie_hash = $1 AND s.expires_at > now() AND u.enabled",
      pg::Params::of(crypto::sha256_hex(cookie)));
  co_return session_user(rows);
}

Task<std::string> issue_code(pg::Pool& pool, std::string user_id, std::string session_id,
                             CodeGrant g) {
  const auto code = crypto::random_token(32);
  co_await pool.query(
      as_login,
      "INSERT INTO identity.auth_codes (code_hash, user_id, session_id, client_id, redirect_uri, "
      "code_challenge, nonce, scope, expires_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + interval '60 seconds')",
      pg::Params::of(crypto::sha256_hex(code), user_id, session_id, g.client_id, g.redirect_uri,
                     g.code_challenge, g.nonce, g.scope));
  co_return code;
}

Task<std::optional<RedeemedCode>> redeem_code(pg::Pool& pool, std::string code) {
  const auto rows = co_await pool.query(
      as_login,
      std::string(
          "WITH used AS (DELETE FROM identity.auth_codes WHERE code_hash = $1 RETURNING *), "
          "swept AS (DELETE FROM identity.auth_codes WHERE expires_at < now() - interval '1 hour') "
          "SELECT c.client_id, c.redirect_uri, c.code_challenge, c.nonce, c.scope, "
          "c.session_id, ") +
          user_columns +
          " FROM used c JOIN identity.users u ON u.id = c.user_id "
          "JOIN identity.sessions s ON s.id = c.session_id "
          "WHERE c.expires_at > now() AND s.expires_at > now() AND u.enabled",
      pg::Params::of(crypto::sha256_hex(code)));
  auto who = session_user(rows);
  if (!who) co_return std::nullopt;
  RedeemedCode out;
  out.grant = {std::string(rows.text(0, 0)), std::string(rows.text(0, 1)),
               std::string(rows.text(0, 2)), std::string(rows.text(0, 3)),
               std::string(rows.text(0, 4))};
  out.who = std::move(*who);
  co_return out;
}

Task<std::string> set_refresh(pg::Pool& pool, std::string session_id, std::string scope) {
  const auto token = crypto::random_token(48);
  co_await pool.query(as_login,
                      "UPDATE identity.sessions SET refresh_hash = $2, scope = $3, "
                      "last_used_at = now() WHERE id = $1",
                      pg::Params::of(session_id, crypto::sha256_hex(token), scope));
  co_return token;
}

Task<std::optional<Rotated>> rotate_refresh(pg::Pool& pool, std::string token) {
  const auto fresh = crypto::random_token(48);
  const auto hash = crypto::sha256_hex(token);
  const auto rows = co_await pool.query(
      as_login,
      std::string(
          "WITH rotated AS (UPDATE identity.sessions SET refresh_hash = $2, "
          "previous_refresh_hash = $1, last_used_at = now(), expires_at = least("
          "created_at + make_interval(secs => $4), now() + make_interval(secs => $3)) "
          "WHERE expires_at > now() AND (refresh_hash = $1 OR (previous_refresh_hash = $1 "
          "AND last_used_at > now() - interval '10 seconds')) RETURNING *) "
          "SELECT r.id AS session_id, r.scope, ") +
          user_columns +
          " FROM rotated r JOIN identity.users u ON u.id = r.user_id WHERE u.enabled",
      pg::Params::of(hash, crypto::sha256_hex(fresh), session_idle_s, session_max_s));
  auto who = session_user(rows);
  if (who) co_return Rotated{std::move(*who), fresh};
  // Someone uses a token that was replaced: one of the two is a thief, so the session ends.
  co_await pool.query(as_login, "DELETE FROM identity.sessions WHERE previous_refresh_hash = $1",
                      pg::Params::of(hash));
  co_return std::nullopt;
}

Task<> end_session(pg::Pool& pool, std::string session_id) {
  co_await pool.query(as_login, "DELETE FROM identity.sessions WHERE id::text = $1",
                      pg::Params::of(session_id));
}
Task<> end_session_of_cookie(pg::Pool& pool, std::string cookie) {
  co_await pool.query(as_login, "DELETE FROM identity.sessions WHERE cookie_hash = $1",
                      pg::Params::of(crypto::sha256_hex(cookie)));
}
Task<> end_session_of_refresh(pg::Pool& pool, std::string token) {
  co_await pool.query(as_login, "DELETE FROM identity.sessions WHERE refresh_hash = $1",
                      pg::Params::of(crypto::sha256_hex(token)));
}

}  // namespace pulse::identity
