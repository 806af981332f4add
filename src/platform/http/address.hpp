#pragma once
// Addresses as headers and sockets write them.
#include <optional>
#include <string>
#include <string_view>

namespace pulse::http {

/// The IP address in "192.0.2.1", "192.0.2.1:443", "2001:db8::1", "[2001:db8::1]:443" (RFC 7239,
/// 6), in its canonical form, without port or zone; IPv4-mapped IPv6 as IPv4. Nothing for anything
/// else.
std::optional<std::string> plain_address(std::string_view text);

}  // namespace pulse::http
