#include <algorithm>

#include "account/api_tokens.hpp"
#include "account/roles.hpp"
#include "platform/errors.hpp"
#include "platform/pg/row_change.hpp"
#include "platform/pg/rows.hpp"
#include "tenancy/permissions.hpp"

namespace pulse::account {

namespace {

const std::string token_columns =
    "id, name, hint, scopes, created_at, expires_at, last_used_at, host(last_used_ip) AS "
    "last_used_ip";

/// The owner's tokens: a person's by user, a machine's by account.
pg::Clauses owned(const TokenOwner& owner) {
  pg::Clauses where(" AND ");
  where.add("revoked_at IS NULL");
  if (owner.service_account_id.empty())
    where.add("user_id = ?", owner.user_id);
  else
    where.add("service_account_id = ?::uuid", owner.service_account_id);
  return where;
}

const std::string select_accounts =
    "SELECT id, name, description, created_by, created_at, disabled_at FROM service_accounts";

}  // namespace

Task<std::vector<ApiToken>> tokens_of(tenancy::TenantDb db, TokenOwner owner) {
  const auto where = owned(owner);
  const auto rows = co_await db.query("SELECT " + token_columns + " FROM api_tokens" +
                                          where.where() + " ORDER BY created_at DESC, id",
                                      where.params());
  co_return pg::rows_as<ApiToken>(rows);
}

Task<NewApiToken> insert_token(tenancy::TenantDb db, std::string tenant_id, TokenOwner owner,
                               CreateApiToken token, std::string created_by) {
  const bool machine = !owner.service_account_id.empty();
  const auto made = tenancy::make_api_token(machine ? "svc" : "pat");
  const auto rows = co_await db.query(
      "INSERT INTO api_tokens (tenant_id, user_id, service_account_id, owner_name, owner_is_admin, "
      "name, hint, token_hash, scopes, created_by, expires_at) VALUES ($1, nullif($2, ''), "
      "nullif($3, '')::uuid, $4, $5, $6, $7, $8, $9::text[], $10, "
      "now() + make_interval(days => $11::integer)) RETURNING " +
          token_columns,
      pg::Params::of(tenant_id, owner.user_id, owner.service_account_id, owner.name, owner.is_admin,
                     token.name, made.hint, made.hash, token.scopes, created_by,
                     token.expires_in_days));
  NewApiToken out;
  static_cast<ApiToken&>(out) = pg::row_as<ApiToken>(rows, 0);
  out.token = made.secret;
  co_return out;
}

Task<std::optional<NewApiToken>> rotate_token(tenancy::TenantDb db, TokenOwner owner,
                                              std::string token_id) {
  if (!is_uuid(token_id)) co_return std::nullopt;
  const auto made = tenancy::make_api_token(owner.service_account_id.empty() ? "pat" : "svc");
  auto where = owned(owner);
  where.add("id = ?::uuid", token_id);
  const auto hash = where.parameter(made.hash), hint = where.parameter(made.hint);
  const auto rows =
      co_await db.query("UPDATE api_tokens SET token_hash = " + hash + ", hint = " + hint +
                            ", expires_at = now() + (expires_at - created_at), created_at = now(), "
                            "last_used_at = NULL, last_used_ip = NULL" +
                            where.where() + " RETURNING " + token_columns,
                        where.params());
  if (rows.empty()) co_return std::nullopt;
  NewApiToken out;
  static_cast<ApiToken&>(out) = pg::row_as<ApiToken>(rows, 0);
  out.token = made.secret;
  co_return out;
}

Task<bool> revoke_token(tenancy::TenantDb db, TokenOwner owner, std::string token_id) {
  if (!is_uuid(token_id)) co_return false;
  auto where = owned(owner);
  where.add("id = ?::uuid", token_id);
  const auto rows = co_await db.query(
      "UPDATE api_tokens SET revoked_at = now()" + where.where() + " RETURNING id", where.params());
  co_return !rows.empty();
}

Task<std::vector<ServiceAccount>> service_accounts(tenancy::TenantDb db) {
  const auto rows = co_await db.query(select_accounts + " ORDER BY lower(name)");
  auto accounts = pg::rows_as<ServiceAccount>(rows);
  const auto tokens = co_await db.query(
      "SELECT service_account_id, " + token_columns +
      " FROM api_tokens WHERE service_account_id IS NOT NULL AND revoked_at IS NULL "
      "ORDER BY created_at DESC, id");
  const auto columns = pg::columns_of<ApiToken>(tokens);
  for (int i = 0; i < tokens.rows(); ++i)
    for (auto& a : accounts)
      if (a.id == tokens.text(i, 0)) pg::read_row(tokens, i, columns, a.tokens.emplace_back());
  co_return accounts;
}

Task<std::optional<ServiceAccount>> find_service_account(tenancy::TenantDb db, std::string id) {
  if (!is_uuid(id)) co_return std::nullopt;
  const auto rows = co_await db.query(select_accounts + " WHERE id = $1", pg::Params::of(id));
  auto account = pg::first_as<ServiceAccount>(rows);
  if (!account) co_return std::nullopt;
  TokenOwner owner;
  owner.service_account_id = id;
  account->tokens = co_await tokens_of(db, std::move(owner));
  co_return account;
}

Task<std::optional<std::string>> insert_service_account(tenancy::TenantDb db, std::string tenant_id,
                                                        std::string name, std::string description,
                                                        std::string created_by) {
  const auto rows = co_await db.query(
      "INSERT INTO service_accounts (tenant_id, name, description, created_by) "
      "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING id",
      pg::Params::of(tenant_id, name, description, created_by));
  if (rows.empty()) co_return std::nullopt;
  co_return std::string(rows.text(0, 0));
}

Task<std::optional<boost::json::object>> update_service_account(
    tenancy::TenantDb db, std::string id, std::optional<std::string> name,
    std::optional<std::string> description, std::optional<bool> enabled) {
  pg::RowChange change;
  if (name) change.set("name", *name);
  if (description) change.set("description", *description);
  if (enabled)
    change.set("disabled_at", *enabled,
               "CASE WHEN ?::boolean THEN NULL ELSE coalesce(disabled_at, now()) END");
  auto statement = change.in("service_accounts", "id = ?", id);
  pg::Result rows;
  try {
    rows = co_await db.query(statement.first, statement.second);
  } catch (const pg::Error& e) {
    if (e.unique_violation()) co_return std::nullopt;
    throw;
  }
  if (rows.empty()) throw not_found("Service account not found");
  co_return pg::RowChange::told(rows);
}

Task<> remove_service_account(tenancy::TenantDb db, std::string id) {
  co_await db.query("DELETE FROM service_accounts WHERE id = $1", pg::Params::of(id));
}

std::vector<std::string> checked_scopes(const tenancy::TenantCaller& caller,
                                        std::vector<std::string> scopes) {
  std::sort(scopes.begin(), scopes.end());
  scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
  for (const auto& s : scopes) {
    if (!tenancy::known_permission(s)) throw bad_request("Unknown scope: " + s);
    if (!caller.may(s)) throw forbidden("Nobody can grant what they don't hold: " + s);
  }
  return scopes;
}

void require_signed_in(const tenancy::Caller& who) {
  if (!who.by_api_token.empty()) throw forbidden("Sign in to manage tokens");
}

}  // namespace pulse::account
