#pragma once
// How many sends may be under way, and whose: so that destinations that are slow, of one tenant or
// of many, leave room for everybody else's. No I/O here.
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace pulse::routing {

/// What is known of a route's destination.
enum class Pace { unknown, fast, slow };

/// Shares a number of places. Whoever wants one more than he has needs as many free ones besides
/// (Choudhury and Hahne, "Dynamic Queue Length Thresholds", 1998): among tenants, and among the
/// routes of a tenant. So alone one may have half, and N greedy ones leave 1/(N+1) to the next who
/// comes. Slow destinations, and those not known yet, have half of the places together, of all and
/// of a tenant's; of one that is not known there is one try at a time. Used on one loop.
class SendShares : public std::enable_shared_from_this<SendShares> {
 public:
  /// `all` places, of which a tenant has at most `of_a_tenant`.
  SendShares(std::size_t all, std::size_t of_a_tenant) : all_(all), of_a_tenant_(of_a_tenant) {}

  /// A place, given back when it goes.
  class Place {
   public:
    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    friend class SendShares;
    Place(std::shared_ptr<SendShares> shares, std::string tenant, bool slow);
    std::shared_ptr<SendShares> shares_;  ///< null: moved from
    std::string tenant_;
    bool slow_;
  };

  /// A place for a route of the tenant that has `of_route` of them; nothing: not now.
  std::optional<Place> take(const std::string& tenant, std::size_t of_route, Pace pace);
  /// `wake` is called, once, after places became free; then it may be worth trying again. Those who
  /// wait longest are called first.
  void when_free(std::function<void()> wake) { waiting_.push_back(std::move(wake)); }

  std::size_t taken() const { return taken_; }

 private:
  struct Tenant {
    std::size_t taken = 0, slow = 0;
  };
  void give_back(const std::string& tenant, bool slow);

  std::size_t all_, of_a_tenant_;
  std::size_t taken_ = 0, slow_ = 0;
  std::map<std::string, Tenant> tenants_;  ///< who have places
  std::deque<std::function<void()>> waiting_;
};

}  // namespace pulse::routing
