#pragma once
// The routes that run, in memory: which of them take a message. Kept by ingest, and by whoever
// republishes.
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "routing/payload_filter.hpp"
#include "routing/topic_trie.hpp"

namespace pulse::routing {

/// Core NATS subject that says: a tenant's routes changed.
inline constexpr const char* routes_changed_subject = "pulse.routes.changed";

/// A route as a matcher knows it.
struct RunningRoute {
  std::int32_t id = 0;
  std::int64_t version = 0;
  bool republishes = false;  ///< what it takes may be taken again, under its new topic
  PayloadFilter filter;
};

/// The routes of one tenant.
class TenantRoutes {
 public:
  void add(std::string_view topic_filter, RunningRoute route);
  /// Those that take the message. Good until the next change.
  std::vector<const RunningRoute*> match(std::string_view topic,
                                         const boost::json::value& payload) const;
  std::size_t size() const { return routes_.size(); }

 private:
  TopicTrie trie_;
  std::vector<RunningRoute> routes_;
};

/// The routes of all tenants. Used on one loop.
class RouteBook {
 public:
  RouteBook(nats::Client& nats, boost::asio::any_io_executor executor);
  /// Reads anew what changed: after a word on routes_changed_subject, and every 3 s. Throws
  /// pg::Error.
  Task<> refresh(pg::Pool& pool);
  bool empty() const { return tenants_.empty(); }
  /// Null: the tenant has no route that runs.
  const TenantRoutes* of(std::string_view tenant) const;

 private:
  struct Known {
    std::int64_t version = 0;
    TenantRoutes routes;
  };
  std::map<std::string, Known, std::less<>> tenants_;
  std::int64_t due_ms_ = 0;
  std::unique_ptr<nats::Subscription> subscription_;
};

}  // namespace pulse::routing
