// The authorization endpoint and the sign-in form behind it.
#include "identity/forms.hpp"
#include "identity/pages.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"

namespace pulse::identity {

namespace {

/// Back to the client with the answer's parameters in query or fragment.
http::Response answer(const AuthRequest& a,
                      const std::vector<std::pair<std::string, std::string>>& fields) {
  const bool fragment = a.response_mode == "fragment";
  std::string url = a.redirect_uri.substr(0, a.redirect_uri.find('#'));
  char joiner = fragment ? '#' : url.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    url.append(1, joiner).append(name).append("=").append(http::percent_encode(value));
    joiner = '&';
  }
  auto r = http::Response::redirect(url);
  r.headers.set("Cache-Control", "no-store");
  return r;
}

std::string with_state(const std::string& target, const std::string& state) {
  AuthRequest a;
  a.redirect_uri = target;
  return state.empty() ? target
                       : std::string(answer(a, {{"state", state}}).headers.get("Location"));
}

http::Response refuse(const AuthRequest& a, const IssuerDeps& d, const std::string& error,
                      const std::string& text) {
  return answer(a, {{"error", error},
                    {"error_description", text},
                    {"state", a.state},
                    {"iss", issuer_of(d.settings)}});
}

Task<http::Response> grant(IssuerDeps d, AuthRequest a, std::string user_id,
                           std::string session_id) {
  CodeGrant g;
  g.client_id = a.client_id;
  g.redirect_uri = a.redirect_uri;
  g.code_challenge = a.code_challenge;
  g.nonce = a.nonce;
  g.scope = a.scope;
  const auto code = co_await issue_code(*d.pool, std::move(user_id), session_id, std::move(g));
  co_return answer(a, {{"state", a.state},
                       {"session_state", session_id},
                       {"iss", issuer_of(d.settings)},
                       {"code", code}});
}

std::optional<AuthRequest> read_request(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  AuthRequest a;
  json::Loc loc;
  Faults faults;
  json::read(json::parse_text(*text), a, loc, faults);
  return faults.empty() ? std::optional(std::move(a)) : std::nullopt;
}

http::Response show_form(const IssuerDeps& d, const AuthRequest& a, const http::Request& request,
                         const std::string& username, const std::string& error, int status) {
  const FormBrowser browser(request);
  SignInPage p;
  p.action = realm_path(d.settings) + "login-actions/authenticate";
  p.request = browser.seal(d, "sign-in", json::to_text(a));
  p.redirect_origin = origin_of(a.redirect_uri);
  if (d.links.mailer) p.forgot = realm_path(d.settings) + "login-actions/reset-credentials";
  p.username = username;
  p.error = error;
  p.hint = d.settings.demo_hint;
  auto r = sign_in_page(p, status);
  browser.keep(d, r);
  return r;
}

Task<http::Response> authorize(IssuerDeps d, http::Raw request) {
  const auto text = [&](std::string_view name) { return std::string(request->query_value(name)); };
  AuthRequest a;
  a.client_id = text("client_id");
  a.redirect_uri = text("redirect_uri");
  a.state = text("state");
  a.nonce = text("nonce");
  a.scope = granted_scope(text("scope"));
  a.code_challenge = text("code_challenge");
  a.response_mode = text("response_mode");
  // What is wrong with client or address must not be redirected (RFC 6749, 4.1.2.1).
  if (a.client_id != d.settings.client_id)
    co_return message_page(400, "Unknown application", "The client_id is not known here.");
  if (!may_redirect(d.settings, a.redirect_uri))
    co_return message_page(400, "This address is not allowed",
                           "The redirect_uri does not belong to this application.");
  if (text("response_type") != "code")
    co_return refuse(a, d, "unsupported_response_type", "response_type must be code");
  if (a.code_challenge.size() != 43 || text("code_challenge_method") != "S256")
    co_return refuse(a, d, "invalid_request", "PKCE with code_challenge_method S256 is needed");
  if (!a.response_mode.empty() && a.response_mode != "query" && a.response_mode != "fragment")
    co_return refuse(a, d, "invalid_request", "response_mode must be query or fragment");
  if (a.state.size() + a.nonce.size() > 4096 || !is_plain(a.state + a.nonce + a.code_challenge))
    co_return refuse(a, d, "invalid_request", "state or nonce is too long or not printable ASCII");
  const auto prompt = text("prompt");
  const auto sso = http::cookie(request->headers, sso_cookie);
  if (sso && prompt != "login") {
    const auto session = co_await session_of_cookie(*d.pool, *sso);
    // A password that was made temporary since then is replaced first.
    if (session && !session->user.password_temporary) {
      boost::json::object details{{"session_id", session->session_id}, {"single_sign_on", true}};
      co_await note_security(d, "auth.login", "info",
                             session->user.username + " signed in, known to the browser",
                             &session->user, "", visitor_of(*request.request), std::move(details));
      co_return co_await grant(d, a, session->user.id, session->session_id);
    }
  }
  if (prompt == "none") co_return refuse(a, d, "login_required", "nobody is signed in");
  co_return show_form(d, a, *request.request, text("login_hint"), "", 200);
}

Task<http::Response> authenticate(IssuerDeps d, http::Raw request) {
  const Form form(request->body);
  const FormBrowser browser(*request.request);
  const auto a = read_request(browser.open(d, "sign-in", form.get("request")));
  if (!a)
    co_return message_page(400, "This form is no longer valid",
                           "Please go back to the application and sign in again.");
  const auto username = form.get("username");
  std::optional<User> user;
  std::string refused = "Invalid user name or password.";
  int status = 401;
  std::vector<std::pair<std::string, std::string>> extra;
  try {
    user = co_await check_password(d, username, form.get("password"), visitor_of(*request.request));
  } catch (const HttpError& e) {
    refused = std::string(e.what()) + ". Please try again later.";
    status = e.status;
    extra = e.headers;
  }
  if (!user) {
    auto r = show_form(d, *a, *request.request, username, refused, status);
    for (const auto& [name, value] : extra) r.headers.set(name, value);
    co_return r;
  }
  if (user->password_temporary) co_return ask_new_password(d, *a, *user, *request.request, {});
  co_return co_await enter(d, *a, std::move(*user), request);
}

/// What the authorization endpoint reads (OpenID Connect Core, 3.1.2.1), for the document.
struct AuthorizationQuery {
  std::optional<std::string> client_id, redirect_uri, response_type, code_challenge,
      code_challenge_method, state, nonce, scope, response_mode, prompt, login_hint;
};
BOOST_DESCRIBE_STRUCT(AuthorizationQuery, (),
                      (client_id, redirect_uri, response_type, code_challenge,
                       code_challenge_method, state, nonce, scope, response_mode, prompt,
                       login_hint))
/// What the end of a session reads, from the query or a form.
struct LogoutFields {
  std::optional<std::string> id_token_hint, client_id, post_logout_redirect_uri, state,
      refresh_token;
};
BOOST_DESCRIBE_STRUCT(LogoutFields, (),
                      (id_token_hint, client_id, post_logout_redirect_uri, state, refresh_token))

Task<> note_logout(IssuerDeps d, std::optional<std::string> user_id, Visitor from) {
  std::optional<User> user;
  if (user_id) user = co_await user_of_id(*d.pool, *user_id);
  if (user)
    co_await note_security(d, "auth.logout", "info", user->username + " signed out", &*user, "",
                           from);
}

/// RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0), and with refresh_token the way in
/// which Keycloak's clients end a session without a browser.
Task<http::Response> logout(IssuerDeps d, http::Raw request) {
  const Form form(request->method == "POST" ? std::string_view(request->body) : std::string_view());
  const auto text = [&](std::string_view name) {
    auto value = form.get(name);
    return value.empty() ? std::string(request->query_value(name)) : value;
  };
  if (const auto token = text("refresh_token"); !token.empty()) {
    auto whose = co_await end_session_of_refresh(*d.pool, d.settings.form_key, token, true);
    co_await note_logout(d, std::move(whose), visitor_of(*request.request));
    http::Response done;
    done.status = 204;
    co_return done;
  }
  if (const auto sso = http::cookie(request->headers, sso_cookie)) {
    auto whose = co_await end_session_of_cookie(*d.pool, *sso);
    co_await note_logout(d, std::move(whose), visitor_of(*request.request));
  }
  // A form posted by another site comes without the cookie: the hint says whose session it is.
  if (const auto hint = d.keys->claims_of(text("id_token_hint"))) {
    const auto* sid = hint->if_contains("sid");
    if (sid && sid->is_string()) co_await end_session(*d.pool, std::string(sid->get_string()));
  }
  const auto target = text("post_logout_redirect_uri");
  const auto client = text("client_id");
  http::Response r;
  if (target.empty())
    r = message_page(200, "Signed out", "You are signed out.");
  else if (!may_redirect(d.settings, target) || (!client.empty() && client != d.settings.client_id))
    r = message_page(400, "Signed out",
                     "You are signed out. The address to go on to does not belong to a known "
                     "application.");
  else
    r = http::Response::redirect(with_state(target, text("state")));
  r.headers.add("Set-Cookie", issuer_cookie(d, sso_cookie, "", 0));
  r.headers.add("Set-Cookie", issuer_cookie(d, "PULSE_SESSION_STATE", "", 0, false));
  r.headers.set("Cache-Control", "no-store");
  co_return r;
}

}  // namespace

Task<http::Response> enter(IssuerDeps d, AuthRequest a, User user, http::Raw request) {
  const auto from = visitor_of(*request.request);
  const auto secret = crypto::random_token(32);
  const auto session = co_await open_session(*d.pool, user.id, secret, from.address, from.agent);
  boost::json::object details{{"session_id", session}};
  co_await note_security(d, "auth.login", "info", user.username + " signed in", &user, "", from,
                         std::move(details));
  auto r = co_await grant(d, std::move(a), user.id, session);
  r.headers.add("Set-Cookie", issuer_cookie(d, sso_cookie, secret, -1));
  // Readable by login-status-iframe.html: says which session lives, and proves nothing.
  r.headers.add("Set-Cookie", issuer_cookie(d, "PULSE_SESSION_STATE", session, -1, false));
  co_return r;
}

void mount_authorization(http::Router& router, const IssuerDeps& d) {
  const auto base = realm_path(d.settings);
  const auto oidc = base + "protocol/openid-connect/";
  router.get(oidc + "auth", http::bound(d, authorize))
      .open("people sign in here")
      .tag("Issuer")
      .summary("Authorization endpoint")
      .query<AuthorizationQuery>()
      .produces("text/html")
      .also(302, "Back to the application, with a code or what is wrong")
      .fails_with_page(400, "This address is not allowed");
  router.post(base + "login-actions/authenticate", http::bound(d, authenticate))
      .open("people sign in here")
      .hidden()
      .max_body(64 * 1024);
  router.get(oidc + "logout", http::bound(d, logout))
      .open("the way out")
      .tag("Issuer")
      .summary("End session endpoint")
      .query<LogoutFields>()
      .produces("text/html")
      .also(204, "The session of the refresh token is over")
      .also(302, "Back to the application")
      .fails_with_page(400, "This address is not allowed");
  router.post(oidc + "logout", http::bound(d, logout))
      .open("the way out")
      .tag("Issuer")
      .summary("End session endpoint")
      .form<LogoutFields>()
      .produces("text/html")
      .also(204, "The session of the refresh token is over")
      .also(302, "Back to the application")
      .fails_with_page(400, "This address is not allowed")
      .max_body(64 * 1024);
}

}  // namespace pulse::identity
