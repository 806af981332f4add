#pragma once
// Where routes lead: one file a kind behind one small interface.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json.hpp>
#include <memory>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/http/client.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"
#include "routing/route_book.hpp"

namespace pulse::routing {

/// What destinations are reached with.
struct DestinationTools {
  http::OutboundClient* http = nullptr;
  nats::Client* nats = nullptr;
  pg::Pool* pool = nullptr;
  std::shared_ptr<RouteBook> book;         ///< of the loop, for republished messages
  std::vector<std::string> private_hosts;  ///< host:port that may be private (development)
  boost::asio::any_io_executor executor;
  /// Where names are looked up, several at once; null: on the loop's resolver, one after the other.
  std::shared_ptr<boost::asio::thread_pool> resolvers;
};

/// A route that is delivered for, with its secrets opened.
struct RouteTarget {
  std::int64_t route_id = 0, version = 0;
  std::string tenant_id, type, topic_filter;
  boost::json::object config;
};

/// A message for a destination.
struct OutgoingMessage {
  std::string message_id, topic, device_id;
  std::string payload;  ///< JSON text
  std::int64_t hops = 0;
  std::int64_t fanout_left = 0;  ///< routes that may take it when it is republished
  Time received_at;
};

/// What became of one message.
struct Sent {
  std::string error;       ///< empty: taken. In our words: what went out may hold secrets
  bool permanent = false;  ///< trying again changes nothing
  bool ours = false;       ///< Pulse's own servers are out of reach: the try does not count
  int status = 0;          ///< HTTP's, where there was one
  bool ok() const { return error.empty(); }
};

/// One route's way out. Used on one loop.
class Destination {
 public:
  virtual ~Destination() = default;
  /// How many messages one send takes.
  virtual std::size_t batch() const { return 1; }
  /// How many sends may be under way, each with messages of other devices; the messages of a device
  /// go one after the other.
  virtual std::size_t lanes() const { return 4; }
  /// An answer for each message, in their order. Throws nothing that a destination causes.
  virtual Task<std::vector<Sent>> send(std::vector<OutgoingMessage> messages) = 0;
};

/// What is known of a kind of destination before there is one.
struct DestinationKind {
  std::string_view name;
  /// What is wrong with a configuration, or nothing.
  std::string (*fault)(const RouteTarget& target, const DestinationTools& tools);
  /// Members of the configuration that are secrets; of an object member all values are.
  std::vector<std::string_view> secrets;
  /// What a kept secret is sent to: it must be entered anew when this changes.
  std::vector<std::string_view> bound_to;
  std::unique_ptr<Destination> (*make)(DestinationTools tools, RouteTarget target);
};

extern const DestinationKind webhook_kind, mqtt_republish_kind, postgresql_kind;

/// Throws std::logic_error for a name that no constraint lets through.
const DestinationKind& kind_named(std::string_view name);

/// host:port is one of those that may be private.
bool may_be_private(const DestinationTools& tools, std::string_view host, int port);

/// The text member of a configuration; empty when there is none.
std::string text_of(const boost::json::object& config, std::string_view name);

}  // namespace pulse::routing
