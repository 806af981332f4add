#include <algorithm>
#include <array>

#include "platform/mqtt/session.hpp"
#include "platform/mqtt/topic.hpp"

namespace pulse::mqtt {
namespace {

Will to_will(const WillFields& fields) {
  Will will;
  will.topic = fields.topic;
  will.payload = fields.payload;
  will.qos = fields.qos;
  will.retain = fields.retain;
  will.content_type = fields.properties.content_type.value_or("");
  for (const auto& [name, value] : fields.properties.user) {
    will.user_properties.emplace_back(name, value);
  }
  return will;
}

/// Codes that 3.1.1 can say in a CONNACK (section 3.2.2.3); on others the connection just closes.
bool sayable_in_v311(Reason reason) {
  switch (reason) {
    case Reason::malformed_packet:
    case Reason::protocol_error:
    case Reason::packet_too_large:
    case Reason::topic_name_invalid:
    case Reason::retain_not_supported:
      return false;
    default:
      return true;
  }
}

}  // namespace

void Session::refuse_connect(Reason reason, std::string_view text) {
  core_->stats.connects_refused.add();
  core_->stats.failures_by_reason[static_cast<std::uint8_t>(reason)].add();
  if (version_ == Version::v5 || sayable_in_v311(reason)) {
    Connack packet;
    packet.reason = reason;
    if (!text.empty()) packet.properties.reason_string = text;
    encode(out_, version_, packet);
  }
  linger();
}

bool Session::acceptable(const Connect& connect) {
  const auto& limits = core_->limits;
  const auto refuse = [this](Reason reason, std::string_view text) {
    refuse_connect(reason, text);
    return false;
  };
  if (core_->stopping()) return refuse(Reason::server_unavailable, "server is shutting down");
  if (connect.properties.authentication_method) {
    return refuse(Reason::bad_authentication_method, "enhanced authentication is not supported");
  }
  if (connect.client_id.size() > limits.client_id_bytes_max) {
    return refuse(Reason::client_identifier_not_valid, "client identifier is too long");
  }
  if (connect.version == Version::v311 && connect.client_id.empty() && !connect.clean_start) {
    // [MQTT-3.1.3-8]
    return refuse(Reason::client_identifier_not_valid, "");
  }
  if (connect.will && connect.will->topic.size() > limits.topic_bytes_max) {
    return refuse(Reason::topic_name_invalid, "topic of the will is too long");
  }
  if (connect.will && connect.will->payload.size() > limits.will_bytes_max) {
    return refuse(Reason::packet_too_large, "will is too large");
  }
  if (connect.will && connect.will->retain && !limits.retain_available) {
    return refuse(Reason::retain_not_supported, "will is retained");
  }
  return true;
}

Task<> Session::on_connect(const Deferred& packet) {
  Connect connect;
  const auto bad = decode(Frame{packet.type, packet.flags, packet.body}, connect);
  version_ = connect.version;
  if (bad) {
    core_->stats.protocol_errors.add();
    // A 3.1.1 client, and one whose version could not be read, gets no answer [MQTT-3.1.4-1].
    constexpr std::string_view v5_start("\0\4MQTT\5", 7);
    if (bad.reason != Reason::unsupported_protocol_version && !packet.body.starts_with(v5_start)) {
      drop({DisconnectCause::Kind::protocol_error, bad.reason, std::string(bad.text)});
    } else {
      refuse_connect(bad.reason, bad.text);
    }
    co_return;
  }
  version_known_ = true;
  if (!acceptable(connect)) co_return;

  const bool assigned = connect.client_id.empty();
  const std::string client_id = assigned ? new_session_id() : std::string(connect.client_id);
  if (connect.will) will_ = std::make_unique<Will>(to_will(*connect.will));
  auto peer = transport_->peer();
  if (peer.common_name.empty()) peer.common_name = peer_cert_cn_;
  ConnectInfo info{client_id,
                   connect.user_name,
                   connect.password,
                   std::move(peer.common_name),
                   std::move(peer.fingerprint),
                   transport_->remote_address(),
                   protocol_,
                   version_,
                   connect.clean_start,
                   connect.keep_alive_s,
                   will_.get()};
  AuthResult result{Reason::not_authorized, "nobody may connect here", {}, {}};
  state_ = State::authenticating;
  if (core_->hooks.authenticate) {
    try {
      result = co_await core_->hooks.authenticate(info);
    } catch (const std::exception&) {
      result = {Reason::server_unavailable, "authentication is not available now", {}, {}};
    }
  }
  if (state_ != State::authenticating) co_return;
  if (core_->stopping()) {
    result = {Reason::server_unavailable, "server is shutting down", {}, {}};
  }
  if (is_failure(result.reason)) {
    refuse_connect(result.reason, result.reason_string);
    co_return;
  }
  accept_connect(connect, std::move(result), client_id, assigned);
}

void Session::accept_connect(const Connect& connect, AuthResult result, std::string client_id,
                             bool assigned) {
  const auto& limits = core_->limits;
  SessionInfo info;
  info.session_id = core_->next_session_id();
  info.client_id = std::move(client_id);
  info.client_key = result.client_key.empty() ? result.principal.name + "/" + info.client_id
                                              : std::move(result.client_key);
  info.principal = std::move(result.principal);
  info.remote_address = transport_->remote_address();
  info.protocol = protocol_;
  info.version = version_;
  if (auto* older = core_->find(info.client_key)) {
    core_->stats.takeovers.add();
    older->end({DisconnectCause::Kind::taken_over, Reason::session_taken_over,
                "the same client connected again"});
  }
  info_ = std::make_shared<const SessionInfo>(std::move(info));
  state_ = State::open;
  opened_at_ = last_receipt_ = core_->wheel.now();
  core_->enter(*this);

  Connack ack;
  auto keep_alive = std::chrono::seconds(connect.keep_alive_s);
  auto& told = ack.properties;
  if (version_ == Version::v5) {
    const auto& asked = connect.properties;
    client_packet_bytes_max_ = asked.maximum_packet_size.value_or(0);
    client_receive_maximum_ = asked.receive_maximum.value_or(65'535);
    problem_information_ = asked.request_problem_information.value_or(1) != 0;
    session_expiry_zero_ = asked.session_expiry_interval_s.value_or(0) == 0;
    if (!session_expiry_zero_) told.session_expiry_interval_s = 0;
    told.receive_maximum = limits.receive_maximum;
    told.maximum_packet_size = limits.packet_bytes_told == 0
                                   ? limits.packet_bytes_max
                                   : std::min(limits.packet_bytes_told, limits.packet_bytes_max);
    if (limits.topic_alias_maximum != 0) told.topic_alias_maximum = limits.topic_alias_maximum;
    if (!limits.retain_available) told.retain_available = 0;
    told.shared_subscription_available = 0;
    if (assigned) told.assigned_client_identifier = info_->client_id;
    const auto max = limits.keep_alive_max;
    if (max.count() != 0 && (keep_alive.count() == 0 || keep_alive > max)) {
      keep_alive = max;
      told.server_keep_alive_s = static_cast<std::uint16_t>(std::min<long>(max.count(), 65'535));
    }
  }
  // [MQTT-3.1.2-22] (5.0), [MQTT-3.1.2-24] (3.1.1): one and a half times the keep alive.
  keep_alive_ticks_ =
      static_cast<std::uint32_t>(core_->ticks(std::chrono::milliseconds(keep_alive) * 3 / 2));
  encode(out_, version_, ack);
  arm();
  if (core_->hooks.announce_takeover) {
    core_->hooks.announce_takeover(info_->client_key, info_->session_id);
  }
  // Before the write, which may find that the client is gone: `disconnected` must not come first.
  if (core_->hooks.connected) core_->hooks.connected(ref());
  flush();
}

Task<Reason> Session::subscribe_one(const SubscribeEntry& entry, std::uint32_t identifier) {
  if (entry.filter.size() > core_->limits.topic_bytes_max || !is_valid_topic_filter(entry.filter))
    co_return Reason::topic_filter_invalid;
  if (is_shared_filter(entry.filter)) co_return Reason::shared_subscriptions_not_supported;
  auto existing = std::find_if(subscriptions_.begin(), subscriptions_.end(),
                               [&](const auto& s) { return s.filter == entry.filter; });
  if (existing == subscriptions_.end() &&
      subscriptions_.size() >= core_->limits.subscriptions_max) {
    co_return Reason::quota_exceeded;
  }
  auto reason = Reason::not_authorized;
  if (core_->hooks.subscribe) {
    try {
      reason = co_await core_->hooks.subscribe(info_->principal, entry.filter, entry.qos);
    } catch (const std::exception&) {
      reason = Reason::unspecified;
    }
  }
  if (is_failure(reason) || !open()) co_return reason;
  const auto granted = std::min(static_cast<Qos>(reason), entry.qos);
  // Only this coroutine changes subscriptions while the session is open.
  if (existing != subscriptions_.end()) {
    existing->qos = granted;
    existing->identifier = identifier;
  } else {
    subscriptions_.push_back({std::string(entry.filter), granted, identifier});
    core_->stats.subscriptions.add();
  }
  co_return static_cast<Reason>(granted);
}

Task<> Session::on_subscribe(const Deferred& packet) {
  Subscribe request;
  const auto bad = decode(Frame{packet.type, packet.flags, packet.body}, version_, request);
  if (bad) {
    fault(bad);
    co_return;
  }
  const auto& identifiers = request.properties.subscription_identifiers;
  Suback answer;
  answer.packet_id = request.packet_id;
  std::string complaint;
  for (const auto& entry : request.entries) {
    const auto reason =
        co_await subscribe_one(entry, identifiers.empty() ? 0 : identifiers.front());
    if (!open()) co_return;
    answer.reasons.push_back(reason);
    if (!is_failure(reason)) continue;
    core_->stats.failures_by_reason[static_cast<std::uint8_t>(reason)].add();
    if (complaint.empty()) {
      complaint =
          std::string(entry.filter.substr(0, 128)) + ": " + std::string(reason_name(reason));
    }
  }
  if (!complaint.empty() && problem_information_ && client_packet_bytes_max_ == 0 &&
      is_mqtt_utf8(complaint)) {
    answer.properties.reason_string = complaint;
  }
  encode(out_, version_, answer);
  flush();
  for (std::size_t i = 0; i < request.entries.size() && open(); ++i) {
    if (!is_failure(answer.reasons[i]) && core_->hooks.subscribed) {
      core_->hooks.subscribed(ref(), request.entries[i].filter);
    }
  }
}

void Session::on_unsubscribe(const Deferred& packet) {
  Unsubscribe request;
  const auto bad = decode(Frame{packet.type, packet.flags, packet.body}, version_, request);
  if (bad) return fault(bad);
  Unsuback answer;
  answer.packet_id = request.packet_id;
  for (const auto filter : request.filters) {
    const auto gone =
        std::erase_if(subscriptions_, [&](const auto& s) { return s.filter == filter; });
    core_->stats.subscriptions.subtract(gone);
    answer.reasons.push_back(gone != 0 ? Reason::success : Reason::no_subscription_existed);
  }
  encode(out_, version_, answer);
  flush();
}

}  // namespace pulse::mqtt
