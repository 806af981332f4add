// A publish to a customer's MQTT broker.
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

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

mqtt::ClientOptions options_of(const Config& config, const std::string& host,
                               const std::string& address) {
  mqtt::ClientOptions options;
  options.tls = flag_in(config, "tls", false);
  // The address that was looked at, whatever the name means a moment later; the certificate is of
  // the name.
  options.host = address;
  options.tls_server_name = host;
  options.port = static_cast<std::uint16_t>(port_of(config));
  if (options.tls) options.tls_ca_file = system_authorities;
  options.timeout = std::chrono::milliseconds(5'000);  // of each version that is tried
  options.client_id = text_in(config, "client_id", "pulse-" + short_id("", 12));
  if (auto name = text_in(config, "username"); !name.empty()) options.user_name = std::move(name);
  if (auto word = text_in(config, "password"); !word.empty()) options.password = std::move(word);
  return options;
}

/// One publish; nothing when the broker takes no connection of this version (or none at all).
Task<std::optional<SendResult>> try_version(mqtt::ClientOptions options, Config config,
                                            Notice notice) {
  const auto executor = co_await boost::asio::this_coro::executor;
  mqtt::Client client(executor);
  mqtt::PublishOptions how(static_cast<mqtt::Qos>(number_in(config, "qos", 1)));
  how.retain = flag_in(config, "retain", false);
  if (options.version == mqtt::Version::v5) {
    how.content_type = "application/json";
    how.user_properties.emplace_back("Idempotency-Key", notice.idempotency_key);
  }
  auto topic = topic_of(config, notice), body = json_of(notice);
  auto result = SendResult::failed("the connection broke");
  bool let_in = false;
  try {
    const auto connected = co_await client.connect(std::move(options));
    if (connected.reason == mqtt::Reason::unsupported_protocol_version) co_return std::nullopt;
    let_in = true;
    if (mqtt::is_failure(connected.reason))
      co_return is_about_credentials(connected.reason)
          ? SendResult::refused("the broker refuses the user name or password")
          : SendResult::failed("the broker refuses the connection");
    const auto taken = co_await client.publish(std::move(topic), std::move(body), std::move(how));
    if (taken.ok())
      result = SendResult::done();
    else if (!taken.lost)
      result = SendResult::refused("the broker refuses the message");
    if (client.connected()) co_await client.disconnect();
  } catch (const boost::system::system_error&) {
    if (!let_in) co_return std::nullopt;
  } catch (const std::runtime_error&) {  // of TLS
    result = SendResult::failed("the broker's certificate can't be verified");
  }
  co_return result;
}

Task<SendResult> send(SendDeps deps, Config config, Notice notice) {
  SendResult result;
  const auto port = port_of(config);
  auto host = text_in(config, "broker_host");
  const auto address = co_await guarded_address(deps, host, port, &result);
  if (!address) co_return result;
  auto options = options_of(config, host, *address);
  // Version 5 tells the key by which a repeat is known; older brokers close without a word.
  options.version = mqtt::Version::v5;
  const auto newer = co_await try_version(options, config, notice);
  if (newer) co_return *newer;
  options.version = mqtt::Version::v311;
  const auto older = co_await try_version(options, config, notice);
  co_return older ? *older : SendResult::failed("the broker does not answer");
}

}  // namespace

const Sender& mqtt() {
  static const Sender sender{
      "mqtt",       {"broker_host", "topic"},
      {"password"}, {"broker_port", "qos", "retain", "username", "client_id", "tls"},
      fault,        destination,
      send};
  return sender;
}

}  // namespace pulse::alerting::notifications
