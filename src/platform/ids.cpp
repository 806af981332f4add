#include "platform/ids.hpp"

#include <openssl/rand.h>

#include <array>
#include <stdexcept>

#include "platform/clock.hpp"

namespace pulse {
namespace {

constexpr char hex_digits_text[] = "0123456789abcdef";

void random_bytes(unsigned char* out, int count) {
  if (RAND_bytes(out, count) != 1) throw std::runtime_error("no random numbers from OpenSSL");
}

}  // namespace

std::string uuid7() {
  std::array<unsigned char, 16> b{};
  random_bytes(b.data() + 6, 10);
  const auto ms = static_cast<std::uint64_t>(now_ms());
  for (int i = 0; i < 6; ++i)
    b[static_cast<std::size_t>(i)] = static_cast<unsigned char>(ms >> (40 - 8 * i));
  b[6] = static_cast<unsigned char>(0x70 | (b[6] & 0x0f));
  b[8] = static_cast<unsigned char>(0x80 | (b[8] & 0x3f));
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += hex_digits_text[b[i] >> 4];
    out += hex_digits_text[b[i] & 15];
  }
  return out;
}

std::string short_id(std::string_view prefix, int hex_digits) {
  std::array<unsigned char, 32> b{};
  random_bytes(b.data(), static_cast<int>(b.size()));
  std::string out(prefix);
  for (int i = 0; i < hex_digits && i < 64; ++i) {
    const auto byte = b[static_cast<std::size_t>(i / 2)];
    out += hex_digits_text[i % 2 ? byte & 15 : byte >> 4];
  }
  return out;
}

}  // namespace pulse
