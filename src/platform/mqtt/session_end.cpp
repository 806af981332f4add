#include <algorithm>

#include "platform/mqtt/session.hpp"
#include "platform/mqtt/topic.hpp"

namespace pulse::mqtt {
namespace {

/// Ids say which session is the later one (EndpointCore::next_session_id), except where an endpoint
/// that just started has a slow clock and has seen no announcement. Sessions older than this, which
/// is longer than an announcement travels, give way whatever their ids say.
constexpr std::chrono::milliseconds settled{60'000};

}  // namespace

void Session::linger() {
  state_ = State::lingering;
  linger_due_ = core_->wheel.now() + core_->ticks(core_->limits.linger);
  if (out_.empty() && !writing_) {
    transport_->end_writing();
  } else {
    flush();
  }
  if (state_ == State::lingering) arm();
  maybe_resume(true);
}

void Session::end(DisconnectCause cause, bool tell) {
  if (state_ == State::lingering) return;
  if (state_ != State::open) return drop(std::move(cause));
  if (tell && version_ == Version::v5) {
    Disconnect packet;
    packet.reason = cause.reason;
    if (is_failure(cause.reason)) {
      core_->stats.failures_by_reason[static_cast<std::uint8_t>(cause.reason)].add();
    }
    const auto before = out_.size();
    if (!cause.text.empty()) packet.properties.reason_string = cause.text;
    encode(out_, version_, packet);
    if (client_packet_bytes_max_ != 0 && out_.size() - before > client_packet_bytes_max_) {
      out_.resize(before);
      packet.properties = {};
      encode(out_, version_, packet);
    }
  }
  leave(cause);
  linger();
}

void Session::drop(DisconnectCause cause) {
  if (state_ == State::closed) return;
  if (state_ == State::open) leave(cause);
  close_now();
}

void Session::close_now() {
  // A session that only its publish hook keeps alive has no stream any more.
  if (state_ == State::closed) return;
  if (state_ == State::open) leave({DisconnectCause::Kind::connection_lost, Reason::success, ""});
  state_ = State::closed;
  core_->wheel.disarm(*this);
  transport_->close();
  maybe_resume(true);
}

void Session::drain() {
  if (state_ == State::open && (!unacknowledged_.empty() || !qos0_.empty())) {
    draining_ = true;
    return;
  }
  end({DisconnectCause::Kind::shutdown, Reason::server_shutting_down, "server is shutting down"});
}

void Session::leave(const DisconnectCause& cause) {
  state_ = State::lingering;
  core_->leave(*this);
  core_->stats.subscriptions.subtract(subscriptions_.size());
  subscriptions_.clear();
  if (outbound_) {
    auto outbound = std::move(outbound_);
    outbound->lose_all(core_->stats);
  }
  std::optional<Will> will;
  if (will_) will = std::move(*will_);
  will_.reset();
  if (core_->abandoned() || !core_->hooks.disconnected) return;
  try {
    core_->hooks.disconnected(*info_, cause, std::move(will));
  } catch (const std::exception&) {
    // The session is gone whatever the owner makes of it.
  }
}

bool Session::superseded_by(const std::string& session_id) const {
  if (session_id == info_->session_id) return false;
  return core_->wheel.now() - opened_at_ > core_->ticks(settled) || info_->session_id < session_id;
}

Delivery Session::deliver(const Message& message, const DeliveryDone& done) {
  if (state_ != State::open) return {};
  std::optional<Qos> granted;
  Publish packet;
  for (const auto& subscription : subscriptions_) {
    if (!topic_matches(subscription.filter, message.topic)) continue;
    granted = std::max(granted.value_or(subscription.qos), subscription.qos);
    if (version_ == Version::v5 && subscription.identifier != 0) {
      packet.properties.subscription_identifiers.push_back(subscription.identifier);
    }
  }
  if (!granted) return {};
  packet.topic = message.topic;
  packet.payload = message.payload;
  packet.qos = std::min(*granted, message.qos);
  packet.retain = message.retain;
  if (version_ == Version::v5) {
    if (!message.content_type.empty()) packet.properties.content_type = message.content_type;
    packet.properties.message_expiry_interval_s = message.expiry_s;
    for (const auto& [name, value] : message.user_properties) {
      packet.properties.user.emplace_back(name, value);
    }
  }
  std::string bytes;
  encode(bytes, version_, packet);
  const bool too_large = client_packet_bytes_max_ != 0 && bytes.size() > client_packet_bytes_max_;
  const bool choked = out_.size() + writing_bytes_ >= core_->limits.unsent_bytes_max;
  if (too_large || (packet.qos == Qos::at_most_once && choked)) {
    core_->stats.deliveries_dropped.add();
    if (done) done(DeliveryOutcome::dropped, Reason::success);
    return {1, 0};
  }
  if (packet.qos == Qos::at_most_once) {
    out_ += bytes;
    core_->stats.messages_out[0].add();
    output_changed();
    if (done) done(DeliveryOutcome::sent, Reason::success);
    return {1, 1};
  }
  if (!outbound_) {
    const auto& limits = core_->limits;
    outbound_ =
        std::make_unique<Outbound>(std::min(limits.outbound_inflight_max, client_receive_maximum_),
                                   limits.outbound_queue_max, limits.outbound_queue_bytes_max);
  }
  Outbound::Waiting waiting;
  // Fixed header, topic length, topic, identifier (section 3.3).
  std::size_t header = 1;
  while ((static_cast<unsigned char>(bytes[header]) & 0x80) != 0) ++header;
  waiting.id_offset = header + 1 + 2 + message.topic.size();
  waiting.packet = std::move(bytes);
  waiting.qos = packet.qos;
  waiting.done = done;
  if (!outbound_->push(std::move(waiting))) {
    core_->stats.deliveries_dropped.add();
    if (done) done(DeliveryOutcome::dropped, Reason::success);
    return {1, 0};
  }
  outbound_->send_into(out_, core_->stats);
  output_changed();
  return {1, 1};
}

}  // namespace pulse::mqtt
