#include "identity/store.hpp"

#include <boost/asio/ip/address.hpp>

#include "identity/refresh_token.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/ids.hpp"
#include "platform/mqtt/wire.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::identity {

namespace {

const pg::Scope as_login;  // the login role owns the schema; no tenant scope reaches it

constexpr const char* user_columns =
    "u.id, u.username, u.email, u.first_name, u.last_name, u.password_hash, u.enabled, "
    "u.email_verified, u.password_temporary, u.realm_roles, u.tenant_id";

std::optional<SessionUser> session_user(const pg::Result& rows) {
  if (rows.empty()) return std::nullopt;
  SessionUser out;
  out.session_id = std::string(rows.text(0, rows.column("session_id")));
  out.scope = std::string(rows.text(0, rows.column("scope")));
  out.signed_in_s = rows.int64(0, rows.column("signed_in_s"));
  out.user = pg::row_as<User>(rows, 0);
  return out;
}

/// Where a session came from is for people to read: what is no address is left out, and a header
/// may hold any bytes.
std::optional<std::string> address_or_none(const std::string& address) {
  boost::system::error_code ec;
  boost::asio::ip::make_address(address, ec);
  return ec || address.find('%') != std::string::npos ? std::nullopt : std::optional(address);
}
std::string printable(std::string text) {
  if (text.size() > 500) text.resize(500);
  for (auto& c : text)
    if (c < 0x20 || c == 0x7f) c = '?';
  return text;
}

}  // namespace

bool can_be_name(std::string_view name) {
  if (name.empty() || name.size() > 320 || !mqtt::is_mqtt_utf8(name)) return false;
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return true;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

Task<std::string> ensure_user(pg::Pool& pool, NewUser u) {
  std::optional<std::string> hash;
  if (!u.password.empty()) hash = crypto::hash_password(u.password);
  const std::optional<std::string> tenant =
      u.tenant_id.empty() ? std::nullopt : std::optional(u.tenant_id);
  const auto rows = co_await pool.query(
      as_login,
      "INSERT INTO identity.users AS u (username, email, first_name, last_name, password_hash, "
      "realm_roles, tenant_id, email_verified) VALUES (lower($1), lower(nullif($2, '')), "
      "nullif($3, ''), nullif($4, ''), $5, $6::text[], $7, $2 <> '') "
      "ON CONFLICT (username) DO UPDATE SET email = excluded.email, "
      "email_verified = excluded.email_verified, "
      "first_name = excluded.first_name, last_name = excluded.last_name, "
      "password_hash = coalesce(excluded.password_hash, u.password_hash), "
      "password_temporary = u.password_temporary AND excluded.password_hash IS NULL, "
      "realm_roles = excluded.realm_roles, tenant_id = excluded.tenant_id, updated_at = now() "
      "RETURNING id",
      pg::Params::of(u.username, u.email, u.first_name, u.last_name, hash, u.roles, tenant));
  co_return std::string(rows.text(0, 0));
}

Task<std::optional<User>> find_user(pg::Pool& pool, std::string name) {
  if (!can_be_name(name)) co_return std::nullopt;
  const auto rows = co_await pool.query(
      as_login,
      std::string("SELECT ") + user_columns +
          " FROM identity.users u WHERE u.username = lower($1) OR u.email = lower($1) "
          "ORDER BY u.username = lower($1) DESC LIMIT 1",
      pg::Params::of(name));
  co_return pg::first_as<User>(rows);
}

Task<std::optional<User>> user_of_id(pg::Pool& pool, std::string id) {
  if (!is_uuid(id)) co_return std::nullopt;
  const auto rows = co_await pool.query(
      as_login, std::string("SELECT ") + user_columns + " FROM identity.users u WHERE u.id = $1",
      pg::Params::of(id));
  co_return pg::first_as<User>(rows);
}

Task<std::string> open_session(pg::Pool& pool, std::string user_id, std::string cookie,
                               std::string address, std::string agent) {
  const auto id = uuid7();
  std::vector<pg::Statement> work;
  work.emplace_back("DELETE FROM identity.sessions WHERE expires_at < now()", pg::Params());
  work.emplace_back(
      "INSERT INTO identity.sessions (id, user_id, cookie_hash, ip_address, user_agent, "
      "expires_at) "
      "VALUES ($1, $2, $3, $4::inet, $5, now() + make_interval(secs => $6))",
      pg::Params::of(id, user_id, crypto::sha256_hex(cookie), address_or_none(address),
                     printable(std::move(agent)), session_idle_s));
  co_await pool.batch(as_login, std::move(work));
  co_return id;
}

Task<std::optional<SessionUser>> session_of_cookie(pg::Pool& pool, std::string cookie) {
  const auto rows =
      co_await pool.query(as_login,
                          std::string("SELECT s.id AS session_id, s.scope, "
                                      "extract(epoch FROM s.created_at)::bigint AS signed_in_s, ") +
                              user_columns +
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
          "c.session_id, extract(epoch FROM s.created_at)::bigint AS signed_in_s, ") +
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

Task<ClientSession> open_client_session(pg::Pool& pool, std::string key, std::string user_id,
                                        std::string parent, std::string client_id,
                                        std::string scope, std::string address, std::string agent) {
  ClientSession out;
  out.id = uuid7();
  out.refresh_token = first_refresh_token(key, out.id);
  const std::optional<std::string> above = parent.empty() ? std::nullopt : std::optional(parent);
  co_await pool.query(
      as_login,
      "WITH above AS (UPDATE identity.sessions SET last_used_at = now(), expires_at = least("
      "created_at + make_interval(secs => $9), now() + make_interval(secs => $10)) "
      "WHERE id = $3 RETURNING expires_at) "
      "INSERT INTO identity.sessions (id, user_id, parent_id, client_id, refresh_hash, scope, "
      "ip_address, user_agent, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7::inet, $8, "
      "coalesce((SELECT expires_at FROM above), now() + make_interval(secs => $10)))",
      pg::Params::of(out.id, user_id, above, client_id, crypto::sha256_hex(out.refresh_token),
                     scope, address_or_none(address), printable(std::move(agent)), session_max_s,
                     session_idle_s));
  co_return out;
}

Task<std::optional<Rotated>> rotate_refresh(pg::Pool& pool, std::string key, std::string token) {
  const auto session = session_of_token(key, token);
  if (!session || !is_uuid(*session)) co_return std::nullopt;
  const auto next = next_refresh_token(key, *session, token);
  // The ten seconds count from the rotation: who comes again does not make them longer.
  const auto rows = co_await pool.query(
      as_login,
      std::string(
          "WITH rotated AS (UPDATE identity.sessions s SET refresh_hash = $3, "
          "previous_refresh_hash = $2, "
          "last_used_at = CASE WHEN s.refresh_hash = $2 THEN now() ELSE s.last_used_at END, "
          "expires_at = least(coalesce((SELECT p.created_at FROM identity.sessions p "
          "WHERE p.id = s.parent_id), s.created_at) + make_interval(secs => $5), "
          "now() + make_interval(secs => $4)) "
          "WHERE s.id = $1 AND s.expires_at > now() AND (s.refresh_hash = $2 OR "
          "(s.previous_refresh_hash = $2 AND s.last_used_at > now() - interval '10 seconds')) "
          "RETURNING *), "
          "above AS (UPDATE identity.sessions p SET last_used_at = now(), "
          "expires_at = greatest(p.expires_at, r.expires_at) FROM rotated r "
          "WHERE p.id = r.parent_id RETURNING p.created_at) "
          "SELECT coalesce(r.parent_id, r.id) AS session_id, r.scope, "
          "extract(epoch FROM coalesce((SELECT created_at FROM above), r.created_at))::bigint "
          "AS signed_in_s, ") +
          user_columns +
          " FROM rotated r JOIN identity.users u ON u.id = r.user_id WHERE u.enabled",
      pg::Params::of(*session, crypto::sha256_hex(token), crypto::sha256_hex(next), session_idle_s,
                     session_max_s));
  auto who = session_user(rows);
  if (who) co_return Rotated{std::move(*who), next};
  co_await end_session_of_refresh(pool, key, token, true);
  co_return std::nullopt;
}

Task<> end_session(pg::Pool& pool, std::string session_id) {
  if (!is_uuid(session_id)) co_return;
  co_await pool.query(as_login, "DELETE FROM identity.sessions WHERE id = $1",
                      pg::Params::of(session_id));
}
Task<std::optional<std::string>> end_session_of_cookie(pg::Pool& pool, std::string cookie) {
  const auto rows = co_await pool.query(
      as_login, "DELETE FROM identity.sessions WHERE cookie_hash = $1 RETURNING user_id",
      pg::Params::of(crypto::sha256_hex(cookie)));
  if (rows.empty()) co_return std::nullopt;
  co_return rows.opt_text(0, 0);
}
Task<std::optional<std::string>> end_session_of_refresh(pg::Pool& pool, std::string key,
                                                        std::string token, bool browser) {
  const auto session = session_of_token(key, token);
  if (!session || !is_uuid(*session)) co_return std::nullopt;
  const std::string which =
      browser ? "(SELECT coalesce(parent_id, id) FROM identity.sessions WHERE id = $1)" : "$1";
  const auto rows = co_await pool.query(
      as_login, "DELETE FROM identity.sessions WHERE id = " + which + " RETURNING user_id",
      pg::Params::of(*session));
  if (rows.empty()) co_return std::nullopt;
  co_return rows.opt_text(0, 0);
}

}  // namespace pulse::identity
