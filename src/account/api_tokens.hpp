#pragma once
// Tokens for the interface: of people, and of service accounts.
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "tenancy/api_tokens.hpp"
#include "tenancy/caller.hpp"

namespace pulse::account {

struct ApiToken {
  std::string id, name, hint;
  std::vector<std::string> scopes;
  Time created_at;
  std::optional<Time> expires_at, last_used_at;
  std::optional<std::string> last_used_ip;
};
BOOST_DESCRIBE_STRUCT(ApiToken, (),
                      (id, name, hint, scopes, created_at, expires_at, last_used_at, last_used_ip))

/// With its secret, which is shown this once.
struct NewApiToken : ApiToken {
  std::string token;
};
BOOST_DESCRIBE_STRUCT(NewApiToken, (ApiToken), (token))

struct CreateApiToken {
  std::string name;
  std::vector<std::string> scopes;
  std::optional<std::int64_t> expires_in_days;
};
BOOST_DESCRIBE_STRUCT(CreateApiToken, (), (name, scopes, expires_in_days))
inline auto constraints(json::As<CreateApiToken>) {
  return json::rules<CreateApiToken>()
      .length(&CreateApiToken::name, 1, 100)
      .items(&CreateApiToken::scopes, 1, 200)
      .range(&CreateApiToken::expires_in_days, 1, 365);
}

struct ServiceAccount {
  std::string id, name, description, created_by;
  Time created_at;
  std::optional<Time> disabled_at;
  std::vector<ApiToken> tokens;
};
BOOST_DESCRIBE_STRUCT(ServiceAccount, (),
                      (id, name, description, created_by, created_at, disabled_at, tokens))

/// Whose token: a person's or a service account's.
struct TokenOwner {
  std::string user_id, service_account_id;  ///< one of them
  std::string name;                         ///< for the audit log
  bool is_admin = false;                    ///< the person is tenant administrator
};

Task<std::vector<ApiToken>> tokens_of(tenancy::TenantDb db, TokenOwner owner);
Task<NewApiToken> insert_token(tenancy::TenantDb db, std::string tenant_id, TokenOwner owner,
                               CreateApiToken token, std::string created_by);
/// A new secret in place of the old one, with the same name, scopes and life. Nothing: no such
/// token.
Task<std::optional<NewApiToken>> rotate_token(tenancy::TenantDb db, TokenOwner owner,
                                              std::string token_id);
/// False when the owner has no such live token.
Task<bool> revoke_token(tenancy::TenantDb db, TokenOwner owner, std::string token_id);

Task<std::vector<ServiceAccount>> service_accounts(tenancy::TenantDb db);
Task<std::optional<ServiceAccount>> find_service_account(tenancy::TenantDb db, std::string id);
/// Nothing when the name is taken.
Task<std::optional<std::string>> insert_service_account(tenancy::TenantDb db, std::string tenant_id,
                                                        std::string name, std::string description,
                                                        std::string created_by);
/// What changed, as json::changes_between tells it; nothing when the name is taken.
Task<std::optional<boost::json::object>> update_service_account(
    tenancy::TenantDb db, std::string id, std::optional<std::string> name,
    std::optional<std::string> description, std::optional<bool> enabled);
Task<> remove_service_account(tenancy::TenantDb db, std::string id);

/// Scopes once each; 400 for what is no permission, 403 for what the caller does not hold.
std::vector<std::string> checked_scopes(const tenancy::TenantCaller& caller,
                                        std::vector<std::string> scopes);

/// Throws 403 when the caller came with an API token: a token must not make more of its kind.
void require_signed_in(const tenancy::Caller& who);

}  // namespace pulse::account
