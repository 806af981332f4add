#pragma once
// Email addresses as people type them.
#include <string>
#include <string_view>

namespace pulse {

/// What is wrong with an address (RFC 5321's limits; no quoted local parts, no address literals),
/// or nothing. Whether it exists only an email can tell.
inline std::string email_fault(std::string_view email) {
  const auto at = email.find('@');
  if (at == std::string_view::npos || email.find('@', at + 1) != std::string_view::npos)
    return "must be an email address, such as name@example.com";
  const auto local = email.substr(0, at), domain = email.substr(at + 1);
  const auto plain = [](std::string_view text, std::string_view more) {
    for (const unsigned char c : text)
      if (c < 0x80 && !std::isalnum(c) && more.find(static_cast<char>(c)) == std::string_view::npos)
        return false;
    return true;
  };
  const bool good =
      !local.empty() && local.size() <= 64 && domain.size() >= 3 && email.size() <= 254 &&
      plain(local, "!#$%&'*+-/=?^_`{|}~.") && plain(domain, "-.") && local.front() != '.' &&
      local.back() != '.' && local.find("..") == std::string_view::npos && domain.front() != '.' &&
      domain.back() != '.' && domain.front() != '-' && domain.find('.') != std::string_view::npos &&
      domain.find("..") == std::string_view::npos;
  return good ? std::string() : "must be an email address, such as name@example.com";
}

}  // namespace pulse
