#pragma once
// Outgoing email by SMTP (RFC 5321), through libcurl on a thread of its own.
#include <memory>
#include <string>

#include "platform/errors.hpp"
#include "platform/task.hpp"

namespace pulse::mail {

struct Email {
  std::string to, subject;
  std::string text, html;  ///< both parts of multipart/alternative (RFC 2046); `html` may be empty
  /// The left side of the Message-ID (RFC 5322, 3.6.4), letters, digits and hyphens: the same in
  /// each attempt, so that a repeat is known for one. Empty: a new one.
  std::string id;
};

/// The server does not take emails for this address.
struct RecipientRefused : HttpError {
  explicit RecipientRefused(long code) : HttpError(502, "Email could not be sent"), reply(code) {}
  long reply;  ///< its answer: 5xx is for good, 4xx for now (RFC 5321, 4.2.1)
};

struct MailerOptions {
  std::string host;  ///< empty: emails are written as .eml files into `outbox` instead
  int port = 587;
  std::string username, password, from = "Pulse <pulse@localhost>";
  /// "none", "starttls" (refused when the server has none) or "tls".
  std::string security = "starttls";
  std::string outbox;  ///< directory, made at the first email; needed without `host`
  long timeout_ms = 10'000;
};

/// Shared by all loops; thread-safe.
class Mailer {
 public:
  /// Throws std::invalid_argument for an unknown `security`, a `from` that is no address, or
  /// neither host nor outbox.
  explicit Mailer(MailerOptions options);
  ~Mailer();
  Mailer(const Mailer&) = delete;
  Mailer& operator=(const Mailer&) = delete;

  /// Completes when the server took the email. Throws HttpError 502 "Email could not be sent" with
  /// the reason in the log (RecipientRefused when it is the address); 503 when too many wait.
  /// Header values are cleaned of line breaks.
  Task<> send(Email email);
  /// Takes no more, gives what is on its way `grace_ms` to leave, and ends the rest. Call it while
  /// the loops that send still exist.
  void stop(long grace_ms);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::mail
