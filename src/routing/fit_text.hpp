#pragma once
// Texts of others as a text column takes them.
#include <string>
#include <string_view>

namespace pulse::routing {

/// The most that is kept of an error's text, in bytes.
inline constexpr std::size_t most_error_bytes = 500;

/// Up to `most` bytes of a text, cut between characters; what is no UTF-8, and NUL, becomes U+FFFD.
std::string fit_text(std::string_view text, std::size_t most);

}  // namespace pulse::routing
