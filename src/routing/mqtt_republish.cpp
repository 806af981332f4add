// Messages republished under another topic of the tenant: {topic}, with {tenant_id} and {device_id}
// filled in. Devices that subscribed get them, and so do the tenant's other routes.
#include <algorithm>

#include "fleet/to_device.hpp"
#include "fleet/topics.hpp"
#include "platform/json/rules.hpp"
#include "platform/mqtt/topic.hpp"
#include "routing/destination.hpp"
#include "routing/queue.hpp"

namespace pulse::routing {

namespace {

void fill(std::string& text, std::string_view placeholder, std::string_view value) {
  for (auto at = text.find(placeholder); at != std::string::npos;
       at = text.find(placeholder, at + value.size()))
    text.replace(at, placeholder.size(), value);
}

/// What Pulse itself says to devices, or takes from them: a route must not speak in its name, or in
/// a device's.
bool is_reserved(std::string_view kind) {
  for (const std::string_view own :
       {"telemetry", "heartbeat", "shadow", "commands", "jobs", "ota"}) {
    if (kind == own || (kind.starts_with(own) && kind[own.size()] == '/')) return true;
  }
  return false;
}

/// A level that could be taken for another one on its way: '.' is what NATS has for '/', '*' and
/// '>' are its wildcards, white space ends its subjects, and by '$' brokers name what is theirs.
bool is_plain_level(std::string_view level) {
  return !level.empty() && level.front() != '$' &&
         std::none_of(level.begin(), level.end(), [](unsigned char c) {
           return c <= ' ' || c == 127 || c == '.' || c == '*' || c == '>';
         });
}

bool has_plain_levels(std::string_view topic) {
  while (true) {
    const auto slash = topic.find('/');
    if (!is_plain_level(topic.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    topic.remove_prefix(slash + 1);
  }
}

std::string fault_of_topic(const std::string& topic, const std::string& tenant) {
  if (topic.size() > 300 || !mqtt::is_valid_topic_name(topic))
    return "topic must be an MQTT topic without wildcards";
  if (!topic.starts_with("tenant/" + tenant + "/"))
    return "topic must begin with tenant/{tenant_id}/: a route publishes for its own tenant alone";
  if (topic.ends_with('/')) return "topic must not end with '/'";
  if (!has_plain_levels(topic))
    return "topic must have no empty level, none that begins with '$', and no '.', '*', '>' or "
           "white space";
  const auto device = fleet::parse_topic(topic);
  if (!device && topic.starts_with("tenant/" + tenant + "/device/"))
    return "topic must be tenant/{tenant_id}/device/{device_id}/... with a device's id";
  if (device && is_reserved(device->kind))
    return "topic must not be one of those by which devices and Pulse talk (" +
           std::string(device->kind) + ")";
  return {};
}

std::string fault(const RouteTarget& target, const DestinationTools&) {
  for (const auto& [name, value] : target.config)
    if (name != "topic") return "Unknown config key for mqtt_republish: " + std::string(name);
  auto topic = text_of(target.config, "topic");
  if (topic.empty()) return "Missing required config keys for mqtt_republish: ['topic']";
  fill(topic, "{tenant_id}", target.tenant_id);
  // As if for one device; another name of the same form changes nothing.
  auto example = topic;
  fill(example, "{device_id}", "device");
  if (example.find_first_of("{}") != std::string::npos)
    return "topic may have the placeholders {tenant_id} and {device_id} alone";
  if (auto wrong = fault_of_topic(example, target.tenant_id); !wrong.empty()) return wrong;
  if (may_match(target.topic_filter, topic))
    return "topic is one that this route's topic_filter matches: it would go round in circles";
  return {};
}

class Republish : public Destination {
 public:
  Republish(DestinationTools tools, RouteTarget target)
      : tools_(std::move(tools)), target_(std::move(target)) {}

  Task<std::vector<Sent>> send(std::vector<OutgoingMessage> messages) override {
    std::vector<Sent> out;
    for (const auto& m : messages) {
      auto sent = co_await send_one(m);
      out.push_back(std::move(sent));
    }
    co_return out;
  }

 private:
  Task<Sent> send_one(const OutgoingMessage& m) {
    Sent sent;
    if (m.hops >= most_hops) {
      sent.error = "Cut: the message went through " + std::to_string(m.hops) + " routes already";
      sent.permanent = true;
      co_return sent;
    }
    auto topic = text_of(target_.config, "topic");
    fill(topic, "{tenant_id}", target_.tenant_id);
    fill(topic, "{device_id}", m.device_id);
    // Again: the filter may have been changed by a writer that checks nothing.
    sent.error = fault_of_topic(topic, target_.tenant_id);
    if (sent.error.empty() && mqtt::topic_matches(target_.topic_filter, topic))
      sent.error = "topic is one that this route matches itself";
    sent.permanent = !sent.ok();
    if (!sent.ok()) co_return sent;
    // Other routes first: given to them again it is known, given to devices again it comes twice.
    sent = co_await to_other_routes(topic, m);
    if (!sent.ok()) co_return sent;
    const auto to = fleet::parse_topic(topic);
    if (to && !fleet::send_to_device(*tools_.nats, to->tenant, to->device, to->kind, m.payload)) {
      sent.error = "The message could not be sent to devices: NATS is out of reach";
      sent.ours = true;
    }
    co_return sent;
  }

  Task<Sent> to_other_routes(std::string topic, const OutgoingMessage& m) {
    Sent sent;
    try {
      co_await tools_.book->refresh(*tools_.pool);
      const auto* routes = tools_.book->of(target_.tenant_id);
      if (!routes) co_return sent;
      const auto payload = boost::json::parse(m.payload);
      Arrival arrival;
      arrival.tenant_id = target_.tenant_id;
      arrival.device_id = m.device_id;
      arrival.topic = topic;
      arrival.id = m.message_id;
      arrival.received_ms = to_ms(m.received_at);
      arrival.hops = m.hops + 1;
      arrival.fanout = m.fanout_left;
      auto next = routed(*routes, arrival, payload, m.payload);
      if (next.over > 0) {
        sent.error = "Cut: by way of routes that republish, the message would go to more than " +
                     std::to_string(most_routes_of_a_message) + " routes";
        sent.permanent = true;
        co_return sent;
      }
      auto messages = std::move(next.messages);
      if (!messages.empty()) co_await hand_on(*tools_.nats, *tools_.pool, std::move(messages));
    } catch (const pg::Error& e) {
      sent.error = "Other routes could not be given the message";
      sent.ours = e.unavailable();
    }
    co_return sent;
  }

  DestinationTools tools_;
  RouteTarget target_;
};

std::unique_ptr<Destination> make(DestinationTools tools, RouteTarget target) {
  return std::make_unique<Republish>(std::move(tools), std::move(target));
}

}  // namespace

const DestinationKind mqtt_republish_kind{"mqtt_republish", fault, {}, {}, make};

}  // namespace pulse::routing
