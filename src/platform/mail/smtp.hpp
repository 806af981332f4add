#pragma once
// One email to one SMTP server, on the calling thread.
#include <atomic>
#include <string>
#include <vector>

#include "platform/mail/mailer.hpp"

namespace pulse::mail {

struct SmtpEnvelope {
  std::string from;  ///< plain addresses
  std::vector<std::string> to;
  std::string message;                          ///< headers and body, with CRLF line ends
  bool public_only = false;                     ///< refuses servers at private addresses
  const std::atomic<bool>* stopping = nullptr;  ///< ends the transfer; may be null
};

struct RefusedRecipient {
  std::string address;
  long reply = 0;  ///< 4xx: for now; 5xx: for good
};

struct SmtpOutcome {
  bool ok = false;  ///< it was taken for all recipients but those in `refused`
  std::vector<RefusedRecipient> refused;
  bool forbidden = false;  ///< the server's address is a private one
  long reply = 0;          ///< the server's last code; 0: none
  std::string why;
};

/// Blocks for at most `server.timeout_ms`. Of `server`, `from` and `outbox` do not matter.
SmtpOutcome send_by_smtp(const MailerOptions& server, const SmtpEnvelope& envelope);

}  // namespace pulse::mail
