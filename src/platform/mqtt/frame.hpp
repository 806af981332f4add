#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/mqtt/packet.hpp"

namespace pulse::mqtt {

/// What the front of a byte stream holds.
struct FrameResult {
  enum class State : std::uint8_t { need_more, ready, bad };
  State state = State::need_more;
  Frame frame;
  /// Bytes of the whole packet, fixed header included, when ready.
  std::size_t size = 0;
  Fault fault;
};

/// Cuts the first packet off `bytes` (fixed header: sections 2.1.1 to 2.1.4). Bad as soon as the
/// header says so: reserved type or flags, a Remaining Length over four bytes (or longer than
/// needed, which only 5.0 forbids), or a packet over `max_packet_bytes`, before its body arrives.
FrameResult next_frame(std::string_view bytes, std::uint32_t max_packet_bytes, Version version);

/// Cuts packets off a stream that arrives in pieces. Holds at most one incomplete packet (and what
/// the handler did not want yet), and no memory at all between whole packets.
class FrameBuffer {
 public:
  /// Hands each whole packet of (kept bytes + fresh) to `handle`, a bool(const Frame&): false means
  /// stop after this one and keep the rest. The frame's bytes are gone when `handle` returns.
  /// Answers the fault of a bad header; the stream is then of no further use.
  template <class Handle>
  Fault consume(std::string_view fresh, std::uint32_t max_packet_bytes, const Version& version,
                Handle&& handle) {
    const bool use_kept = !kept_.empty();
    if (use_kept) kept_.append(fresh);
    std::string_view bytes = use_kept ? std::string_view(kept_) : fresh;
    Fault fault;
    for (bool go_on = true; go_on && !bytes.empty();) {
      const FrameResult next = next_frame(bytes, max_packet_bytes, version);
      if (next.state == FrameResult::State::need_more) break;
      if (next.state == FrameResult::State::bad) {
        fault = next.fault;
        break;
      }
      go_on = handle(next.frame);
      bytes.remove_prefix(next.size);
    }
    keep(bytes, use_kept);
    return fault;
  }

  std::size_t kept_bytes() const { return kept_.size(); }
  void clear() { std::string().swap(kept_); }

 private:
  void keep(std::string_view rest, bool is_inside_kept);
  std::string kept_;
};

}  // namespace pulse::mqtt
