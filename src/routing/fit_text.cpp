#include "routing/fit_text.hpp"

#include "platform/json/write.hpp"

namespace pulse::routing {

namespace {

/// Bytes of the character that begins with `lead` (RFC 3629, section 3).
std::size_t length_of(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

}  // namespace

std::string fit_text(std::string_view text, std::size_t most) {
  std::string out;
  while (!text.empty()) {
    auto character = text.substr(0, length_of(static_cast<unsigned char>(text.front())));
    const bool fits = json::is_text(character);
    if (!fits) character = text.substr(0, 1);
    const std::string_view taken = fits ? character : "\xef\xbf\xbd";
    if (out.size() + taken.size() > most) break;
    out += taken;
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace pulse::routing
