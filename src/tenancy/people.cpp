#include "tenancy/people.hpp"

namespace pulse::tenancy {

Task<> forget_person(TenantDb db, std::string user_id) {
  const auto who = pg::Params::of(user_id);
  std::vector<pg::Statement> work;
  work.emplace_back("DELETE FROM user_role_assignments WHERE user_id = $1", who);
  work.emplace_back("DELETE FROM user_preferences WHERE user_id = $1", who);
  work.emplace_back(
      "UPDATE api_tokens SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL", who);
  co_await db.batch(std::move(work));
}

Task<> accept_tokens_of(TenantDb db, std::string user_id, bool accepted) {
  co_await db.query(
      "UPDATE api_tokens SET owner_disabled_at = CASE WHEN $2::boolean THEN NULL "
      "ELSE coalesce(owner_disabled_at, now()) END WHERE user_id = $1",
      pg::Params::of(user_id, accepted));
}

}  // namespace pulse::tenancy
