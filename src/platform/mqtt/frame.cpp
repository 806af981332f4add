#include "platform/mqtt/frame.hpp"

#include "platform/mqtt/wire.hpp"

namespace pulse::mqtt {
namespace {

constexpr std::size_t length_bytes_max = 4;

FrameResult bad(Reason reason, std::string_view text) {
  FrameResult result;
  result.state = FrameResult::State::bad;
  result.fault = {reason, text};
  return result;
}

/// Flags are meaningful in PUBLISH only and fixed elsewhere (table 2-2).
bool has_valid_flags(PacketType type, std::uint8_t flags) {
  switch (type) {
    case PacketType::publish:
      return true;
    case PacketType::pubrel:
    case PacketType::subscribe:
    case PacketType::unsubscribe:
      return flags == 2;
    default:
      return flags == 0;
  }
}

}  // namespace

FrameResult next_frame(std::string_view bytes, std::uint32_t max_packet_bytes, Version version) {
  if (bytes.empty()) return {};
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const auto type = static_cast<PacketType>(first >> 4);
  if (first >> 4 == 0) return bad(Reason::malformed_packet, "packet type 0 is reserved");
  if (!has_valid_flags(type, first & 0x0F)) {
    return bad(Reason::malformed_packet, "reserved flags of the fixed header are set");
  }
  std::uint32_t length = 0;
  std::size_t used = 1;
  for (bool more = true; more; ++used) {
    if (used > length_bytes_max) {
      return bad(Reason::malformed_packet, "remaining length is longer than four bytes");
    }
    if (used == bytes.size()) return {};
    const auto byte = static_cast<std::uint8_t>(bytes[used]);
    length |= static_cast<std::uint32_t>(byte & 0x7F) << (7 * (used - 1));
    more = (byte & 0x80) != 0;
  }
  if (version == Version::v5 && varint_size(length) != used - 1) {
    return bad(Reason::malformed_packet, "remaining length is longer than needed");
  }
  const std::size_t size = used + length;
  if (size > max_packet_bytes) {
    return bad(Reason::packet_too_large, "packet is larger than the maximum packet size");
  }
  if (bytes.size() < size) return {};
  FrameResult result;
  result.state = FrameResult::State::ready;
  result.frame = {type, static_cast<std::uint8_t>(first & 0x0F), bytes.substr(used, length)};
  result.size = size;
  return result;
}

void FrameBuffer::keep(std::string_view rest, bool is_inside_kept) {
  if (rest.empty()) {
    // A fresh empty string: an idle connection owns no buffer.
    if (kept_.capacity() > std::string().capacity()) std::string().swap(kept_);
    kept_.clear();
  } else if (is_inside_kept) {
    kept_.erase(0, kept_.size() - rest.size());
  } else {
    kept_.assign(rest);
  }
}

}  // namespace pulse::mqtt
