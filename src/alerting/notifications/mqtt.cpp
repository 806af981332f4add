// A publish to a customer's MQTT broker.
#include <boost/asio/this_coro.hpp>

#include "alerting/notifications/outbound.hpp"
#include "platform/ids.hpp"
#include "platform/mqtt/client.hpp"

namespace pulse::alerting::notifications {

namespace {

constexpr const char* system_authorities = "/etc/ssl/certs/ca-certificates.crt";

std::int64_t port_of(const Config& config) {
  return number_in(config, "broker_port", flag_in(config, "tls", false) ? 8883 : 1883);
}

std::string fault(const SendDeps& deps, const Config& config) {
  if (auto wrong =
          texts_fault(config, {"broker_host", "topic", "username", "password", "client_id"});
      !wrong.empty())
    return wrong;
  if (auto wrong = range_fault(config, "broker_port", 1, 65'535); !wrong.empty()) return wrong;
  if (auto wrong = range_fault(config, "qos", 0, 2); !wrong.empty()) return wrong;
  for (const char* name : {"retain", "tls"})
    if (auto wrong = flag_fault(config, name); !wrong.empty()) return wrong;
  const auto topic = text_in(config, "topic");
  if (topic.empty() || topic.find_first_of("+#") != std::string::npos)
    return "topic must be a topic without wildcards";
  return host_fault(deps, text_in(config, "broker_host"), port_of(config));
}

std::string destination(const Config& config) {
  return text_in(config, "broker_host") + ":" + std::to_string(port_of(config));
}

/// A wildcard in a value would make the topic no topic.
std::string topic_of(const Config& config, const Notice& notice) {
  auto topic = filled(text_in(config, "topic"), notice);
  for (auto& c : topic)
    if (c == '+' || c == '#' || c == '\0') c = '_';
  return topic;
}

bool is_about_credentials(mqtt::Reason reason) {
  return reason == mqtt::Reason::bad_user_name_or_password ||
         reason == mqtt::Reason::not_authorized;
}

Task<SendResult> send(SendDeps deps, Config config, Notice notice) {
  SendResult result;
  const auto port = port_of(config);
  auto host = text_in(config, "broker_host");
  const auto address = co_await guarded_address(deps, host, port, &result);
  if (!address) co_return result;
  mqtt::ClientOptions options;
  options.tls = flag_in(config, "tls", false);
  // The certificate is of the name, so TLS needs it; it also tells another server from the broker.
  options.host = options.tls ? host : *address;
  options.port = static_cast<std::uint16_t>(port);
  if (options.tls) options.tls_ca_file = system_authorities;
  options.version = mqtt::Version::v311;
  options.client_id = text_in(config, "client_id", "pulse-" + short_id("", 12));
  if (auto name = text_in(config, "username"); !name.empty()) options.user_name = std::move(name);
  if (auto word = text_in(config, "password"); !word.empty()) options.password = std::move(word);
  const auto executor = co_await boost::asio::this_coro::executor;
  mqtt::Client client(executor);
  mqtt::PublishOptions how(static_cast<mqtt::Qos>(number_in(config, "qos", 1)));
  how.retain = flag_in(config, "retain", false);
  auto topic = topic_of(config, notice), body = json_of(notice);
  try {
    const auto connected = co_await client.connect(std::move(options));
    if (mqtt::is_failure(connected.reason))
      co_return is_about_credentials(connected.reason)
          ? SendResult::refused("the broker refuses the user name or password")
          : SendResult::failed("the broker refuses the connection");
    const auto taken = co_await client.publish(std::move(topic), std::move(body), std::move(how));
    if (taken.lost)
      result = SendResult::failed("the connection broke");
    else if (!taken.ok())
      result = SendResult::refused("the broker refuses the message");
    else
      result = SendResult::done();
    if (client.connected()) co_await client.disconnect();
  } catch (const std::exception&) {
    if (!result.ok) result = SendResult::failed("the broker does not answer");
  }
  co_return result;
}

}  // namespace

const Sender& mqtt() {
  static const Sender sender{"mqtt", {"broker_host", "topic"}, {"password"}, fault, destination,
                             send};
  return sender;
}

}  // namespace pulse::alerting::notifications
