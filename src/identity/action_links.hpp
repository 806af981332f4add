#pragma once
// Links in emails that let a person do one thing, once: choose a password after an invitation, a
// welcome, or when the old one is forgotten.
#include <memory>
#include <string>

#include "identity/directory.hpp"
#include "identity/store.hpp"
#include "platform/mail/mailer.hpp"

namespace pulse::identity {

/// How links are made and sent.
struct ActionLinks {
  std::shared_ptr<mail::Mailer> mailer;  ///< unset: there are no links
  std::string issuer;                    ///< {base}/realms/{realm}
  long invitation_s = 72 * 3600;         ///< of welcomes, too
  long reset_s = 3600;
};

/// "welcome", "invitation", "password_reset".
std::string name_of(EmailAction action);

/// Sends the user a link. `hourly`: at most so many of this action in an hour, 0: no limit; false
/// when that is reached. Throws HttpError 502 and 503 as Mailer; no link is left then.
Task<bool> send_link(pg::Pool& pool, ActionLinks links, User user, EmailAction action,
                     std::string invited_by, int hourly);

/// What an email says. `ends`: when the link does.
struct LinkEmail {
  User user;
  EmailAction action = EmailAction::welcome;
  std::string link, organization, invited_by;
  Time ends;
};
mail::Email link_email(const LinkEmail& e);

}  // namespace pulse::identity
