#pragma once
// operations: what platform staff do across tenants: tenants, users, audit. Owns table
// operator_audit_log (with tenancy). Every read and write leaves its line there, in the same
// transaction. Calls: identity's directory, tenancy.
#include <memory>

#include "identity/directory.hpp"
#include "platform/http/router.hpp"
#include "tenancy/api_tokens.hpp"
#include "tenancy/audit.hpp"
#include "tenancy/membership.hpp"
#include "tenancy/revocations.hpp"

namespace pulse::operations {

struct OperationsDeps {
  pg::Pool* pool = nullptr;                        ///< of the loop
  std::shared_ptr<identity::Directory> directory;  ///< of the loop
  std::shared_ptr<tenancy::AuditLog> audit;        ///< of the process, as all below
  std::shared_ptr<tenancy::Memberships> memberships;
  std::shared_ptr<tenancy::ApiTokens> api_tokens;
  std::shared_ptr<tenancy::Revocations> revocations;
};

void mount_tenants(http::Router& api, const OperationsDeps& deps);
void mount_operator_users(http::Router& api, const OperationsDeps& deps);
void mount_tiers(http::Router& api, const OperationsDeps& deps);
void mount_operator_audit(http::Router& api, const OperationsDeps& deps);

/// Every endpoint of this room.
inline void mount(http::Router& api, const OperationsDeps& deps) {
  mount_tenants(api, deps);
  mount_operator_users(api, deps);
  mount_tiers(api, deps);
  mount_operator_audit(api, deps);
}

}  // namespace pulse::operations
