#pragma once
// Message routes of a tenant: which messages go where.
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "platform/pg/described.hpp"
#include "routing/deps.hpp"
#include "routing/payload_filter.hpp"
#include "routing/secrets.hpp"
#include "routing/topic_trie.hpp"
#include "tenancy/caller.hpp"

namespace pulse::routing {

/// A tenant has no more routes than these.
inline constexpr std::int64_t most_routes = 10'000;

inline std::vector<std::string> destination_types() {
  return {"webhook", "mqtt_republish", "postgresql"};
}

struct MessageRouteCreate {
  std::string name, topic_filter, destination_type;
  boost::json::object destination_config;
  std::optional<boost::json::object> payload_filter;
  bool is_enabled = true;
};
BOOST_DESCRIBE_STRUCT(MessageRouteCreate, (),
                      (name, topic_filter, destination_type, destination_config, payload_filter,
                       is_enabled))
inline std::vector<std::string_view> optional_members(json::As<MessageRouteCreate>) {
  return {"destination_config", "is_enabled"};
}
inline auto constraints(json::As<MessageRouteCreate>) {
  using T = MessageRouteCreate;
  return json::rules<T>()
      .length(&T::name, 1, 100)
      .length(&T::topic_filter, 1, 200)
      .one_of(&T::destination_type, destination_types())
      .check("topic_filter", [](const T& v) { return fault_of_filter(v.topic_filter); })
      .check("payload_filter", [](const T& v) {
        return v.payload_filter ? fault_of_payload_filter(*v.payload_filter) : std::string();
      });
}

/// A payload_filter of null takes everything.
struct MessageRouteUpdate {
  std::optional<std::string> name, topic_filter, destination_type;
  std::optional<boost::json::object> destination_config;
  json::Patch<boost::json::object> payload_filter;
  std::optional<bool> is_enabled;
};
BOOST_DESCRIBE_STRUCT(MessageRouteUpdate, (),
                      (name, topic_filter, destination_type, destination_config, payload_filter,
                       is_enabled))
inline auto constraints(json::As<MessageRouteUpdate>) {
  using T = MessageRouteUpdate;
  return json::rules<T>()
      .length(&T::name, 1, 100)
      .length(&T::topic_filter, 1, 200)
      .one_of(&T::destination_type, destination_types())
      .check("topic_filter",
             [](const T& v) {
               return v.topic_filter ? fault_of_filter(*v.topic_filter) : std::string();
             })
      .check("payload_filter", [](const T& v) {
        return v.payload_filter.value ? fault_of_payload_filter(*v.payload_filter.value)
                                      : std::string();
      });
}

/// As callers see it: secrets are '***'.
struct MessageRoute {
  std::int64_t id = 0;
  std::string tenant_id, name, topic_filter, destination_type;
  boost::json::object destination_config;
  std::optional<boost::json::object> payload_filter;
  bool is_enabled = true;
  std::int64_t version = 1;
  std::int64_t queued_count = 0;  ///< messages that wait for the destination
  std::int64_t failed_count = 0;  ///< dead letters that are neither replayed nor discarded
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(MessageRoute, (),
                      (id, tenant_id, name, topic_filter, destination_type, destination_config,
                       payload_filter, is_enabled, version, queued_count, failed_count, created_at,
                       updated_at))

/// As it is stored.
struct StoredRoute {
  std::int64_t id = 0, version = 1;
  std::string tenant_id, name, topic_filter, destination_type;
  boost::json::object destination_config;
  std::optional<std::string> sealed_secrets;
  std::optional<boost::json::object> payload_filter;
  bool is_enabled = true;
};
BOOST_DESCRIBE_STRUCT(StoredRoute, (),
                      (id, version, tenant_id, name, topic_filter, destination_type,
                       destination_config, sealed_secrets, payload_filter, is_enabled))

struct RouteQuery {
  std::int64_t limit = 100, offset = 0;
  std::optional<std::string> search, destination_type;
  std::optional<bool> is_enabled;
};
BOOST_DESCRIBE_STRUCT(RouteQuery, (), (limit, offset, search, destination_type, is_enabled))
inline auto constraints(json::As<RouteQuery>) {
  return json::rules<RouteQuery>()
      .range(&RouteQuery::limit, 1, 500)
      .range(&RouteQuery::offset, 0, 1'000'000)
      .length(&RouteQuery::search, 0, 200)
      .one_of(&RouteQuery::destination_type, destination_types());
}

struct RoutePage {
  std::vector<MessageRoute> routes;
  std::int64_t total = 0;
};
Task<RoutePage> routes_of(tenancy::TenantDb db, RouteQuery query);
Task<std::optional<MessageRoute>> find_route(tenancy::TenantDb db, std::int64_t id);
Task<std::optional<StoredRoute>> stored_route(tenancy::TenantDb db, std::int64_t id);
/// All of a tenant, for trying a message on them.
Task<std::vector<StoredRoute>> stored_routes(tenancy::TenantDb db);
/// For the delivery. Nothing: it is gone, or disabled.
Task<std::optional<StoredRoute>> running_route(pg::Pool& pool, std::int64_t id);
/// The new id; nothing when the tenant has as many as it may.
Task<std::optional<std::int64_t>> insert_route(tenancy::TenantDb db, std::string tenant_id,
                                               MessageRouteCreate made,
                                               std::optional<std::string> sealed);
/// What changed, secrets as '***'; nothing when there is no such route. A `config` replaces
/// destination_config and the sealed secrets.
Task<std::optional<boost::json::object>> update_route(tenancy::TenantDb db, std::int64_t id,
                                                      MessageRouteUpdate changes,
                                                      std::optional<SealedConfig> config);
Task<bool> remove_route(tenancy::TenantDb db, std::int64_t id);

/// What its destination is reached by. Throws crypto::Error when no key opens its secrets.
RouteTarget target_of(const crypto::Sealer& sealer, const StoredRoute& route);

}  // namespace pulse::routing
