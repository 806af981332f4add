#include "platform/mqtt/outbound.hpp"

namespace pulse::mqtt {

bool Outbound::push(Waiting message) {
  if (queue_.size() >= queue_max_ || queue_bytes_ + message.packet.size() > queue_bytes_max_) {
    return false;
  }
  queue_bytes_ += message.packet.size();
  queue_.push_back(std::move(message));
  return true;
}

std::uint16_t Outbound::free_id() {
  // The window is far below 65,535, so that a free one is always near.
  do {
    if (++last_id_ == 0) last_id_ = 1;
  } while (inflight_.contains(last_id_));
  return last_id_;
}

void Outbound::send_into(std::string& out, Stats& stats) {
  while (!queue_.empty() && inflight_.size() < window_) {
    auto message = std::move(queue_.front());
    queue_.pop_front();
    queue_bytes_ -= message.packet.size();
    const auto id = free_id();
    message.packet[message.id_offset] = static_cast<char>(id >> 8);
    message.packet[message.id_offset + 1] = static_cast<char>(id & 0xFF);
    out += message.packet;
    stats.messages_out[static_cast<std::size_t>(message.qos)].add();
    inflight_.emplace(id, Sent{message.qos, false, std::move(message.done)});
  }
}

void Outbound::finish(std::unordered_map<std::uint16_t, Sent>::iterator sent,
                      DeliveryOutcome outcome, Reason reason, Stats& stats) {
  auto done = std::move(sent->second.done);
  inflight_.erase(sent);
  if (outcome == DeliveryOutcome::acknowledged) stats.deliveries_acknowledged.add();
  if (done) done(outcome, reason);
}

std::optional<Ack> Outbound::on_ack(const Ack& ack, Stats& stats) {
  const auto sent = inflight_.find(ack.packet_id);
  const bool known = sent != inflight_.end();
  const auto outcome =
      is_failure(ack.reason) ? DeliveryOutcome::refused : DeliveryOutcome::acknowledged;
  switch (ack.type) {
    case PacketType::puback:
      if (known && sent->second.qos == Qos::at_least_once) finish(sent, outcome, ack.reason, stats);
      return std::nullopt;
    case PacketType::pubrec: {
      const bool fits = known && sent->second.qos == Qos::exactly_once;
      if (fits && is_failure(ack.reason)) {
        finish(sent, outcome, ack.reason, stats);
        return std::nullopt;
      }
      if (fits) sent->second.released = true;
      Ack release;
      release.type = PacketType::pubrel;
      release.packet_id = ack.packet_id;
      if (!fits) release.reason = Reason::packet_identifier_not_found;
      return release;
    }
    case PacketType::pubcomp:
      if (known && sent->second.released) finish(sent, outcome, ack.reason, stats);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

void Outbound::lose_all(Stats& stats) {
  auto inflight = std::move(inflight_);
  auto queue = std::move(queue_);
  inflight_.clear();
  queue_.clear();
  queue_bytes_ = 0;
  stats.deliveries_dropped.add(inflight.size() + queue.size());
  for (auto& [id, sent] : inflight) {
    if (sent.done) sent.done(DeliveryOutcome::lost, Reason::success);
  }
  for (auto& message : queue) {
    if (message.done) message.done(DeliveryOutcome::lost, Reason::success);
  }
}

}  // namespace pulse::mqtt
