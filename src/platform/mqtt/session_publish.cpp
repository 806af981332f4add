#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "platform/mqtt/session.hpp"

namespace pulse::mqtt {
namespace {

std::size_t cost(const Inbound& inbound) { return inbound.body.size() + sizeof(Inbound); }

std::size_t index(Qos qos) { return static_cast<std::size_t>(qos); }

}  // namespace

void Session::on_publish(const Frame& frame) {
  const bool with_ack = (frame.flags & 0x06) != 0;
  auto& list = with_ack ? unacknowledged_ : qos0_;
  // The bytes go with the message, so that the hook may take its time.
  auto& inbound = list.emplace_back();
  inbound.body.assign(frame.body);
  auto& packet = inbound.packet;
  const auto bad = decode(Frame{frame.type, frame.flags, inbound.body}, version_, packet);
  if (bad || !check_publish(packet, inbound)) {
    list.pop_back();
    if (bad) fault(bad);
    return;
  }
  core_->stats.messages_in[index(packet.qos)].add();
  if (packet.qos == Qos::exactly_once) qos2_.emplace(packet.packet_id, Qos2::with_hook);
  inbound.view = {packet.topic,      packet.payload, packet.qos,
                  packet.retain,     packet.dup,     packet.properties.content_type.value_or(""),
                  &packet.properties};
  inflight_bytes_ += cost(inbound);
  core_->stats.inflight_bytes.add(cost(inbound));
  core_->stats.inflight_messages.add();
  boost::asio::co_spawn(core_->context, run_publish(shared_from_this(), std::prev(list.end())),
                        boost::asio::detached);
}

/// False when the message must not reach the hook: it was answered, or ended the session.
bool Session::check_publish(Publish& packet, Inbound& inbound) {
  const auto refuse = [this](Reason reason, std::string_view text) {
    fault({reason, text});
    return false;
  };
  if (!packet.properties.subscription_identifiers.empty()) {
    return refuse(Reason::protocol_error, "subscription identifier in a client's PUBLISH");
  }
  if (packet.retain && !core_->limits.retain_available) {
    return refuse(Reason::retain_not_supported, "retained messages are not supported");
  }
  if (packet.topic.size() > core_->limits.topic_bytes_max) {
    return refuse(Reason::topic_name_invalid, "topic is too long");
  }
  if (version_ == Version::v5 && !resolve_alias(packet, inbound)) return false;
  if (packet.qos == Qos::at_most_once) return true;
  if (is_repeated(packet)) return false;
  // `inbound` itself is in the list already.
  const std::size_t open = unacknowledged_.size() + qos2_received_;
  if (version_ == Version::v5 && open > core_->limits.receive_maximum) {
    return refuse(Reason::receive_maximum_exceeded, "more messages in flight than Receive Maximum");
  }
  if (qos2_.size() >= core_->limits.qos2_open_max) {
    return refuse(Reason::quota_exceeded, "too many QoS 2 messages without PUBREL");
  }
  return true;
}

/// Section 3.3.2.3.4.
bool Session::resolve_alias(Publish& packet, Inbound& inbound) {
  if (!packet.properties.topic_alias) return true;
  const std::size_t alias = *packet.properties.topic_alias;
  if (alias == 0 || alias > core_->limits.topic_alias_maximum) {
    fault({Reason::topic_alias_invalid, "topic alias is 0 or above the Topic Alias Maximum"});
    return false;
  }
  if (aliases_.size() < alias) aliases_.resize(alias);
  auto& known = aliases_[alias - 1];
  if (!packet.topic.empty()) {
    known = packet.topic;
    return true;
  }
  if (known.empty()) {
    fault({Reason::protocol_error, "topic alias was never set"});
    return false;
  }
  // The alias may be set anew while the hook has this message.
  inbound.alias_topic = known;
  packet.topic = inbound.alias_topic;
  return true;
}

/// True when the identifier is one whose message we have: a client that repeats within a connection
/// must not make two messages of one. Answers with PUBREC where that has left before.
bool Session::is_repeated(const Publish& packet) {
  if (packet.qos == Qos::exactly_once) {
    const auto known = qos2_.find(packet.packet_id);
    if (known == qos2_.end()) return false;
    core_->stats.duplicates.add();
    if (known->second == Qos2::received) {
      encode_ack(out_, PacketType::pubrec, packet.packet_id);
      output_changed();
    }
    return true;
  }
  if (!packet.dup) return false;
  const bool repeated = std::any_of(
      unacknowledged_.begin(), std::prev(unacknowledged_.end()), [&](const Inbound& other) {
        return other.packet.packet_id == packet.packet_id && other.packet.qos == Qos::at_least_once;
      });
  if (repeated) core_->stats.duplicates.add();
  return repeated;
}

Task<> Session::run_publish(std::shared_ptr<Session> self, std::list<Inbound>::iterator inbound) {
  PublishResult result;
  try {
    if (self->core_->hooks.publish) {
      result = co_await self->core_->hooks.publish(self->info_->principal, inbound->view);
    }
  } catch (const std::exception&) {
    result = PublishResult::unavailable("message could not be stored now");
  }
  self->complete(inbound, std::move(result));
}

void Session::complete(std::list<Inbound>::iterator inbound, PublishResult result) {
  const auto bytes = cost(*inbound);
  inflight_bytes_ -= bytes;
  core_->stats.inflight_bytes.subtract(bytes);
  core_->stats.inflight_messages.subtract();
  if (inbound->packet.qos == Qos::at_most_once) {
    qos0_.erase(inbound);
    complete_qos0(std::move(result));
  } else {
    inbound->done = true;
    inbound->result = std::move(result);
    std::string().swap(inbound->body);
    acknowledge_in_order();
  }
  core_->room_freed();
  if (draining_ && unacknowledged_.empty() && qos0_.empty()) drain();
  maybe_resume();
}

void Session::complete_qos0(PublishResult result) {
  switch (result.kind) {
    case PublishResult::Kind::accepted:
      return;
    case PublishResult::Kind::unavailable:
      // At most once: the client does not expect an answer and would not repeat.
      return core_->stats.publishes_unavailable.add();
    case PublishResult::Kind::rejected:
      core_->stats.publishes_rejected.add();
      core_->stats.failures_by_reason[static_cast<std::uint8_t>(result.reason)].add();
      if (version_ == Version::v311 && result.on_v311 == PublishResult::OnV311::close) {
        end({DisconnectCause::Kind::rejected, result.reason, std::move(result.text)});
      }
  }
}

/// [MQTT-4.6.0-2] and [MQTT-4.6.0-3]: PUBACK and PUBREC leave in the order of receipt.
void Session::acknowledge_in_order() {
  while (!unacknowledged_.empty() && unacknowledged_.front().done) {
    if (open() && acknowledge(unacknowledged_.front())) output_changed();
    unacknowledged_.pop_front();
  }
}

/// Queues the acknowledgement of a finished message; false when there is none to give, and the
/// session has ended.
bool Session::acknowledge(Inbound& inbound) {
  auto& result = inbound.result;
  const auto id = inbound.packet.packet_id;
  const bool qos2 = inbound.packet.qos == Qos::exactly_once;
  if (result.kind == PublishResult::Kind::unavailable) {
    core_->stats.publishes_unavailable.add();
    end({DisconnectCause::Kind::unavailable, result.reason, std::move(result.text)});
    return false;
  }
  bool refused = result.kind == PublishResult::Kind::rejected;
  if (refused) {
    core_->stats.publishes_rejected.add();
    if (version_ == Version::v311 && result.on_v311 == PublishResult::OnV311::close) {
      core_->stats.failures_by_reason[static_cast<std::uint8_t>(result.reason)].add();
      end({DisconnectCause::Kind::rejected, result.reason, std::move(result.text)});
      return false;
    }
    refused = version_ == Version::v5 && is_failure(result.reason);
  } else {
    core_->stats.publishes_acknowledged.add();
  }
  if (qos2 && refused) {
    qos2_.erase(id);
  } else if (qos2) {
    qos2_[id] = Qos2::received;
    ++qos2_received_;
  }
  send_ack(qos2 ? PacketType::pubrec : PacketType::puback, id,
           version_ == Version::v5 ? result.reason : Reason::success, result.text);
  return true;
}

void Session::send_ack(PacketType type, std::uint16_t packet_id, Reason reason,
                       std::string_view text) {
  if (is_failure(reason)) {
    core_->stats.failures_by_reason[static_cast<std::uint8_t>(reason)].add();
  }
  if (version_ == Version::v311 || reason == Reason::success) {
    return encode_ack(out_, type, packet_id);
  }
  Ack ack;
  ack.type = type;
  ack.packet_id = packet_id;
  ack.reason = reason;
  // Reason Strings are left out where the client said so (3.1.2.11.7) or has no room for them.
  constexpr std::size_t overhead = 16;
  const bool fits =
      client_packet_bytes_max_ == 0 || text.size() + overhead <= client_packet_bytes_max_;
  if (!text.empty() && problem_information_ && fits) ack.properties.reason_string = text;
  encode(out_, version_, ack);
}

void Session::on_pubrel(const Ack& ack) {
  const auto known = qos2_.find(ack.packet_id);
  if (known == qos2_.end()) {
    return send_ack(PacketType::pubcomp, ack.packet_id, Reason::packet_identifier_not_found, "");
  }
  if (known->second == Qos2::with_hook) {
    return fault({Reason::protocol_error, "PUBREL before PUBREC"});
  }
  qos2_.erase(known);
  --qos2_received_;
  encode_ack(out_, PacketType::pubcomp, ack.packet_id);
}

void Session::on_ack(const Frame& frame) {
  Ack ack;
  if (const auto bad = decode(frame, version_, ack)) return fault(bad);
  if (ack.type == PacketType::pubrel) return on_pubrel(ack);
  std::optional<Ack> answer;
  if (outbound_) {
    // `done` of a delivery may end the session or deliver anew.
    const auto self = shared_from_this();
    answer = outbound_->on_ack(ack, core_->stats);
    if (!open()) return;
    if (answer) encode(out_, version_, *answer);
    if (outbound_) outbound_->send_into(out_, core_->stats);
    if (outbound_ && outbound_->empty()) outbound_.reset();
  } else if (ack.type == PacketType::pubrec) {
    Ack release;
    release.type = PacketType::pubrel;
    release.packet_id = ack.packet_id;
    release.reason = Reason::packet_identifier_not_found;
    encode(out_, version_, release);
  }
}

}  // namespace pulse::mqtt
