// libFuzzer: bytes of a stream, cut into frames and decoded under both versions. What decodes must
// encode and decode to itself.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "platform/mqtt/frame.hpp"
#include "platform/mqtt/packet.hpp"
#include "platform/mqtt/topic.hpp"

namespace {

using namespace pulse::mqtt;

void check_round_trip(Version version, const Packet& packet) {
  if (const auto* connect = std::get_if<Connect>(&packet)) version = connect->version;
  std::string bytes;
  try {
    encode(bytes, version, packet);
  } catch (const std::length_error&) {
    return;
  }
  const auto cut = next_frame(bytes, UINT32_MAX, version);
  Packet again;
  if (cut.state != FrameResult::State::ready || decode(cut.frame, version, again)) std::abort();
  // Canonical form: values that 3.1.1 cannot say exactly may change once, not twice.
  std::string twice;
  encode(twice, version, again);
  if (twice != bytes) std::abort();
}

void exercise(Version version, std::string_view stream, std::size_t step) {
  FrameBuffer buffer;
  while (!stream.empty()) {
    const auto piece = stream.substr(0, step);
    stream.remove_prefix(piece.size());
    const auto fault = buffer.consume(piece, 4096, version, [&](const Frame& frame) {
      Packet packet;
      if (!decode(frame, version, packet)) check_round_trip(version, packet);
      return true;
    });
    if (buffer.kept_bytes() > 4096 + step) std::abort();
    if (fault) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = data[0] == 0 ? size : data[0];
  exercise(Version::v5, stream, step);
  exercise(Version::v311, stream, step);
  const auto half = stream.size() / 2;
  const auto filter = stream.substr(0, half), topic = stream.substr(half);
  if (is_valid_topic_filter(filter) && is_valid_topic_name(topic)) topic_matches(filter, topic);
  return 0;
}
