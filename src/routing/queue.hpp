#pragma once
// Matched messages on their way: published to ROUTES by who matches them, queued in a table by the
// delivery, and dead letters when their destination does not take them.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/described.hpp"
#include "routing/route_book.hpp"

namespace pulse::routing {

/// A message goes through at most so many routes, one republishing for the next.
inline constexpr int most_hops = 4;

/// A message that a route took.
struct RoutedMessage {
  std::string tenant_id;
  std::int64_t route_id = 0;
  std::int64_t version = 0;
  std::string message_id;  ///< the same whenever this route takes this message
  std::string topic, device_id;
  std::string payload;    ///< JSON text, without the device's token
  std::int64_t hops = 0;  ///< routes that it has gone through before
  std::int64_t received_ms = 0;
};

/// What is matched: a message as it came from a device, or as a route republished it.
struct Arrival {
  std::string_view tenant_id, device_id, topic;
  std::string_view id;  ///< of the message; with the route's it makes the routed message's
  std::int64_t received_ms = 0;
  std::int64_t hops = 0;
};

/// The messages for the routes that take it; `text` is the payload's JSON.
std::vector<RoutedMessage> routed(const TenantRoutes& routes, const Arrival& arrival,
                                  const boost::json::value& payload, std::string_view text);

/// What stands on `routes.{tenant}`: {id, route: {id, version}, topic, tenant_id, device_id, hops,
/// received_ms, payload}.
std::string to_text(const RoutedMessage& message);
/// Nothing when it is not of that form.
std::optional<RoutedMessage> read_routed(std::string_view text);

struct HandedOn {
  std::size_t published = 0, buried = 0;
};
/// Publishes them and waits for the PubAcks, with a Nats-Msg-Id each. What can't be published
/// within two seconds, or is refused because the stream is full, becomes a dead letter. Throws
/// pg::Error, as if the connection was lost, when neither can be had: they must be handed on again.
Task<HandedOn> hand_on(nats::Client& nats, pg::Pool& pool, std::vector<RoutedMessage> messages);

/// The scope of workers, who see every tenant.
pg::Scope worker_scope();

/// Writes them to the queue, but for those of routes that are gone, and those that are there.
Task<> enqueue(pg::Pool& pool, const std::vector<RoutedMessage>& messages);

/// A queued message.
struct Queued {
  std::int64_t id = 0;
  std::string message_id, topic, device_id, payload;
  std::int64_t hops = 0;
  Time received_at, created_at;
};
BOOST_DESCRIBE_STRUCT(Queued, (),
                      (id, message_id, topic, device_id, payload, hops, received_at, created_at))

/// The routes that have something in the queue and run.
Task<std::vector<std::int64_t>> routes_with_queue(pg::Pool& pool);
/// What is queued for a route after `after`, oldest first.
Task<std::vector<Queued>> queued_for(pg::Pool& pool, std::int64_t route_id, std::int64_t after,
                                     std::int64_t most);
/// Delivered ones leave.
Task<> unqueue(pg::Pool& pool, std::vector<std::int64_t> ids);

/// Why a queued message can't be delivered, and after how many tries.
struct Undelivered {
  std::int64_t id = 0;
  std::string error;
  std::int64_t attempts = 0;
};
/// They leave the queue and become dead letters, in one statement.
Task<> bury(pg::Pool& pool, const std::vector<Undelivered>& messages);
/// What waited for a day (its route is disabled) becomes dead letters. Returns how many.
Task<std::int64_t> bury_forgotten(pg::Pool& pool);

}  // namespace pulse::routing
