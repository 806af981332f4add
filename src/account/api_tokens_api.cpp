// Personal tokens, and service accounts with theirs.
#include "account/api_tokens.hpp"
#include "account/deps.hpp"
#include "platform/errors.hpp"

namespace pulse::account {

namespace {

using tenancy::TenantCaller;

struct TokenList {
  std::vector<ApiToken> tokens;
};
BOOST_DESCRIBE_STRUCT(TokenList, (), (tokens))
struct AccountList {
  std::vector<ServiceAccount> service_accounts;
};
BOOST_DESCRIBE_STRUCT(AccountList, (), (service_accounts))
struct CreateAccount {
  std::string name;
  std::optional<std::string> description;
};
BOOST_DESCRIBE_STRUCT(CreateAccount, (), (name, description))
inline auto constraints(json::As<CreateAccount>) {
  return json::rules<CreateAccount>()
      .length(&CreateAccount::name, 1, 100)
      .length(&CreateAccount::description, 0, 500);
}
struct UpdateAccount {
  std::optional<std::string> name, description;
  std::optional<bool> enabled;
};
BOOST_DESCRIBE_STRUCT(UpdateAccount, (), (name, description, enabled))
inline auto constraints(json::As<UpdateAccount>) {
  return json::rules<UpdateAccount>()
      .length(&UpdateAccount::name, 1, 100)
      .length(&UpdateAccount::description, 0, 500);
}

TokenOwner owner_of(const TenantCaller& caller) {
  TokenOwner o;
  o.user_id = caller.who.user_id;
  o.name = caller.who.username.empty() ? caller.who.email : caller.who.username;
  o.is_admin = caller.who.is_tenant_admin();
  return o;
}
TokenOwner owner_of(const ServiceAccount& account) {
  TokenOwner o;
  o.service_account_id = account.id;
  o.name = account.name;
  return o;
}

Task<> tell(AccountDeps d, TenantCaller caller, std::string type, std::string action,
            std::string entity_type, std::string id, std::string name,
            boost::json::object details = {}) {
  auto event = tenancy::AuditLog::security(
      caller.who, caller.client_address, caller.request_id, caller.tenant(), std::move(type),
      std::move(action), std::move(entity_type), std::move(id), name, std::move(details));
  event.entity_name = std::move(name);
  co_await d.audit->record(std::move(event));
}

Task<ServiceAccount> known_account(TenantCaller caller, std::string id) {
  require_signed_in(caller.who);
  auto account = co_await find_service_account(caller.db, std::move(id));
  if (!account) throw not_found("Service account not found");
  co_return std::move(*account);
}

Task<NewApiToken> make(AccountDeps d, TenantCaller caller, TokenOwner owner, CreateApiToken token) {
  token.scopes = checked_scopes(caller, std::move(token.scopes));
  auto made = co_await insert_token(caller.db, caller.tenant(), owner, token, caller.who.user_id);
  co_await tell(d, caller, "api_token.created", "create", "api_token", made.id,
                "Token " + made.name + " of " + owner.name);
  co_return made;
}

Task<NewApiToken> rotate(AccountDeps d, TenantCaller caller, TokenOwner owner, std::string id) {
  // The new secret does what the old one did, so it is made only by whom could make it now.
  const auto tokens = co_await tokens_of(caller.db, owner);
  for (const auto& t : tokens)
    if (t.id == id) checked_scopes(caller, t.scopes);
  auto made = co_await rotate_token(caller.db, owner, id);
  if (!made) throw not_found("Token not found");
  d.api_tokens->changed(made->id);
  co_await tell(d, caller, "api_token.rotated", "rotate", "api_token", made->id,
                "Token " + made->name + " of " + owner.name);
  co_return std::move(*made);
}

Task<> revoke(AccountDeps d, TenantCaller caller, TokenOwner owner, std::string id) {
  const bool gone = co_await revoke_token(caller.db, owner, id);
  if (!gone) throw not_found("Token not found");
  d.api_tokens->changed(id);
  co_await tell(d, caller, "api_token.revoked", "revoke", "api_token", id,
                "A token of " + owner.name);
}

Task<TokenList> list_mine(AccountDeps, TenantCaller caller) {
  require_signed_in(caller.who);
  TokenList out;
  out.tokens = co_await tokens_of(caller.db, owner_of(caller));
  co_return out;
}

Task<http::Created<NewApiToken>> create_mine(AccountDeps d, TenantCaller caller,
                                             http::Body<CreateApiToken> body) {
  require_signed_in(caller.who);
  auto made = co_await make(d, caller, owner_of(caller), body.value);
  co_return http::Created<NewApiToken>{std::move(made)};
}

Task<NewApiToken> rotate_mine(AccountDeps d, TenantCaller caller, http::Path<"token_id"> id) {
  require_signed_in(caller.who);
  auto owner = owner_of(caller);
  co_return co_await rotate(d, std::move(caller), std::move(owner), id.value);
}

Task<http::NoContent> revoke_mine(AccountDeps d, TenantCaller caller, http::Path<"token_id"> id) {
  require_signed_in(caller.who);
  auto owner = owner_of(caller);
  co_await revoke(d, std::move(caller), std::move(owner), id.value);
  co_return http::NoContent{};
}

Task<AccountList> list_accounts(AccountDeps, TenantCaller caller) {
  AccountList out;
  out.service_accounts = co_await service_accounts(caller.db);
  co_return out;
}

Task<http::Created<ServiceAccount>> create_account(AccountDeps d, TenantCaller caller,
                                                   http::Body<CreateAccount> body) {
  require_signed_in(caller.who);
  const auto id = co_await insert_service_account(
      caller.db, caller.tenant(), body->name, body->description.value_or(""), caller.who.user_id);
  if (!id) throw conflict("Service account name already exists");
  co_await tell(d, caller, "service_account.created", "create", "service_account", *id,
                "Service account " + body->name);
  auto made = co_await known_account(caller, *id);
  co_return http::Created<ServiceAccount>{std::move(made)};
}

Task<ServiceAccount> get_account(AccountDeps, TenantCaller caller, http::Path<"account_id"> id) {
  auto account = co_await find_service_account(caller.db, id.value);
  if (!account) throw not_found("Service account not found");
  co_return std::move(*account);
}

Task<ServiceAccount> change_account(AccountDeps d, TenantCaller caller, http::Path<"account_id"> id,
                                    http::Body<UpdateAccount> body) {
  const auto account = co_await known_account(caller, id.value);
  if (!body->name && !body->description && !body->enabled) throw bad_request("No fields provided");
  auto changes = co_await update_service_account(caller.db, account.id, body->name,
                                                 body->description, body->enabled);
  if (!changes) throw conflict("Service account name already exists");
  d.api_tokens->changed();
  co_await tell(d, caller, "service_account.updated", "update", "service_account", account.id,
                "Service account " + account.name, std::move(*changes));
  co_return co_await known_account(caller, account.id);
}

Task<http::NoContent> delete_account(AccountDeps d, TenantCaller caller,
                                     http::Path<"account_id"> id) {
  const auto account = co_await known_account(caller, id.value);
  co_await remove_service_account(caller.db, account.id);
  d.api_tokens->changed();
  co_await tell(d, caller, "service_account.deleted", "delete", "service_account", account.id,
                "Service account " + account.name);
  co_return http::NoContent{};
}

Task<http::Created<NewApiToken>> create_token(AccountDeps d, TenantCaller caller,
                                              http::Path<"account_id"> id,
                                              http::Body<CreateApiToken> body) {
  const auto account = co_await known_account(caller, id.value);
  auto made = co_await make(d, caller, owner_of(account), body.value);
  co_return http::Created<NewApiToken>{std::move(made)};
}

Task<NewApiToken> rotate_account_token(AccountDeps d, TenantCaller caller,
                                       http::Path<"account_id"> id,
                                       http::Path<"token_id"> token_id) {
  const auto account = co_await known_account(caller, id.value);
  co_return co_await rotate(d, caller, owner_of(account), token_id.value);
}

Task<http::NoContent> revoke_account_token(AccountDeps d, TenantCaller caller,
                                           http::Path<"account_id"> id,
                                           http::Path<"token_id"> token_id) {
  const auto account = co_await known_account(caller, id.value);
  co_await revoke(d, caller, owner_of(account), token_id.value);
  co_return http::NoContent{};
}

const boost::json::object token_example{
    {"name", "Grafana"}, {"scopes", boost::json::array{"devices.read"}}, {"expires_in_days", 90}};

}  // namespace

void mount_api_tokens(http::Router& api, const AccountDeps& d) {
  const std::string base = "/api/v1/customer/api-tokens", one = base + "/{token_id}";
  api.get(base, http::bound(d, list_mine))
      .customers()
      .tag("API tokens")
      .summary("The caller's personal tokens")
      .fails(403, "Sign in to manage tokens");
  api.post(base, http::bound(d, create_mine))
      .customers()
      .secret()
      .tag("API tokens")
      .summary("Make a personal token; its secret is shown once")
      .example(token_example)
      .fails(400, "Unknown scope: {scope}")
      .fails(403, "Nobody can grant what they don't hold");
  api.post(one + "/rotate", http::bound(d, rotate_mine))
      .customers()
      .secret()
      .tag("API tokens")
      .summary("A new secret in place of the old one, which ends at once")
      .fails(403, "Sign in to manage tokens")
      .fails(404, "Token not found");
  api.del(one, http::bound(d, revoke_mine))
      .customers()
      .tag("API tokens")
      .summary("Revoke a personal token")
      .fails(403, "Sign in to manage tokens")
      .fails(404, "Token not found");
}

void mount_service_accounts(http::Router& api, const AccountDeps& d) {
  const std::string base = "/api/v1/customer/service-accounts", one = base + "/{account_id}";
  const auto told = [](http::Endpoint e) { return e.needs("users.roles").tag("Service accounts"); };
  told(api.get(base, http::bound(d, list_accounts)).summary("Service accounts and their tokens"));
  told(api.post(base, http::bound(d, create_account)).summary("Make a service account"))
      .example({{"name", "Warehouse system"}})
      .fails(409, "Service account name already exists");
  told(api.get(one, http::bound(d, get_account)).summary("One service account"))
      .fails(404, "Service account not found");
  told(api.patch(one, http::bound(d, change_account)).summary("Rename, disable or enable it"))
      .example({{"enabled", false}})
      .fails(400, "No fields provided")
      .fails(404, "Service account not found")
      .fails(409, "Service account name already exists");
  told(api.del(one, http::bound(d, delete_account)).summary("Delete it with its tokens"))
      .fails(404, "Service account not found");
  told(api.post(one + "/tokens", http::bound(d, create_token))
           .summary("Make a token of it; its secret is shown once"))
      .secret()
      .example(token_example)
      .fails(400, "Unknown scope: {scope}")
      .fails(404, "Service account not found");
  told(api.post(one + "/tokens/{token_id}/rotate", http::bound(d, rotate_account_token))
           .summary("A new secret in place of the old one"))
      .secret()
      .fails(404, "Service account not found")
      .fails(404, "Token not found");
  told(api.del(one + "/tokens/{token_id}", http::bound(d, revoke_account_token))
           .summary("Revoke a token of it"))
      .fails(404, "Service account not found")
      .fails(404, "Token not found");
}

}  // namespace pulse::account
