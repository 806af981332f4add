#pragma once
// account: what a tenant's people do about themselves and each other: team, roles, organization,
// preferences, tokens, audit log. Owns tables roles, role_permissions, user_role_assignments,
// user_preferences, service_accounts, api_tokens. Calls: identity's directory, tenancy.
#include <memory>

#include "identity/directory.hpp"
#include "platform/http/router.hpp"
#include "tenancy/api_tokens.hpp"
#include "tenancy/audit.hpp"
#include "tenancy/membership.hpp"
#include "tenancy/request_limits.hpp"
#include "tenancy/revocations.hpp"

namespace pulse::account {

struct AccountDeps {
  pg::Pool* pool = nullptr;                        ///< of the loop
  std::shared_ptr<identity::Directory> directory;  ///< of the loop
  std::shared_ptr<tenancy::AuditLog> audit;        ///< of the process, as all below
  std::shared_ptr<tenancy::Memberships> memberships;
  std::shared_ptr<tenancy::ApiTokens> api_tokens;
  std::shared_ptr<tenancy::Revocations> revocations;
  std::shared_ptr<tenancy::RequestLimits> request_limits;
};

void mount_roles(http::Router& api, const AccountDeps& deps);
void mount_users(http::Router& api, const AccountDeps& deps);
void mount_profile(http::Router& api, const AccountDeps& deps);
void mount_organization(http::Router& api, const AccountDeps& deps);
void mount_api_tokens(http::Router& api, const AccountDeps& deps);
void mount_service_accounts(http::Router& api, const AccountDeps& deps);
void mount_audit_log(http::Router& api, const AccountDeps& deps);
void mount_subscriptions(http::Router& api, const AccountDeps& deps);

/// Every endpoint of this room.
inline void mount(http::Router& api, const AccountDeps& deps) {
  mount_roles(api, deps);
  mount_users(api, deps);
  mount_profile(api, deps);
  mount_organization(api, deps);
  mount_api_tokens(api, deps);
  mount_service_accounts(api, deps);
  mount_audit_log(api, deps);
  mount_subscriptions(api, deps);
}

}  // namespace pulse::account
