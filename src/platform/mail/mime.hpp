#pragma once
// Emails as text on the wire: headers (RFC 5322), words of other alphabets in them (RFC 2047),
// parts (RFC 2046), quoted-printable (RFC 2045).
#include <optional>
#include <string>
#include <string_view>

#include "platform/clock.hpp"
#include "platform/mail/mailer.hpp"

namespace pulse::mail {

struct Mailbox {
  std::string name, address;
};

/// Reads "Name <local@domain>" or "local@domain". Nothing when the address is not plain ASCII of
/// the form local@domain, or holds what would be another command or another address (RFC
/// 5321, 4.1.2).
std::optional<Mailbox> read_mailbox(std::string_view text);

/// A header's value on one line or folded: control characters become spaces, what is not printable
/// ASCII (or is long) becomes encoded words.
std::string header_text(std::string_view text);

/// The whole message with CRLF line ends. `to` and `cc` are addresses that `read_mailbox` took, or
/// several joined by ",\r\n "; an empty `cc` is left out.
std::string to_message(const Email& email, const Mailbox& from, const std::string& to, Time date,
                       const std::string& cc = {});

}  // namespace pulse::mail
