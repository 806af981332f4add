#include "identity/action_links.hpp"

#include <ctime>

#include "identity/embedded_directory_store.hpp"
#include "identity/pages.hpp"
#include "platform/crypto/crypto.hpp"

namespace pulse::identity {

namespace {

/// "28 November 2026, 02:30 UTC".
std::string spelled(Time t) {
  const std::time_t seconds = to_ms(t) / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const auto size = std::strftime(text, sizeof text, "%e %B %Y, %H:%M UTC", &parts);
  const std::string out(text, size);
  return out.substr(out.find_first_not_of(' '));
}

/// What is particular to each kind of email.
struct Words {
  std::string subject, why, what, otherwise;
};

Words words_of(const LinkEmail& e) {
  const auto where = e.organization.empty() ? "Pulse" : e.organization + " on Pulse";
  switch (e.action) {
    case EmailAction::invitation:
      return {e.invited_by.empty() ? "You are invited to " + where
                                   : e.invited_by + " invites you to " + where,
              (e.invited_by.empty() ? "You are invited" : e.invited_by + " invites you") + " to " +
                  where + ", where live data and control of the fleet are.",
              "Choose your password to begin:",
              "If you did not expect this invitation, you need not do anything."};
    case EmailAction::welcome:
      return {"Your account at " + where, "An account at " + where + " was made for you.",
              "Choose your password to begin:",
              "If you did not expect this email, you need not do anything."};
    case EmailAction::password_reset:
      break;
  }
  return {"Set a new password for Pulse",
          "A new password was asked for your account at " + where + ".", "Choose a new password:",
          "If you did not ask for it, you need not do anything: your password stays as it is."};
}

std::string greeting(const User& user) {
  const auto name = user.first_name.value_or("");
  return name.empty() ? "Hello," : "Hello " + name + ",";
}

}  // namespace

std::string name_of(EmailAction action) {
  switch (action) {
    case EmailAction::welcome:
      return "welcome";
    case EmailAction::invitation:
      return "invitation";
    case EmailAction::password_reset:
      break;
  }
  return "password_reset";
}

mail::Email link_email(const LinkEmail& e) {
  const auto words = words_of(e);
  const auto account = "Your user name is " + e.user.username + ". The link works once, until " +
                       spelled(e.ends) + ".";
  mail::Email out;
  out.to = e.user.email.value_or("");
  out.subject = words.subject;
  out.text = greeting(e.user) + "\n\n" + words.why + "\n\n" + words.what + "\n" + e.link + "\n\n" +
             account + "\n" + words.otherwise + "\n";
  const auto paragraph = [](const std::string& text) { return "<p>" + html_text(text) + "</p>\n"; };
  const auto link = html_text(e.link);
  out.html = "<!doctype html><html lang=\"en\"><body>\n" + paragraph(greeting(e.user)) +
             paragraph(words.why) + paragraph(words.what) + "<p><a href=\"" + link + "\">" + link +
             "</a></p>\n" + paragraph(account) + paragraph(words.otherwise) + "</body></html>\n";
  return out;
}

Task<bool> send_link(pg::Pool& pool, ActionLinks links, User user, EmailAction action,
                     std::string invited_by, int hourly) {
  const long life_s = action == EmailAction::password_reset ? links.reset_s : links.invitation_s;
  const auto key = crypto::random_token(32);
  const bool issued = co_await insert_link(pool, key, user.id, name_of(action), life_s, hourly);
  if (!issued) co_return false;
  LinkEmail e;
  e.action = action;
  e.link = links.issuer + "/login-actions/action-token?key=" + key;
  if (user.tenant_id) e.organization = co_await organization_name(pool, *user.tenant_id);
  e.invited_by = std::move(invited_by);
  e.ends = from_ms(now_ms() + life_s * 1000);
  e.user = std::move(user);
  auto email = link_email(e);
  std::exception_ptr failed;
  try {
    co_await links.mailer->send(std::move(email));
  } catch (...) {
    failed = std::current_exception();
  }
  if (!failed) co_return true;
  co_await delete_link(pool, key);
  std::rethrow_exception(failed);
}

}  // namespace pulse::identity
