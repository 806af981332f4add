// A tenant's message routes: what they take, where they lead, and trying a message on them.
#include <algorithm>

#include "routing/asked_sends.hpp"
#include "routing/queue.hpp"

namespace pulse::routing {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using RouteId = http::Path<"route_id", std::int32_t>;

constexpr const char* sample_topic = "tenant/test/device/DEV-001/telemetry";
constexpr const char* no_route = "Message route not found";

struct MessageRouteList {
  std::vector<MessageRoute> routes;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(MessageRouteList, (), (routes, total, limit, offset))

struct TestRouteRequest {
  std::string topic = sample_topic;
  boost::json::object payload;
};
BOOST_DESCRIBE_STRUCT(TestRouteRequest, (), (topic, payload))
inline std::vector<std::string_view> optional_members(json::As<TestRouteRequest>) {
  return {"topic", "payload"};
}
inline auto constraints(json::As<TestRouteRequest>) {
  return json::rules<TestRouteRequest>().length(&TestRouteRequest::topic, 1, 500);
}

/// Whether a route takes a message, and what speaks against it.
struct RouteVerdict {
  std::int64_t route_id = 0;
  std::string name;
  bool is_enabled = true, matches = false;
  std::vector<std::string> reasons;  ///< why not
};
BOOST_DESCRIBE_STRUCT(RouteVerdict, (), (route_id, name, is_enabled, matches, reasons))

struct MatchedRoutes {
  std::string topic;
  std::int64_t matched = 0;
  std::vector<RouteVerdict> routes;
};
BOOST_DESCRIBE_STRUCT(MatchedRoutes, (), (topic, matched, routes))

struct RouteTestResult {
  std::int64_t route_id = 0;
  std::string destination_type;
  bool success = false;
  std::optional<std::string> error;
  std::optional<std::int64_t> status_code;  ///< of a webhook's answer
  double duration_ms = 0;
  bool matches = false;
  std::vector<std::string> reasons;
};
BOOST_DESCRIBE_STRUCT(RouteTestResult, (),
                      (route_id, destination_type, success, error, status_code, duration_ms,
                       matches, reasons))

RouteVerdict verdict_of(const StoredRoute& route, const TestRouteRequest& message) {
  RouteVerdict out;
  out.route_id = route.id;
  out.name = route.name;
  out.is_enabled = route.is_enabled;
  if (auto reason = why_not(route.topic_filter, message.topic); !reason.empty())
    out.reasons.push_back(std::move(reason));
  if (route.payload_filter)
    for (auto& reason : PayloadFilter(*route.payload_filter).why_not(message.payload))
      out.reasons.push_back(std::move(reason));
  if (!route.is_enabled) out.reasons.emplace_back("The route is disabled");
  out.matches = out.reasons.empty();
  return out;
}

/// Throws 400 for a configuration that its kind does not take.
void check(const RoutingDeps& d, const RouteTarget& target) {
  if (auto fault = kind_named(target.type).fault(target, d.tools); !fault.empty())
    throw bad_request(std::move(fault));
}

void tell(const RoutingDeps& d, const TenantCaller& caller, std::string action, std::int64_t id,
          std::string message, boost::json::object details = {}) {
  d.tools.nats->publish(routes_changed_subject, caller.tenant());
  tell_pages(d, caller.tenant(), "message-routes");
  const auto event = "message_route." + action + (action.ends_with("e") ? "d" : "ed");
  d.audit->write(AuditLog::of(caller, event, action, "message_route", std::to_string(id),
                              std::move(message), std::move(details)));
}

Task<MessageRouteList> list_routes(RoutingDeps, TenantCaller caller,
                                   http::Query<RouteQuery> query) {
  MessageRouteList out;
  auto page = co_await routes_of(caller.db, query.value);
  out.routes = std::move(page.routes);
  out.total = page.total;
  out.limit = query->limit;
  out.offset = query->offset;
  co_return out;
}

Task<MessageRoute> known_route(TenantCaller caller, std::int64_t id) {
  auto found = co_await find_route(caller.db, id);
  if (!found) throw not_found(no_route);
  co_return std::move(*found);
}

Task<http::Created<MessageRoute>> create_route(RoutingDeps d, TenantCaller caller,
                                               http::Body<MessageRouteCreate> body) {
  auto made = std::move(body.value);
  const auto& kind = kind_named(made.destination_type);
  RouteTarget target;
  target.tenant_id = caller.tenant();
  target.type = made.destination_type;
  target.topic_filter = made.topic_filter;
  target.config = made.destination_config;
  check(d, target);
  auto config = seal_config(*d.sealer, caller.tenant(), kind, made.destination_config);
  made.destination_config = std::move(config.shown);
  const auto id = co_await insert_route(caller.db, caller.tenant(), made, config.sealed);
  if (!id) throw conflict("At most " + std::to_string(most_routes) + " message routes");
  boost::json::object details{{"topic_filter", made.topic_filter},
                              {"destination_type", made.destination_type}};
  tell(d, caller, "create", *id, "Message route " + made.name + " created", std::move(details));
  auto known = co_await known_route(caller, *id);
  co_return http::Created<MessageRoute>{std::move(known)};
}

/// The configuration after a change, checked with everything that it depends on; nothing when
/// neither it nor its kind changes.
std::optional<SealedConfig> changed_config(const RoutingDeps& d, const StoredRoute& stored,
                                           const MessageRouteUpdate& changes) {
  RouteTarget target;
  target.route_id = stored.id;
  target.tenant_id = stored.tenant_id;
  target.type = changes.destination_type.value_or(stored.destination_type);
  target.topic_filter = changes.topic_filter.value_or(stored.topic_filter);
  const bool other_kind = target.type != stored.destination_type;
  if (other_kind && !changes.destination_config)
    throw bad_request("Give the destination_config of the new destination_type");
  boost::json::object known;
  try {
    known =
        open_config(*d.sealer, stored.tenant_id, stored.destination_config, stored.sealed_secrets);
  } catch (const crypto::Error&) {
    if (!changes.destination_config)
      throw bad_request("The secrets can't be opened any more: enter them again");
  }
  if (!changes.destination_config) {
    target.config = std::move(known);
    check(d, target);
    return std::nullopt;
  }
  const auto& kind = kind_named(target.type);
  target.config = *changes.destination_config;
  if (!other_kind) {
    const auto kept = keep_secrets(kind, target.config, known);
    // A kept secret would be sent wherever whoever changes the address wants it.
    for (const auto name : kind.bound_to) {
      const auto *now = target.config.if_contains(name), *was = known.if_contains(name);
      if (!kept.empty() && (!now || !was || *now != *was))
        throw bad_request("Enter " + kept.front() + " again when you change " + std::string(name));
    }
  }
  check(d, target);
  return seal_config(*d.sealer, stored.tenant_id, kind, target.config);
}

Task<MessageRoute> change_route(RoutingDeps d, TenantCaller caller, RouteId id,
                                http::Body<MessageRouteUpdate> body) {
  const auto stored = co_await stored_route(caller.db, id.value);
  if (!stored) throw not_found(no_route);
  auto config = changed_config(d, *stored, body.value);
  auto changes = co_await update_route(caller.db, id.value, body.value, std::move(config));
  if (!changes) throw not_found(no_route);
  tell(d, caller, "update", id.value, "Message route " + stored->name + " changed",
       std::move(*changes));
  co_return co_await known_route(caller, id.value);
}

Task<http::NoContent> delete_route(RoutingDeps d, TenantCaller caller, RouteId id) {
  const bool removed = co_await remove_route(caller.db, id.value);
  if (!removed) throw not_found(no_route);
  tell(d, caller, "delete", id.value, "Message route " + std::to_string(id.value) + " deleted");
  co_return http::NoContent{};
}

OutgoingMessage sample_of(const TenantCaller& caller, std::int64_t route_id,
                          const TestRouteRequest& request) {
  OutgoingMessage m;
  m.message_id = "test-" + caller.request_id + "-r" + std::to_string(route_id);
  m.topic = request.topic;
  m.device_id = "DEV-001";
  const std::string_view topic = request.topic;
  if (const auto at = topic.find("/device/"); at != std::string_view::npos) {
    const auto rest = topic.substr(at + 8);
    const auto device = rest.substr(0, rest.find('/'));
    if (json::matches_identifier(device)) m.device_id = device;
  }
  auto payload = request.payload;
  if (payload.empty()) payload["metrics"] = boost::json::object{{"temperature", 21.5}};
  m.payload = json::to_text(boost::json::value(payload));
  m.fanout_left = most_routes_of_a_message - 1;
  m.received_at = now();
  return m;
}

Task<RouteTestResult> test_route(RoutingDeps d, TenantCaller caller, RouteId id,
                                 http::Body<TestRouteRequest> body) {
  const auto stored = co_await stored_route(caller.db, id.value);
  if (!stored) throw not_found(no_route);
  RouteTestResult out;
  out.route_id = stored->id;
  out.destination_type = stored->destination_type;
  auto verdict = verdict_of(*stored, body.value);
  out.matches = verdict.matches;
  out.reasons = std::move(verdict.reasons);
  const auto begun = steady_us();
  auto sample = sample_of(caller, stored->id, body.value);
  Sent sent;
  try {
    sent = co_await send_asked(d, *stored, std::move(sample));
  } catch (const crypto::Error&) {
    throw bad_request("The secrets can't be opened any more: enter them again");
  }
  out.duration_ms = static_cast<double>(steady_us() - begun) / 1'000;
  out.success = sent.ok();
  if (!out.success) out.error = sent.error;
  if (sent.status != 0) out.status_code = sent.status;
  d.audit->write(AuditLog::of(caller, "message_route.tested", "test", "message_route",
                              std::to_string(stored->id),
                              "Message route " + stored->name + " tested"));
  co_return out;
}

Task<MatchedRoutes> match_routes(RoutingDeps, TenantCaller caller,
                                 http::Body<TestRouteRequest> body) {
  MatchedRoutes out;
  out.topic = body->topic;
  const auto routes = co_await stored_routes(caller.db);
  out.routes.reserve(routes.size());
  std::vector<RouteVerdict*> matching;
  for (const auto& route : routes) {
    out.routes.push_back(verdict_of(route, body.value));
    if (out.routes.back().matches) matching.push_back(&out.routes.back());
  }
  // Ingest gives a message to the oldest of them.
  std::sort(matching.begin(), matching.end(),
            [](const auto* a, const auto* b) { return a->route_id < b->route_id; });
  for (std::size_t i = most_routes_of_a_message; i < matching.size(); ++i) {
    matching[i]->matches = false;
    matching[i]->reasons.push_back("A message goes to at most " +
                                   std::to_string(most_routes_of_a_message) +
                                   " routes: as many older ones take it");
  }
  out.matched = std::min(static_cast<std::int64_t>(matching.size()), most_routes_of_a_message);
  co_return out;
}

}  // namespace

void mount_routes(http::Router& api, const RoutingDeps& d) {
  const std::string base = "/api/v1/customer/message-routes", one = base + "/{route_id}";
  const char* write = "integrations.routes";
  api.get(base, http::bound(d, list_routes))
      .customers()
      .tag("Message routes")
      .summary("Message routes, secrets masked");
  api.post(base, http::bound(d, create_route))
      .needs(write)
      .tag("Message routes")
      .summary("Forward messages to a webhook, another topic, or a database")
      .description(
          "`topic_filter` is an MQTT filter (`+`, `#`). `payload_filter`: `{field: value}` or "
          "`{field: {$gt, $gte, $lt, $lte, $eq, $ne}}`, all must hold. `destination_config`: "
          "webhook `{url, method, headers, secret}`; mqtt_republish `{topic}` with `{tenant_id}` "
          "and `{device_id}`; postgresql `{dsn, table, columns, sslrootcert}`, empty for the "
          "built-in store.")
      .example({{"name", "Hot devices"},
                {"topic_filter", "tenant/+/device/+/telemetry"},
                {"destination_type", "webhook"},
                {"destination_config", {{"url", "https://example.com/pulse"}}},
                {"payload_filter", {{"temperature", {{"$gt", 80}}}}}})
      .fails(400, "Missing required config keys for {type}: [...]")
      .fails(409, "At most 10000 message routes")
      .fails(503, "Secrets can't be kept: PULSE_SECRET_KEY is not set");
  api.put(one, http::bound(d, change_route))
      .needs(write)
      .tag("Message routes")
      .summary("Change a message route")
      .description(
          "What is left out stays. A secret of '***' keeps the stored one, as long as the address "
          "that it is sent to stays.")
      .fails(400, "Missing required config keys for {type}: [...]")
      .fails(404, no_route)
      .fails(503, "Secrets can't be kept: PULSE_SECRET_KEY is not set");
  api.del(one, http::bound(d, delete_route))
      .needs(write)
      .tag("Message routes")
      .summary("Delete a message route, and what waits for it")
      .fails(404, no_route);
  api.post(one + "/test", http::bound(d, test_route))
      .needs(write)
      .tag("Message routes")
      .summary("Send a sample to a route's destination")
      .description("It is sent whether the route takes it or not; `reasons` say why it does not.")
      .fails(400, "The secrets can't be opened any more: enter them again")
      .fails(404, no_route);
  api.post(base + "/match", http::bound(d, match_routes))
      .customers()
      .tag("Message routes")
      .summary("Which routes take a message, and why the others do not")
      .description("Nothing is sent.");
}

}  // namespace pulse::routing
