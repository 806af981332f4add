#include "routing/send_shares.hpp"

#include <algorithm>

namespace pulse::routing {

namespace {

/// So many of those who wait are called for a place: who may not have it leaves it to the next.
constexpr std::size_t called_at_once = 4;

/// One more for who has `own` of `all` places, of which `taken` are.
bool may_grow(std::size_t own, std::size_t taken, std::size_t all) {
  return taken < all && own < all - taken;
}

}  // namespace

SendShares::Place::Place(std::shared_ptr<SendShares> shares, std::string tenant, bool slow)
    : shares_(std::move(shares)), tenant_(std::move(tenant)), slow_(slow) {}

SendShares::Place::Place(Place&& other) noexcept
    : shares_(std::move(other.shares_)), tenant_(std::move(other.tenant_)), slow_(other.slow_) {}

SendShares::Place::~Place() {
  if (shares_) shares_->give_back(tenant_, slow_);
}

std::optional<SendShares::Place> SendShares::take(const std::string& tenant, std::size_t of_route,
                                                  Pace pace) {
  const auto known = tenants_.find(tenant);
  const auto mine = known == tenants_.end() ? Tenant{} : known->second;
  // Who is not known yet must not take the places of those who are known to be quick.
  const bool slow = pace != Pace::fast;
  if (pace == Pace::unknown && of_route > 0) return std::nullopt;
  if (!may_grow(mine.taken, taken_, all_) || !may_grow(of_route, mine.taken, of_a_tenant_))
    return std::nullopt;
  if (slow && (!may_grow(mine.slow, slow_, all_ / 2) ||
               !may_grow(std::min(of_route, mine.slow), mine.slow, of_a_tenant_ / 2)))
    return std::nullopt;
  auto& entry = tenants_[tenant];
  ++entry.taken;
  ++taken_;
  if (slow) {
    ++entry.slow;
    ++slow_;
  }
  return Place(shared_from_this(), tenant, slow);
}

void SendShares::give_back(const std::string& tenant, bool slow) {
  const auto known = tenants_.find(tenant);
  --known->second.taken;
  --taken_;
  if (slow) {
    --known->second.slow;
    --slow_;
  }
  if (known->second.taken == 0) tenants_.erase(known);
  for (std::size_t i = std::min(called_at_once, waiting_.size()); i > 0; --i) {
    const auto wake = std::move(waiting_.front());
    waiting_.pop_front();
    wake();
  }
}

}  // namespace pulse::routing
