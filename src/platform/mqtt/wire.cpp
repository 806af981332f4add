#include "platform/mqtt/wire.hpp"

#include <cstring>
#include <stdexcept>

namespace pulse::mqtt {
namespace {

constexpr std::string_view too_short = "packet ends before its last field";

/// Length of the well-formed multi-byte sequence at `p` (Unicode table 3-7), 0 when ill-formed.
std::size_t sequence_length(const unsigned char* p, std::size_t left) {
  auto continues = [&](std::size_t i) { return i < left && (p[i] & 0xC0) == 0x80; };
  const unsigned char lead = p[0];
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && p[1] < 0xA0) return 0;   // overlong
    if (lead == 0xED && p[1] >= 0xA0) return 0;  // surrogates
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && p[1] < 0x90) return 0;   // overlong
    if (lead == 0xF4 && p[1] >= 0x90) return 0;  // above U+10FFFF
    return 4;
  }
  return 0;
}

/// True when none of the eight bytes is zero or above 0x7F.
bool is_plain_ascii(const unsigned char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  constexpr std::uint64_t high = 0x8080808080808080, one = 0x0101010101010101;
  return ((word | (word - one)) & high) == 0;
}

}  // namespace

bool is_mqtt_utf8(std::string_view text) {
  auto* p = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t left = text.size();
  while (left > 0) {
    if (left >= 8 && is_plain_ascii(p)) {
      p += 8, left -= 8;
      continue;
    }
    std::size_t step = 1;
    if (*p == 0) return false;
    if (*p >= 0x80 && (step = sequence_length(p, left)) == 0) return false;
    p += step, left -= step;
  }
  return true;
}

void Reader::fail(Reason reason, std::string_view text) {
  if (!fault_) fault_ = {reason, text};
  rest_ = {};
}

std::string_view Reader::bytes(std::size_t count) {
  if (count > rest_.size()) {
    fail(Reason::malformed_packet, too_short);
    return {};
  }
  const auto taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::uint8_t Reader::u8() {
  const auto b = bytes(1);
  return b.empty() ? 0 : static_cast<std::uint8_t>(b[0]);
}

std::uint16_t Reader::u16() {
  const auto b = bytes(2);
  if (b.empty()) return 0;
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(b[0]) << 8 |
                                    static_cast<std::uint8_t>(b[1]));
}

std::uint32_t Reader::u32() {
  const std::uint32_t high = u16();
  return high << 16 | u16();
}

std::uint32_t Reader::varint() {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint8_t byte = u8();
    if (fault_) return 0;
    value |= static_cast<std::uint32_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    // [MQTT-1.5.5-1]: the fewest bytes that hold the value.
    if (varint_size(value) != i + 1) {
      fail(Reason::malformed_packet, "variable byte integer is longer than needed");
      return 0;
    }
    return value;
  }
  fail(Reason::malformed_packet, "variable byte integer is longer than four bytes");
  return 0;
}

std::string_view Reader::binary() { return bytes(u16()); }

std::string_view Reader::utf8() {
  const auto text = binary();
  if (is_mqtt_utf8(text)) return text;
  fail(Reason::malformed_packet, "text is not valid UTF-8");
  return {};
}

std::string_view Reader::take_rest() {
  const auto taken = rest_;
  rest_ = {};
  return taken;
}

void put_u8(std::string& out, std::uint8_t value) { out.push_back(static_cast<char>(value)); }

void put_u16(std::string& out, std::uint16_t value) {
  put_u8(out, static_cast<std::uint8_t>(value >> 8));
  put_u8(out, static_cast<std::uint8_t>(value & 0xFF));
}

void put_u32(std::string& out, std::uint32_t value) {
  put_u16(out, static_cast<std::uint16_t>(value >> 16));
  put_u16(out, static_cast<std::uint16_t>(value & 0xFFFF));
}

void put_varint(std::string& out, std::uint32_t value) {
  if (value > varint_max) throw std::length_error("MQTT packet is larger than 256 MiB");
  do {
    const auto low = static_cast<std::uint8_t>(value & 0x7F);
    value >>= 7;
    put_u8(out, value != 0 ? low | 0x80 : low);
  } while (value != 0);
}

void put_binary(std::string& out, std::string_view bytes) {
  if (bytes.size() > 0xFFFF) throw std::length_error("MQTT field is longer than 65535 bytes");
  put_u16(out, static_cast<std::uint16_t>(bytes.size()));
  out.append(bytes);
}

}  // namespace pulse::mqtt
