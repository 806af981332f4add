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

/// At most so many routes take a message, those that its copies reach by being republished
/// included: one message of a device never becomes more than these, whatever a tenant's routes are.
inline constexpr std::int64_t most_routes_of_a_message = 100;

/// A message that a route took.
struct RoutedMessage {
  std::string tenant_id;
  std::int64_t route_id = 0;
  std::int64_t version = 0;
  std::string message_id;  ///< the same whenever this route takes this message
  std::string topic, device_id;
  std::string payload;           ///< JSON text, without the device's token
  std::int64_t hops = 0;         ///< routes that it has gone through before
  std::int64_t fanout_left = 0;  ///< routes that may take it when it is republished
  std::int64_t received_ms = 0;
};

/// What is matched: a message as it came from a device, or as a route republished it.
struct Arrival {
  std::string_view tenant_id, device_id, topic;
  std::string_view id;  ///< of the message; with the route's it makes the routed message's
  std::int64_t received_ms = 0;
  std::int64_t hops = 0;
  std::int64_t fanout = most_routes_of_a_message;  ///< so many routes may take it
};

/// The messages for the routes that take it.
struct Routed {
  std::vector<RoutedMessage> messages;
  std::size_t over = 0;  ///< routes that match beyond Arrival::fanout: the newest are left out
};
/// `text` is the payload's JSON. What is left of the fan-out is shared among those of the routes
/// that republish.
Routed routed(const TenantRoutes& routes, const Arrival& arrival, const boost::json::value& payload,
              std::string_view text);

/// What stands on `routes.{tenant}`: {id, route: {id, version}, topic, tenant_id, device_id, hops,
/// fanout_left, received_ms, payload}.
std::string to_text(const RoutedMessage& message);
/// Nothing when it is not of that form.
std::optional<RoutedMessage> read_routed(std::string_view text);

struct HandedOn {
  std::size_t published = 0, buried = 0;
};
/// Publishes them and waits for the PubAcks, with a Nats-Msg-Id each. What is refused because the
/// stream is full becomes a dead letter. Throws pg::Error, as if the connection was lost, when NATS
/// does not answer within two seconds (what was published may have arrived all the same) or dead
/// letters can't be written: all of them must be handed on again, and none is doubled by that.
Task<HandedOn> hand_on(nats::Client& nats, pg::Pool& pool, std::vector<RoutedMessage> messages);

/// The scope of workers, who see every tenant.
pg::Scope worker_scope();

/// Writes them to the queue, but for those of routes that are gone, and those that are there or are
/// dead letters already. One that PostgreSQL refuses for its data becomes a dead letter.
Task<> enqueue(pg::Pool& pool, std::vector<RoutedMessage> messages);

/// Those that can't come into the queue become dead letters, unless they are.
Task<> bury_at_once(pg::Pool& pool, std::vector<RoutedMessage> messages, std::string error);

/// A queued message.
struct Queued {
  std::int64_t id = 0;
  std::string message_id, topic, device_id, payload;
  std::int64_t hops = 0, fanout_left = 0;
  Time received_at, created_at;
};
BOOST_DESCRIBE_STRUCT(Queued, (),
                      (id, message_id, topic, device_id, payload, hops, fanout_left, received_at,
                       created_at))

/// How much waits for a route.
struct Backlog {
  std::int64_t route_id = 0;
  std::string tenant_id;
  bool is_enabled = true;
  std::int64_t messages = 0;
};
BOOST_DESCRIBE_STRUCT(Backlog, (), (route_id, tenant_id, is_enabled, messages))

/// The routes that have something in the queue and run.
Task<std::vector<std::int64_t>> routes_with_queue(pg::Pool& pool);
/// Of all routes that have something in the queue.
Task<std::vector<Backlog>> backlogs(pg::Pool& pool);
/// What is queued for a route after `after`, oldest first: up to `most` messages, and no more than
/// fit into `most_bytes`, but one.
Task<std::vector<Queued>> queued_for(pg::Pool& pool, std::int64_t route_id, std::int64_t after,
                                     std::int64_t most, std::int64_t most_bytes);
/// Delivered ones leave.
Task<> unqueue(pg::Pool& pool, std::vector<std::int64_t> ids);

/// Why a queued message can't be delivered, and after how many tries.
struct Undelivered {
  std::int64_t id = 0;
  std::string error;
  std::int64_t attempts = 0;
};
/// They leave the queue and become dead letters, in one statement. A payload that jsonb does not
/// hold is kept as a text.
Task<> bury(pg::Pool& pool, std::vector<Undelivered> messages);
/// What is queued for a route after `after` becomes dead letters, but for the oldest `keep`, at
/// most 5,000 at once. Returns how many.
Task<std::int64_t> bury_beyond(pg::Pool& pool, std::int64_t route_id, std::int64_t after,
                               std::int64_t keep, std::string error);
/// What waited for a day, of routes that nobody delivers for (they are disabled), becomes dead
/// letters, at most 1,000 of a route at once. Returns how many.
Task<std::int64_t> bury_forgotten(pg::Pool& pool, std::vector<std::int64_t> delivered_routes);

}  // namespace pulse::routing
