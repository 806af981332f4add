#pragma once
// What a password must be (NIST SP 800-63B, 5.1.1.2: long, not common, not the name; no rules about
// kinds of characters).
#include <string>
#include <string_view>
#include <vector>

namespace pulse::identity {

inline constexpr std::size_t shortest_password = 10, longest_password_bytes = 1024;

/// All that is wrong with a new password, as sentences; empty when nothing is.
std::vector<std::string> password_faults(std::string_view password, std::string_view username,
                                         std::string_view email);

}  // namespace pulse::identity
