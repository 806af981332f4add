#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "platform/mqtt/endpoint.hpp"
#include "platform/mqtt/packet.hpp"

namespace pulse::mqtt {

/// QoS 1 and 2 messages on their way to one client: those sent and unacknowledged, within the
/// client's Receive Maximum, and those that wait for that window, within a bound. Exists only while
/// there is such a message.
class Outbound {
 public:
  /// A PUBLISH, encoded with a packet identifier to be filled in.
  struct Waiting {
    std::string packet;
    std::size_t id_offset = 0;
    Qos qos = Qos::at_least_once;
    DeliveryDone done;
  };

  Outbound(std::uint16_t window, std::size_t queue_max, std::size_t queue_bytes_max)
      : window_(window), queue_max_(queue_max), queue_bytes_max_(queue_bytes_max) {}

  /// False, and nothing taken, when the queue is full.
  bool push(Waiting message);
  /// Appends to `out` what the window allows.
  void send_into(std::string& out, Stats& stats);

  /// PUBACK, PUBREC and PUBCOMP from the client (sections 4.3.2 and 4.3.3). Answers the packet to
  /// send back, if any (PUBREL).
  std::optional<Ack> on_ack(const Ack& ack, Stats& stats);

  /// The session is over: every message is lost.
  void lose_all(Stats& stats);
  bool empty() const { return inflight_.empty() && queue_.empty(); }

 private:
  struct Sent {
    Qos qos;
    bool released = false;  ///< QoS 2: PUBREC came, PUBREL left
    DeliveryDone done;
  };
  std::uint16_t free_id();
  void finish(std::unordered_map<std::uint16_t, Sent>::iterator sent, DeliveryOutcome outcome,
              Reason reason, Stats& stats);

  std::uint16_t window_;
  std::size_t queue_max_, queue_bytes_max_, queue_bytes_ = 0;
  std::uint16_t last_id_ = 0;
  std::unordered_map<std::uint16_t, Sent> inflight_;
  std::deque<Waiting> queue_;
};

}  // namespace pulse::mqtt
