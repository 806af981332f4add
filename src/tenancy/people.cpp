#include "tenancy/people.hpp"

#include "platform/errors.hpp"
#include "platform/loop.hpp"

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

namespace {

constexpr long lock_wait_ms = 10'000, lock_try_every_ms = 25;
/// Each holder needs a second connection of the loop's pool for its work.
constexpr int holders_per_loop = 4;

/// Of this loop's thread; whoever holds a place keeps the count, also when the thread is gone.
const std::shared_ptr<int>& holders() {
  thread_local const auto count = std::make_shared<int>(0);
  return count;
}

std::shared_ptr<void> take_place() {
  auto count = holders();
  ++*count;
  return {nullptr, [count](void*) { --*count; }};
}

}  // namespace

Task<> PeopleLock::commit() {
  if (!transaction_) co_return;
  co_await transaction_->commit();
  transaction_.reset();
  place_.reset();
}

Task<PeopleLock> lock_people(TenantDb db, std::string tenant_id) {
  for (long waited = 0; waited < lock_wait_ms; waited += lock_try_every_ms) {
    if (*holders() < holders_per_loop) {
      auto place = take_place();
      auto transaction = co_await db.begin();
      const auto mine = co_await transaction.query(
          "SELECT pg_try_advisory_xact_lock(hashtextextended('people:' || $1, 0))",
          pg::Params::of(tenant_id));
      if (mine.boolean(0, 0)) co_return PeopleLock(std::move(transaction), std::move(place));
      co_await transaction.rollback();
    }
    co_await sleep_ms(lock_try_every_ms);
  }
  throw unavailable("The people of this organization are being changed; try again");
}

}  // namespace pulse::tenancy
