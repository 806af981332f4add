// Where people choose passwords: by a link in an email, in the place of a temporary one, and when
// the old one is forgotten.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "identity/embedded_directory_store.hpp"
#include "identity/forms.hpp"
#include "identity/pages.hpp"
#include "identity/passwords.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"

namespace pulse::identity {

namespace {

constexpr int resets_an_hour = 3;

std::string link_path(const IssuerSettings& s) {
  return realm_path(s) + "login-actions/action-token";
}
std::string forgot_path(const IssuerSettings& s) {
  return realm_path(s) + "login-actions/reset-credentials";
}

PageLink to_sign_in(const IssuerSettings& s) {
  PageLink on;
  on.url = s.application_url + "/login";
  on.text = "Sign in";
  return on;
}

http::Response form_is_over(const std::string& advice) {
  return message_page(400, "This form is no longer valid", advice);
}

/// A link that can't be used any more, and what to do now.
http::Response dead_link(const IssuerDeps& d, const std::optional<Link>& link) {
  if (link && link->action == "password_reset") {
    PageLink on;
    on.url = forgot_path(d.settings);
    on.text = "Ask for a new link";
    return message_page(
        410, "This link is no longer valid",
        "A link works once and for an hour. If you still need a new password, ask for "
        "another link.",
        on);
  }
  return message_page(
      410, "This link is no longer valid",
      "It was used already, or its time is over. If you have chosen a password, sign in with it. "
      "Otherwise ask whoever invited you to send you a new invitation.",
      to_sign_in(d.settings));
}

/// All that is wrong with what the form says.
std::vector<std::string> faults_of(const Form& form, const User& user) {
  const auto password = form.get("password");
  auto out = password_faults(password, user.username, user.email.value_or(""));
  if (password != form.get("confirmation")) out.push_back("The two passwords are not the same.");
  return out;
}

// ---- by a link ----

http::Response show_link_form(const IssuerDeps& d, const std::string& key, const Link& link,
                              const User& user, const http::Request& request,
                              std::vector<std::string> faults) {
  const FormBrowser browser(request);
  PasswordPage p;
  p.action = link_path(d.settings) + "?key=" + http::percent_encode(key);
  p.request = browser.seal(d, "link", crypto::sha256_hex(key));
  const bool reset = link.action == "password_reset";
  p.title = reset ? "Choose a new password" : "Welcome to Pulse";
  p.text = reset ? "It takes the place of the old one, and ends every session that is open."
                 : "Choose the password that you will sign in with.";
  p.username = user.username;
  const int status = faults.empty() ? 200 : 400;
  p.faults = std::move(faults);
  auto r = password_page(p, status);
  browser.keep(d, r);
  return r;
}

/// The link of a key and its user; the user is missing when the link is dead.
struct LinkOwner {
  std::optional<Link> link;
  std::optional<User> user;
};
Task<LinkOwner> owner_of(IssuerDeps d, std::string key) {
  LinkOwner out;
  if (key.empty() || key.size() > 200) co_return out;
  out.link = co_await find_link(*d.pool, std::move(key));
  if (!out.link || !out.link->live) co_return out;
  out.user = co_await user_of_id(*d.pool, out.link->user_id);
  if (out.user && !out.user->enabled) out.user.reset();
  co_return out;
}

Task<http::Response> open_link(IssuerDeps d, http::Raw request) {
  const std::string key(request->query_value("key"));
  const auto owner = co_await owner_of(d, key);
  if (!owner.user) co_return dead_link(d, owner.link);
  co_return show_link_form(d, key, *owner.link, *owner.user, *request.request, {});
}

/// Who sets a password ends every other session, and the tokens that they gave.
Task<> end_tokens(IssuerDeps d, std::vector<std::string> sessions) {
  if (!d.revocations) co_return;
  for (const auto& session : sessions) co_await d.revocations->end_session(*d.pool, session);
}

Task<http::Response> follow_link(IssuerDeps d, http::Raw request) {
  const std::string key(request->query_value("key"));
  const Form form(request->body);
  const FormBrowser browser(*request.request);
  const auto sealed = browser.open(d, "link", form.get("request"));
  if (!sealed || *sealed != crypto::sha256_hex(key))
    co_return form_is_over("Please open the link in your email again.");
  const auto owner = co_await owner_of(d, key);
  if (!owner.user) co_return dead_link(d, owner.link);
  auto faults = faults_of(form, *owner.user);
  if (!faults.empty())
    co_return show_link_form(d, key, *owner.link, *owner.user, *request.request, std::move(faults));
  auto hash = co_await d.passwords->hash(form.get("password"));
  const auto ended = co_await use_link(*d.pool, key, std::move(hash));
  if (!ended) co_return dead_link(d, owner.link);
  co_await end_tokens(d, *ended);
  boost::json::object details{{"link", owner.link->action}};
  co_await note_security(d, "auth.password_changed", "info",
                         owner.user->username + " set a password by a link", &*owner.user, "",
                         visitor_of(*request.request), std::move(details));
  auto r = message_page(200, "Your password is set",
                        "Sign in with your user name " + owner.user->username +
                            " (or your email address) and the new password.",
                        to_sign_in(d.settings));
  // Whoever else was signed in to this browser: the next sign-in is the person's own.
  if (const auto sso = http::cookie(request->headers, sso_cookie)) {
    co_await end_session_of_cookie(*d.pool, *sso);
    r.headers.add("Set-Cookie", issuer_cookie(d, sso_cookie, "", 0));
    r.headers.add("Set-Cookie", issuer_cookie(d, "PULSE_SESSION_STATE", "", 0, false));
  }
  co_return r;
}

// ---- in the place of a temporary one ----

/// Who proved the temporary password, for what; `password` tells that it is still the same.
struct HalfSignedIn {
  AuthRequest request;
  std::string user_id, password;
};
BOOST_DESCRIBE_STRUCT(HalfSignedIn, (), (request, user_id, password))

std::optional<HalfSignedIn> read_half(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  HalfSignedIn out;
  json::Loc loc;
  Faults faults;
  json::read(json::parse_text(*text), out, loc, faults);
  return faults.empty() ? std::optional(std::move(out)) : std::nullopt;
}

Task<http::Response> replace_temporary(IssuerDeps d, http::Raw request) {
  const Form form(request->body);
  const FormBrowser browser(*request.request);
  const auto half = read_half(browser.open(d, "temporary password", form.get("request")));
  std::optional<User> user;
  if (half) user = co_await user_of_id(*d.pool, half->user_id);
  const bool same = user && user->enabled && user->password_temporary && user->password_hash &&
                    crypto::sha256_hex(*user->password_hash) == half->password;
  if (!same) co_return form_is_over("Please go back to the application and sign in again.");
  auto faults = faults_of(form, *user);
  const bool kept = co_await d.passwords->fits(form.get("password"), user->password_hash);
  if (kept) faults.push_back("The password must be another than the temporary one.");
  if (!faults.empty())
    co_return ask_new_password(d, half->request, *user, *request.request, std::move(faults));
  auto hash = co_await d.passwords->hash(form.get("password"));
  const bool replaced =
      co_await replace_temporary_password(*d.pool, user->id, *user->password_hash, std::move(hash));
  if (!replaced) co_return form_is_over("Please go back to the application and sign in again.");
  co_await note_security(d, "auth.password_changed", "info",
                         user->username + " replaced the temporary password", &*user, "",
                         visitor_of(*request.request));
  user->password_temporary = false;
  co_return co_await enter(d, half->request, std::move(*user), request);
}

// ---- forgotten ----

Task<http::Response> ask_email(IssuerDeps d, http::Raw request) {
  const FormBrowser browser(*request.request);
  ForgotPage p;
  p.action = forgot_path(d.settings);
  p.request = browser.seal(d, "forgot", "");
  p.back = to_sign_in(d.settings).url;
  auto r = forgot_page(p);
  browser.keep(d, r);
  co_return r;
}

/// After the answer is out, so that its time tells nothing about who is known here.
Task<> send_reset(IssuerDeps d, std::string email, Visitor from) {
  std::optional<User> user;
  const auto known = co_await directory_user_of_email(*d.pool, email);
  if (known) user = co_await user_of_id(*d.pool, known->id);
  bool sent = false;
  if (user && user->enabled)
    sent = co_await send_link(*d.pool, d.links, *user, EmailAction::password_reset, "",
                              resets_an_hour);
  boost::json::object details{{"sent", sent}};
  co_await note_security(d, "auth.password_reset_requested", "info",
                         sent   ? "A link for a new password was sent"
                         : user ? "A new password was asked for; no link was sent"
                                : "A new password was asked for an unknown address",
                         user ? &*user : nullptr, email, from, std::move(details));
}

void tell_failure(std::exception_ptr error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    log::error("link for a new password not sent", {{"error", e.what()}});
  }
}

Task<http::Response> send_forgotten(IssuerDeps d, http::Raw request) {
  const Form form(request->body);
  const FormBrowser browser(*request.request);
  if (!browser.open(d, "forgot", form.get("request")))
    co_return form_is_over("Please go back to the application and try again.");
  const auto from = visitor_of(*request.request);
  if (const int wait = d.resets_by_address->blocked_for(from.address); wait > 0) {
    auto r = message_page(429, "Too many requests",
                          "Too many links were asked for from your address. Please try again in an "
                          "hour.",
                          to_sign_in(d.settings));
    r.headers.set("Retry-After", std::to_string(wait));
    co_return r;
  }
  d.resets_by_address->failed(from.address);
  std::string email;
  for (const char c : form.get("email"))
    if (c != ' ') email += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::co_spawn(executor, send_reset(d, std::move(email), from), tell_failure);
  co_return message_page(200, "Look into your inbox",
                         "If an account has this address, an email with a link is on its way. The "
                         "link works once, for an hour.",
                         to_sign_in(d.settings));
}

}  // namespace

http::Response ask_new_password(const IssuerDeps& d, const AuthRequest& a, const User& user,
                                const http::Request& request, std::vector<std::string> faults) {
  const FormBrowser browser(request);
  HalfSignedIn half;
  half.request = a;
  half.user_id = user.id;
  half.password = crypto::sha256_hex(user.password_hash.value_or(""));
  PasswordPage p;
  p.action = realm_path(d.settings) + "login-actions/required-action";
  p.request = browser.seal(d, "temporary password", json::to_text(half));
  p.redirect_origin = origin_of(a.redirect_uri);
  p.title = "Choose your own password";
  p.text = "The one that you signed in with is temporary: someone else knows it.";
  p.username = user.username;
  const int status = faults.empty() ? 200 : 400;
  p.faults = std::move(faults);
  auto r = password_page(p, status);
  browser.keep(d, r);
  return r;
}

void mount_passwords(http::Router& router, const IssuerDeps& d) {
  constexpr std::size_t form_bytes = 64 * 1024;
  router.get(link_path(d.settings), http::bound(d, open_link))
      .open("the link is the proof")
      .hidden();
  router.post(link_path(d.settings), http::bound(d, follow_link))
      .open("the link is the proof")
      .hidden()
      .max_body(form_bytes);
  router
      .post(realm_path(d.settings) + "login-actions/required-action",
            http::bound(d, replace_temporary))
      .open("the form carries the proof of the temporary password")
      .hidden()
      .max_body(form_bytes);
  if (!d.links.mailer) return;
  router.get(forgot_path(d.settings), http::bound(d, ask_email))
      .open("people without a password")
      .hidden();
  router.post(forgot_path(d.settings), http::bound(d, send_forgotten))
      .open("people without a password")
      .hidden()
      .max_body(form_bytes);
}

}  // namespace pulse::identity
