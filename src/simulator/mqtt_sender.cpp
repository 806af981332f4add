#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "platform/clock.hpp"
#include "platform/loop.hpp"
#include "platform/mqtt/client.hpp"
#include "simulator/senders.hpp"
#include "simulator/updates.hpp"

namespace pulse::simulator {

namespace asio = boost::asio;

namespace {

/// Connections that are being made at once: a fleet that comes back together shall not trip over
/// itself.
constexpr int most_connecting = 64;
constexpr long longest_pause_ms = 15'000;

/// Refusals of a CONNECT that may end by themselves.
bool passing(mqtt::Reason reason) {
  return reason == mqtt::Reason::server_unavailable || reason == mqtt::Reason::server_busy ||
         reason == mqtt::Reason::quota_exceeded ||
         reason == mqtt::Reason::connection_rate_exceeded || reason == mqtt::Reason::unspecified;
}

std::string reason_text(mqtt::Reason reason, const std::string& text) {
  if (!text.empty()) return text.substr(0, 80);
  char code[24];
  std::snprintf(code, sizeof code, "mqtt_0x%02X", static_cast<unsigned>(reason));
  return code;
}

struct Link {
  explicit Link(asio::io_context& io) : client(io.get_executor()), changed(io) {}
  mqtt::Client client;
  asio::steady_timer changed;    ///< cancelled when the connection ended
  std::deque<Outgoing> pending;  ///< not acknowledged, oldest first
  bool running = false;
  bool up = false;
};

}  // namespace

struct MqttSender::Impl : std::enable_shared_from_this<MqttSender::Impl> {
  Impl(asio::io_context& io_, const Fleet& fleet_, Ledger& ledger_, const Options& options_)
      : io(io_),
        fleet(fleet_),
        ledger(ledger_),
        options(options_),
        updates(std::make_shared<Updates>(io_, options_, ledger_.counts)) {}

  asio::io_context& io;
  const Fleet& fleet;
  Ledger& ledger;
  const Options& options;
  std::vector<std::unique_ptr<Link>> links;  // by device, made on demand
  Rng luck{hash_text("commands", 1)};        ///< which commands fail
  std::shared_ptr<Updates> updates;
  std::size_t held = 0, up = 0;
  int connecting = 0;
  bool abandoned = false;

  Link& link(std::uint32_t device) {
    if (links.size() <= device) links.resize(device + 1);
    if (!links[device]) links[device] = std::make_unique<Link>(io);
    return *links[device];
  }

  void send(Outgoing message) {
    ++held;
    ++ledger.counts.sent;
    if (message.malformed) ++ledger.counts.malformed_sent;
    const auto index = message.device;
    Link& l = link(index);
    l.pending.push_back(std::move(message));
    if (l.up) publish(index, l.pending.back());
    if (l.running) return;
    l.running = true;
    asio::co_spawn(io, keep_connected(shared_from_this(), index), asio::detached);
  }

  void publish(std::uint32_t index, const Outgoing& message) {
    const auto& device = fleet.device(index);
    Link& l = *links[index];
    const auto topic = "tenant/" + device.tenant_id + "/device/" + device.device_id + "/telemetry";
    const auto qos = static_cast<mqtt::Qos>(options.qos);
    if (qos == mqtt::Qos::at_most_once) {
      // Nothing will tell what became of it. The callback may come inside the call.
      const std::string payload = message.payload;
      l.pending.pop_back();
      --held;
      ++ledger.counts.unconfirmed;
      return l.client.publish(topic, payload, qos, [](const mqtt::PublishAck&) {});
    }
    l.client.publish(topic, message.payload, qos,
                     [weak = weak_from_this(), index, seq = message.seq](const auto& ack) {
                       if (const auto self = weak.lock()) self->settle(index, seq, ack);
                     });
  }

  std::string topic_of(std::uint32_t index, std::string_view kind) const {
    const auto& device = fleet.device(index);
    return "tenant/" + device.tenant_id + "/device/" + device.device_id + "/" + std::string(kind);
  }

  /// Takes part in what the options say from now on: subscribes, and answers what comes.
  Task<> take_part(std::uint32_t index) {
    Link& l = *links[index];
    l.client.on_message([weak = weak_from_this(), index](const mqtt::ClientMessage& m) {
      if (const auto self = weak.lock()) self->answer(index, m.topic, m.payload);
    });
    std::vector<std::string> topics;
    if (options.twin) topics = {topic_of(index, "shadow/desired"), topic_of(index, "commands")};
    if (options.updates) topics.push_back(topic_of(index, "ota"));
    try {
      for (const auto& topic : topics) co_await l.client.subscribe(topic, mqtt::Qos::at_least_once);
    } catch (const boost::system::system_error&) {
      // The connection ended: the next one subscribes again.
    }
  }

  void publish_report(std::uint32_t index, std::string_view kind, const boost::json::object& body) {
    links[index]->client.publish(topic_of(index, kind), boost::json::serialize(body),
                                 mqtt::Qos::at_least_once, [](const mqtt::PublishAck&) {});
  }

  /// What is desired becomes reported; a command is acknowledged, each time that it comes.
  void answer(std::uint32_t index, std::string_view topic, std::string_view payload) {
    boost::system::error_code ec;
    const auto json = boost::json::parse({payload.data(), payload.size()}, ec);
    if (ec || !json.is_object()) return;
    const auto& message = json.get_object();
    const auto send_back = [&](std::string_view kind, const boost::json::object& body) {
      publish_report(index, kind, body);
    };
    if (topic.ends_with("/ota")) {
      updates->begin(index, message, [weak = weak_from_this(), index](boost::json::object body) {
        if (const auto self = weak.lock()) self->publish_report(index, "ota/status", body);
      });
    } else if (topic.ends_with("/shadow/desired") && message.contains("desired")) {
      ++ledger.counts.desired_applied;
      send_back("shadow/reported",
                {{"reported", message.at("desired")}, {"version", message.at("version")}});
    } else if (topic.ends_with("/commands") && message.contains("command_id")) {
      const bool failed = luck.uniform(0, 100) < options.fail_commands;
      ++(failed ? ledger.counts.commands_failed : ledger.counts.commands_done);
      send_back("commands/ack",
                {{"command_id", message.at("command_id")}, {"status", failed ? "failed" : "ok"}});
    }
  }

  void settle(std::uint32_t index, std::int64_t seq, const mqtt::PublishAck& ack) {
    if (ack.lost || abandoned) return;  // stays pending, and is sent again
    auto& pending = links[index]->pending;
    const auto found = std::find_if(pending.begin(), pending.end(),
                                    [&](const Outgoing& m) { return m.seq == seq; });
    if (found == pending.end()) return;
    if (ack.ok()) {
      const Outgoing* one = &*found;
      ledger.acknowledged({&one, 1}, "mqtt");
    } else {
      ledger.refused(*found, reason_text(ack.reason, ack.reason_string));
    }
    pending.erase(found);
    --held;
  }

  void refuse_all(Link& l, const std::string& reason) {
    for (const auto& message : l.pending) ledger.refused(message, reason);
    held -= l.pending.size();
    l.pending.clear();
  }

  mqtt::ClientOptions connect_options(std::uint32_t index) const {
    const auto& device = fleet.device(index);
    mqtt::ClientOptions o;
    o.host = options.mqtt_host;
    o.port = options.mqtt_port;
    o.client_id = device.device_id;
    o.user_name = device.tenant_id + "/" + device.device_id;
    o.password = device.token;
    return o;
  }

  /// One attempt. True when connected.
  Task<bool> connect(std::uint32_t index) {
    while (connecting >= most_connecting && !abandoned) co_await sleep_ms(20);
    ++connecting;
    mqtt::ConnectResult result;
    bool answered = true;
    try {
      result = co_await links[index]->client.connect(connect_options(index));
    } catch (const boost::system::system_error&) {
      answered = false;
    }
    --connecting;
    if (!answered || abandoned) co_return false;
    if (result.reason == mqtt::Reason::success) co_return true;
    if (!passing(result.reason))
      refuse_all(*links[index], "connect: " + reason_text(result.reason, result.reason_string));
    co_return false;
  }

  static Task<> keep_connected(std::shared_ptr<Impl> self, std::uint32_t index) {
    Link& l = *self->links[index];
    Rng jitter(hash_text(self->fleet.device(index).device_id, 1));
    bool before = false;
    for (long pause_ms = 250; !self->abandoned;) {
      const bool connected = co_await self->connect(index);
      if (self->abandoned) break;
      if (!connected) {
        co_await sleep_ms(
            static_cast<long>(static_cast<double>(pause_ms) * jitter.uniform(0.5, 1)));
        pause_ms = std::min(pause_ms * 2, longest_pause_ms);
        continue;
      }
      pause_ms = 250;
      if (before) ++self->ledger.counts.reconnects;
      l.changed.expires_at(asio::steady_timer::time_point::max());
      l.client.on_end([&l](const mqtt::ConnectionEnd&) { l.changed.cancel(); });
      if (self->options.twin || self->options.updates) co_await self->take_part(index);
      if (l.client.connected()) self->resend(index, before);
      before = true;
      boost::system::error_code ec;
      if (l.client.connected())
        co_await l.changed.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      if (l.up) --self->up;
      l.up = false;
    }
    l.running = false;
  }

  void resend(std::uint32_t index, bool again) {
    Link& l = *links[index];
    l.up = true;
    ++up;
    if (options.qos == 0) {
      std::deque<Outgoing> waiting;
      waiting.swap(l.pending);
      for (auto& message : waiting) {
        l.pending.push_back(std::move(message));
        publish(index, l.pending.back());
      }
      return;
    }
    // What a broken connection swallowed is broken for good on 3.1.1 only; we speak 5.0, where the
    // server says what it refuses. So everything goes again, in order.
    if (again) ledger.counts.resent += l.pending.size();
    std::vector<const Outgoing*> all;
    for (const auto& message : l.pending) all.push_back(&message);
    for (const auto* message : all) publish(index, *message);
  }

  void abandon() {
    abandoned = true;
    updates->stop();
    ledger.counts.abandoned += held;
    held = 0;
    for (auto& l : links)
      if (l) l->changed.cancel();
  }
};

MqttSender::MqttSender(asio::io_context& io, const Fleet& fleet, Ledger& ledger,
                       const Options& options)
    : impl_(std::make_shared<Impl>(io, fleet, ledger, options)) {}
MqttSender::~MqttSender() = default;

bool MqttSender::ready() const { return impl_->held < impl_->options.in_flight; }
std::size_t MqttSender::held() const { return impl_->held; }
std::size_t MqttSender::connected() const { return impl_->up; }
void MqttSender::send(Outgoing message) { impl_->send(std::move(message)); }
void MqttSender::abandon() { impl_->abandon(); }

Task<> MqttSender::disconnect() {
  const auto impl = impl_;
  for (auto& l : impl->links)
    if (l && l->client.connected()) {
      try {
        co_await l->client.disconnect();
      } catch (const boost::system::system_error&) {
        // It is gone, which is what we wanted.
      }
    }
}

}  // namespace pulse::simulator
