#include "telemetry/mqtt_role.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/system/system_error.hpp>
#include <map>
#include <set>

#include "fleet/registry_cache.hpp"
#include "fleet/topics.hpp"
#include "platform/clock.hpp"
#include "platform/errors.hpp"
#include "platform/json/cbor.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "platform/mqtt/topic.hpp"
#include "platform/mqtt/websocket_stream.hpp"
#include "platform/turns.hpp"
#include "telemetry/door.hpp"

namespace pulse::telemetry {

namespace {

constexpr long sweep_ms = 20'000;
constexpr const char* takeover_subject = "pulse.mqtt.takeover";

/// What a session carries: whose it is, and by which token or certificate it came in.
struct DeviceSession {
  std::string tenant, device, token_id;
};

const DeviceSession& session_of(const mqtt::Principal& principal) {
  return *static_cast<const DeviceSession*>(principal.data.get());
}

/// True while the token or certificate by which the session came in may still be used; a session
/// without one, where none is asked for, has nothing that could end.
bool token_lives(const DeviceSession& session, const fleet::DeviceCredentials& device) {
  return session.token_id.empty() || fleet::credential_lives(device, session.token_id);
}

/// The door's verdict as it stands in the envelope.
std::string auth_of(const DeviceSession& session) {
  if (session.token_id.empty() || session.token_id.starts_with(fleet::certificate_prefix))
    return session.token_id;
  return "token:" + session.token_id;
}

/// Who the client says it is: with a certificate and no password, the certificate's name, which a
/// user name beside it must repeat.
std::optional<fleet::DeviceIdentity> identity_of(const mqtt::ConnectInfo& info,
                                                 bool by_certificate) {
  const auto user = info.user_name.value_or("");
  if (!by_certificate) return fleet::parse_identity(user);
  if (!user.empty() && user != info.peer_cert_cn) return std::nullopt;
  return fleet::parse_identity(info.peer_cert_cn);
}

/// What a client says, as far as it goes into the log: no more than 256 bytes, whole characters.
std::string beginning(const std::string& text) {
  std::size_t n = std::min<std::size_t>(text.size(), 256);
  while (n > 0 && n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  return text.substr(0, n);
}

mqtt::AuthResult refused(mqtt::Reason reason, std::string text) {
  mqtt::AuthResult out;
  out.reason = reason;
  out.reason_string = std::move(text);
  return out;
}

}  // namespace

struct MqttRole::Impl : std::enable_shared_from_this<MqttRole::Impl> {
  Impl(boost::asio::io_context& io_, MqttRoleDeps d)
      : io(io_), deps(std::move(d)), rate(std::make_shared<RateLines>(deps.auth)) {}
  boost::asio::io_context& io;
  MqttRoleDeps deps;
  std::shared_ptr<RateLines> rate;
  std::unique_ptr<mqtt::Endpoint> endpoint;
  std::unique_ptr<nats::Subscription> takeovers, changes, to_devices;
  /// Look-ups of what is pending go one at a time: devices that all come back at once must not take
  /// the loop's connections to PostgreSQL.
  Turns lookups;

  mqtt::Hooks hooks();
  Task<mqtt::AuthResult> authenticate(const mqtt::ConnectInfo& info);
  Task<mqtt::PublishResult> publish(const mqtt::Principal& principal,
                                    const mqtt::PublishView& message);
  void disconnected(const mqtt::SessionInfo& info, const mqtt::DisconnectCause& cause,
                    std::optional<mqtt::Will> will);
  void listen_to_nats();
  void subscribed(const mqtt::SessionRef& ref, std::string_view filter);
  static Task<> send_pending(std::shared_ptr<Impl> self, mqtt::SessionRef ref, std::string kind);
  static Task<> check_sessions(std::shared_ptr<Impl> self, std::string tenant, std::string device);
  static Task<> sweep(std::weak_ptr<Impl> weak);

  std::set<std::pair<std::string, std::string>>
      looking;                         // sessions and kinds, with a look-up to come
  std::map<std::string, int> serving;  // sessions by "{tenant}/{device}"
};

Task<mqtt::AuthResult> MqttRole::Impl::authenticate(const mqtt::ConnectInfo& info) {
  const std::string address = info.remote_address;
  if (deps.failures->blocked_for(address) > 0)
    co_return refused(mqtt::Reason::connection_rate_exceeded, "Too many auth attempts");
  const std::string password(info.password.value_or(""));
  const bool by_certificate = !info.peer_cert_fingerprint.empty() && password.empty();
  const auto identity = identity_of(info, by_certificate);
  if (!identity) {
    deps.failures->failed(address);
    co_return refused(mqtt::Reason::bad_user_name_or_password,
                      by_certificate ? "the certificate's name must be {tenant}/{device}"
                                     : "user name must be {tenant}/{device}");
  }
  const auto device = co_await deps.lookup->find(identity->tenant, identity->device);
  const auto verdict = by_certificate ? judge_certificate(*device, info.peer_cert_fingerprint)
                                      : judge_device(*device, password, deps.require_token);
  if (!verdict.reason.empty()) {
    deps.failures->failed(address);
    const bool credentials = verdict.reason.starts_with("TOKEN") ||
                             verdict.reason.starts_with("CERTIFICATE") ||
                             verdict.reason == "UNREGISTERED_DEVICE";
    co_return refused(
        credentials ? mqtt::Reason::bad_user_name_or_password : mqtt::Reason::not_authorized,
        verdict.reason);
  }
  mqtt::AuthResult out;
  out.principal.name = identity->tenant + "/" + identity->device;
  out.principal.data = std::make_shared<DeviceSession>(
      DeviceSession{identity->tenant, identity->device, verdict.token_id});
  co_return out;
}

Task<mqtt::PublishResult> MqttRole::Impl::publish(const mqtt::Principal& principal,
                                                  const mqtt::PublishView& message) {
  // A message without a time of its own is of now, not of when its device's rate lets it pass.
  const auto received_ms = now_ms();
  const auto& session = session_of(principal);
  const auto topic = fleet::parse_topic(message.topic);
  if (!topic || topic->tenant != session.tenant || topic->device != session.device)
    co_return mqtt::PublishResult::reject(
        mqtt::Reason::not_authorized,
        "publish to tenant/" + session.tenant + "/device/" + session.device + "/... only");
  if (!fleet::device_to_cloud(topic->kind))
    co_return mqtt::PublishResult::reject(
        mqtt::Reason::topic_name_invalid,
        "devices send to telemetry, heartbeat, shadow/reported, commands/ack and ota/status");
  const auto device = co_await deps.lookup->find(session.tenant, session.device);
  if (auto reason = fleet::refusal_of(*device); !reason.empty())
    co_return mqtt::PublishResult::reject(mqtt::Reason::not_authorized, reason);
  if (!token_lives(session, *device)) {
    // 5.0 clients would only be told about this message: the session ends, too.
    boost::asio::co_spawn(io, check_sessions(shared_from_this(), session.tenant, session.device),
                          boost::asio::detached);
    const bool certificate = session.token_id.starts_with(fleet::certificate_prefix);
    co_return mqtt::PublishResult::reject(mqtt::Reason::not_authorized,
                                          certificate ? "CERTIFICATE_INVALID" : "TOKEN_INVALID");
  }
  // Too fast is no reason to lose anything: the message waits here, and with it the reading of the
  // socket, until the device's rate allows it.
  if (!co_await RateLines::pass(rate, device, &session, message.payload.size()))
    co_return mqtt::PublishResult::unavailable("the device sends faster than its rate allows");

  EnvelopeFacts facts;
  facts.tenant_id = session.tenant;
  facts.device_id = session.device;
  facts.msg_type = topic->kind;
  facts.username = principal.name;
  const std::string auth = auth_of(session);
  facts.auth = auth;
  facts.received_ms = received_ms;
  std::string envelope, id;
  {
    boost::json::monotonic_resource arena(4 * 1024);
    const auto cbor =
        is_cbor(message.content_type) ? json::from_cbor(message.payload) : std::nullopt;
    const std::string_view text = cbor ? std::string_view(*cbor) : message.payload;
    const auto json = parse_json(text, &arena);
    if (!json) {
      envelope = make_raw_envelope(facts, message.payload);
    } else {
      const auto* object = json->if_object();
      const auto* seq = object ? object->if_contains("seq") : nullptr;
      const bool carries_token = object && object->contains("provision_token");
      const std::string stripped = carries_token ? without_token(*json) : std::string();
      const std::string_view payload = carries_token ? std::string_view(stripped) : text;
      envelope = make_envelope(facts, payload);
      id = message_id(message.topic, payload, seq && seq->is_int64() ? seq->get_int64() : 0);
    }
  }
  const auto result = co_await deps.nats->publish_acked(subject_of(session.tenant, topic->kind),
                                                        std::move(envelope), std::move(id),
                                                        limits::puback_timeout_ms);
  if (result.ok()) co_return mqtt::PublishResult::accept();
  // No acknowledgement: the device keeps the message and sends it again.
  co_return mqtt::PublishResult::unavailable("Ingestion temporarily unavailable");
}

void MqttRole::Impl::disconnected(const mqtt::SessionInfo& info, const mqtt::DisconnectCause& cause,
                                  std::optional<mqtt::Will> will) {
  const auto& session = session_of(info.principal);
  const auto served = serving.find(session.tenant + "/" + session.device);
  if (served != serving.end() && --served->second == 0) serving.erase(served);
  using Kind = mqtt::DisconnectCause::Kind;
  // A client that took its leave sends nothing again: what it left goes on.
  if (cause.kind != Kind::client) rate->lose(session.tenant, session.device, &session);
  fleet::ConnectionChange change;
  change.tenant_id = session.tenant;
  change.device_id = session.device;
  const bool orderly = cause.kind == Kind::client || cause.kind == Kind::shutdown ||
                       cause.kind == Kind::taken_over || cause.kind == Kind::administrative;
  change.event_type = orderly ? "DISCONNECTED" : "CONNECTION_LOST";
  static constexpr const char* names[] = {
      "client",   "connection_lost", "keep_alive_timeout", "protocol_error", "taken_over",
      "rejected", "unavailable",     "write_stall",        "administrative", "shutdown"};
  change.details["reason"] = names[static_cast<std::size_t>(cause.kind)];
  change.details["protocol"] = "mqtt";
  change.details["client_id"] = info.client_id;
  if (!cause.text.empty()) change.details["text"] = beginning(cause.text);
  if (will) {
    boost::json::object w;
    w["topic"] = beginning(will->topic);
    // jsonb takes no U+0000, and a will may hold any bytes: what is no text stays out.
    if (will->payload.size() <= 4096 && will->payload.find('\0') == std::string::npos)
      w["payload"] = will->payload;
    w["bytes"] = will->payload.size();
    change.details["will"] = std::move(w);
  }
  deps.connections->write(std::move(change));
}

mqtt::Hooks MqttRole::Impl::hooks() {
  mqtt::Hooks h;
  h.authenticate = [this](const mqtt::ConnectInfo& info) { return authenticate(info); };
  h.publish = [this](const mqtt::Principal& p, const mqtt::PublishView& m) {
    return publish(p, m);
  };
  h.subscribe = [](const mqtt::Principal& p, std::string_view filter,
                   mqtt::Qos qos) -> Task<mqtt::Reason> {
    const auto& s = session_of(p);
    if (!fleet::may_subscribe(s.tenant, s.device, filter)) co_return mqtt::Reason::not_authorized;
    co_return static_cast<mqtt::Reason>(qos);
  };
  h.subscribed = [this](const mqtt::SessionRef& ref, std::string_view filter) {
    subscribed(ref, filter);
  };
  h.connected = [this](const mqtt::SessionRef& ref) {
    const auto& s = session_of(ref.info().principal);
    ++serving[s.tenant + "/" + s.device];
    fleet::ConnectionChange change;
    change.tenant_id = s.tenant;
    change.device_id = s.device;
    change.event_type = "CONNECTED";
    change.details["reason"] = "mqtt";
    change.details["protocol"] = "mqtt";
    change.details["client_id"] = ref.info().client_id;
    deps.connections->write(std::move(change));
  };
  h.disconnected = [this](const mqtt::SessionInfo& i, const mqtt::DisconnectCause& c,
                          std::optional<mqtt::Will> w) { disconnected(i, c, std::move(w)); };
  h.announce_takeover = [this](const std::string& client_key, const std::string& session_id) {
    std::string text = "{\"client\":";
    json::write(text, client_key);
    text += ",\"session\":";
    json::write(text, session_id);
    deps.nats->publish(takeover_subject, text + "}");
  };
  return h;
}

void MqttRole::Impl::subscribed(const mqtt::SessionRef& ref, std::string_view filter) {
  const auto& session = session_of(ref.info().principal);
  // One look-up at a time for a session and kind: a packet may name the same filter thousands of
  // times.
  for (const auto& [kind, find] : deps.pending)
    if (mqtt::topic_matches(filter, fleet::topic_of(session.tenant, session.device, kind)) &&
        looking.emplace(ref.info().session_id, kind).second)
      boost::asio::co_spawn(io, send_pending(shared_from_this(), ref, kind), boost::asio::detached);
}

/// What a device that subscribed has not seen yet. Where the look-up fails, the kind's job sends it
/// later.
Task<> MqttRole::Impl::send_pending(std::shared_ptr<Impl> self, mqtt::SessionRef ref,
                                    std::string kind) {
  const auto& session = session_of(ref.info().principal);
  std::vector<fleet::DeviceMessage> messages;
  std::string problem;
  try {
    const auto turn = co_await self->lookups.take();
    self->looking.erase({ref.info().session_id, kind});  // who subscribes from here on is told anew
    if (!ref.alive()) co_return;
    messages = co_await self->deps.pending.find(kind)->second(session.tenant, session.device);
  } catch (const pg::Error& e) {
    problem = e.what();
  }
  if (!problem.empty())
    log::error_throttled("what waits for a device not looked up",
                         {{"kind", kind}, {"error", problem}}, 30);
  if (!self->endpoint) co_return;
  mqtt::Message message;
  message.topic = fleet::topic_of(session.tenant, session.device, kind);
  for (auto& m : messages) {
    message.payload = std::move(m.payload);
    message.retain = m.retained;
    self->endpoint->deliver(ref, message);
  }
}

/// A device changed: those of its sessions whose token is gone, or that may send no more, end.
Task<> MqttRole::Impl::check_sessions(std::shared_ptr<Impl> self, std::string tenant,
                                      std::string device) {
  const std::string name = tenant + "/" + device;
  if (!self->endpoint || !self->endpoint->serves(name)) co_return;
  fleet::Credentials now_known;
  try {
    now_known = co_await self->deps.lookup->find(tenant, device);
  } catch (const pg::Error&) {
    co_return;  // each publish asks again
  }
  if (!self->endpoint) co_return;
  const auto gone = [&](const mqtt::SessionInfo& info) {
    const auto& s = session_of(info.principal);
    return !fleet::refusal_of(*now_known).empty() || !token_lives(s, *now_known);
  };
  self->endpoint->disconnect(name, gone, mqtt::Reason::not_authorized,
                             "the token or certificate was revoked or has expired");
}

/// Looks at every session once in a while: a credential may end by its time, and the word that it
/// was revoked may not have come.
Task<> MqttRole::Impl::sweep(std::weak_ptr<Impl> weak) {
  while (true) {
    co_await sleep_ms(sweep_ms);
    std::vector<std::string> names;
    if (const auto self = weak.lock()) {
      if (!self->endpoint) co_return;
      for (const auto& [name, sessions] : self->serving) names.push_back(name);
    }
    for (const auto& name : names) {
      const auto self = weak.lock();
      if (!self || !self->endpoint) co_return;
      const auto slash = name.find('/');
      co_await check_sessions(self, name.substr(0, slash), name.substr(slash + 1));
    }
    if (weak.expired()) co_return;
  }
}

void MqttRole::Impl::listen_to_nats() {
  const auto text_of = [](const boost::json::object& o, std::string_view name) {
    const auto* v = o.if_contains(name);
    return v && v->is_string() ? std::string(v->get_string()) : std::string();
  };
  takeovers = deps.nats->subscribe(takeover_subject, "", io.get_executor(),
                                   [weak = weak_from_this(), text_of](nats::Message m) {
                                     const auto self = weak.lock();
                                     boost::system::error_code ec;
                                     const auto json = boost::json::parse(m.data, ec);
                                     if (!self || !self->endpoint || ec || !json.is_object())
                                       return;
                                     self->endpoint->kick(text_of(json.as_object(), "client"),
                                                          text_of(json.as_object(), "session"));
                                   });
  to_devices = deps.nats->subscribe(
      fleet::to_any_device, "", io.get_executor(), [weak = weak_from_this()](nats::Message m) {
        const auto self = weak.lock();
        const auto to = fleet::target_of(m.subject);
        if (!self || !self->endpoint || !to) return;
        const std::string principal = to->tenant + "/" + to->device;
        if (!self->endpoint->serves(principal)) return;
        mqtt::Message message;
        message.topic = fleet::topic_of(to->tenant, to->device, to->kind);
        message.payload = std::move(m.data);
        self->endpoint->deliver(principal, message);
      });
  changes =
      deps.nats->subscribe(fleet::invalidate_subject, "", io.get_executor(),
                           [weak = weak_from_this(), text_of](nats::Message m) {
                             const auto self = weak.lock();
                             boost::system::error_code ec;
                             const auto json = boost::json::parse(m.data, ec);
                             if (!self || ec || !json.is_object()) return;
                             const auto tenant = text_of(json.as_object(), "tenant_id");
                             const auto device = text_of(json.as_object(), "device_id");
                             self->deps.auth->forget(tenant, device);
                             boost::asio::co_spawn(self->io, check_sessions(self, tenant, device),
                                                   boost::asio::detached);
                           });
}

mqtt::Limits mqtt_limits(std::size_t payload_bytes_max) {
  mqtt::Limits limits;
  // Around the payload there is the topic, and with 5.0 properties. What is larger than that is
  // taken all the same, as from 3.1.1 clients, which can't be told: it is quarantined with its
  // reason.
  limits.packet_bytes_told =
      static_cast<std::uint32_t>(payload_bytes_max + limits.topic_bytes_max + 1024);
  limits.packet_bytes_max = std::max(limits.packet_bytes_max, limits.packet_bytes_told);
  return limits;
}

MqttRole::MqttRole(boost::asio::io_context& io, MqttRoleDeps deps)
    : impl_(std::make_shared<Impl>(io, std::move(deps))) {
  const auto limits = mqtt_limits(impl_->deps.payload_bytes_max);
  impl_->endpoint = std::make_unique<mqtt::Endpoint>(io, impl_->hooks(), limits);
  impl_->listen_to_nats();
  boost::asio::co_spawn(io, Impl::sweep(impl_), boost::asio::detached);
}

MqttRole::~MqttRole() {
  impl_->takeovers.reset();
  impl_->changes.reset();
  impl_->to_devices.reset();
  impl_->endpoint.reset();
}

void MqttRole::listen(const MqttListen& l) {
  if (l.port != 0) impl_->endpoint->listen(l.host, l.port);
  if (l.tls_port != 0) {
    mqtt::TlsFiles files;
    files.certificate_chain_file = l.certificate_file;
    files.private_key_file = l.key_file;
    files.any_client_certificate = true;  // judge_certificate knows the registered ones
    impl_->endpoint->listen_tls(l.host, l.tls_port, files);
  }
}

void MqttRole::mount(http::Router& api) {
  api.get("/mqtt",
          [impl = impl_](http::Raw request) -> Task<http::Response> {
            const auto offered = request->headers.get("Sec-WebSocket-Protocol");
            if (!http::lists(offered, "mqtt"))
              throw bad_request("MQTT over WebSocket needs the subprotocol 'mqtt'");
            http::Response r;
            r.subprotocol = "mqtt";
            const auto limits = mqtt_limits(impl->deps.payload_bytes_max);
            r.websocket_max_message_bytes = std::size_t{2} * limits.packet_bytes_max;
            r.websocket_timeouts =
                false;  // keep alive and write stall; and it may be read no further
            r.websocket = [impl, address = request->client_address](http::WebSocket& ws) -> Task<> {
              co_await impl->endpoint->serve(mqtt::make_websocket_stream(ws, address),
                                             mqtt::Protocol::websocket);
            };
            co_return r;
          })
      .open("the device authenticates in its CONNECT packet")
      .tag("Ingest")
      .summary("MQTT over WebSocket")
      .success(101)
      .fails(400, "subprotocol 'mqtt' is needed");
}

Task<> MqttRole::stop(long grace_ms) {
  co_await impl_->endpoint->stop(std::chrono::milliseconds(grace_ms));
}

const mqtt::Stats& MqttRole::stats() const { return impl_->endpoint->stats(); }

}  // namespace pulse::telemetry
