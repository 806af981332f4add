#pragma once
// What a person holds in one tenant beside the directory's account: roles, preferences, API tokens.
#include <string>

#include "tenancy/caller.hpp"

namespace pulse::tenancy {

/// Everything of it goes. Tell Memberships and ApiTokens after it.
Task<> forget_person(TenantDb db, std::string user_id);
/// The API tokens of a disabled person are refused, and accepted again. Tell ApiTokens after it.
Task<> accept_tokens_of(TenantDb db, std::string user_id, bool accepted);

}  // namespace pulse::tenancy
