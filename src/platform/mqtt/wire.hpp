#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/mqtt/reason.hpp"

namespace pulse::mqtt {

/// Largest value of a Variable Byte Integer (section 1.5.5), and so of a Remaining Length.
inline constexpr std::uint32_t varint_max = 268'435'455;

/// True when `text` is well-formed UTF-8 without U+0000 and surrogates (section 1.5.4).
bool is_mqtt_utf8(std::string_view text);

/// Bytes that a Variable Byte Integer takes: 1 to 4.
constexpr std::size_t varint_size(std::uint32_t value) {
  return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
}

/// Reads the data types of section 1.5 from the front of a piece of memory. The first failure
/// sticks in fault(); after it every read answers zero or empty, so that a decoder checks once.
/// Views that it returns point into the memory given.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint32_t varint();
  std::string_view bytes(std::size_t count);
  /// Two-byte length and as many bytes (1.5.6).
  std::string_view binary();
  /// Two-byte length and UTF-8 text (1.5.4).
  std::string_view utf8();
  std::string_view take_rest();

  bool empty() const { return rest_.empty(); }
  const Fault& fault() const { return fault_; }
  void fail(Reason reason, std::string_view text);

 private:
  std::string_view rest_;
  Fault fault_;
};

void put_u8(std::string& out, std::uint8_t value);
void put_u16(std::string& out, std::uint16_t value);
void put_u32(std::string& out, std::uint32_t value);
void put_varint(std::string& out, std::uint32_t value);
/// Two-byte length and bytes. Throws std::length_error over 65,535 bytes.
void put_binary(std::string& out, std::string_view bytes);

}  // namespace pulse::mqtt
