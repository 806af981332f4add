#include "gateway/session_api.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/log.hpp"
#include "tenancy/guard.hpp"

namespace pulse::gateway {

namespace {

constexpr long handshake_s = 600;  // how long a sign-in may take
constexpr long refresh_s = 1800;

std::string cookie(const SessionDeps& d, std::string_view name, std::string_view value,
                   long age_s) {
  return http::set_cookie(name, value, age_s, true, "Lax", d.secure_cookies);
}

http::Response back_with(const SessionDeps& d, const std::string& error) {
  auto r = http::Response::redirect("/?error=" + error);
  r.headers.add("Set-Cookie", cookie(d, "oauth_state", "", 0));
  r.headers.add("Set-Cookie", cookie(d, "oauth_verifier", "", 0));
  return r;
}

/// What the token endpoint answered.
struct Tokens {
  bool granted = false;
  std::string access, refresh;
  long expires_in = 0;
};

std::string text_of(const boost::json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

/// Posts a form to an endpoint of the issuer, e.g. "token". Throws HttpError 503 when it can't be
/// reached.
Task<http::ClientResponse> post_to_issuer(SessionDeps d, std::string endpoint, std::string form) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = d.issuer_internal + "/protocol/openid-connect/" + endpoint;
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  request.body = std::move(form);
  request.timeout_ms = 10'000;
  http::ClientResponse answer;
  std::string problem;
  try {
    answer = co_await d.http->request(std::move(request));
  } catch (const http::ClientError& e) {
    problem = e.what();
  }
  if (!problem.empty() || answer.status >= 500) {
    log::error_throttled("the issuer does not answer",
                         {{"error", problem}, {"status", answer.status}});
    throw unavailable("Auth service unavailable");
  }
  co_return answer;
}

/// Throws HttpError 503 when the issuer can't be reached.
Task<Tokens> ask_issuer(SessionDeps d, std::string form) {
  const auto answer = co_await post_to_issuer(d, "token", std::move(form));
  Tokens out;
  boost::system::error_code ec;
  const auto json = boost::json::parse(answer.body, ec);
  if (answer.status != 200 || ec || !json.is_object()) co_return out;
  const auto& o = json.get_object();
  out.access = text_of(o, "access_token");
  out.refresh = text_of(o, "refresh_token");
  if (const auto* e = o.if_contains("expires_in"); e && e->is_int64())
    out.expires_in = static_cast<long>(e->get_int64());
  out.granted = !out.access.empty();
  co_return out;
}

/// Whose access token this is; nothing when it is not good. Throws HttpError 429, 503.
Task<std::optional<tenancy::Caller>> caller_of(SessionDeps d, std::string token,
                                               std::string address) {
  try {
    co_return co_await d.tokens->verify(std::move(token), std::move(address));
  } catch (const HttpError& e) {
    if (e.status != 401) throw;
  }
  co_return std::nullopt;
}

/// An event of somebody's session, ready to be recorded.
tenancy::AuditEvent session_event(const tenancy::Caller& who, const http::Request& request,
                                  std::string type, std::string action, std::string message) {
  auto event = tenancy::AuditLog::security(who, request.client_address, request.request_id,
                                           who.tenant_id, std::move(type), std::move(action),
                                           "user", who.user_id, std::move(message));
  event.entity_name = who.username;
  return event;
}

void set_session(const SessionDeps& d, http::Response& r, const Tokens& t) {
  r.headers.add("Set-Cookie", cookie(d, "pulse_session", t.access, t.expires_in + 60));
  r.headers.add("Set-Cookie", cookie(d, "pulse_refresh", t.refresh, refresh_s));
}

void clear_session(const SessionDeps& d, http::Response& r) {
  r.headers.add("Set-Cookie", cookie(d, "pulse_session", "", 0));
  r.headers.add("Set-Cookie", cookie(d, "pulse_refresh", "", 0));
}

Task<http::Response> login(SessionDeps d) {
  const auto state = crypto::random_token(24), verifier = crypto::random_token(48);
  const auto challenge = crypto::base64url(crypto::sha256(verifier));
  auto r = http::Response::redirect(
      d.issuer_public + "/protocol/openid-connect/auth?response_type=code&client_id=" +
      http::percent_encode(d.client_id) +
      "&scope=openid&redirect_uri=" + http::percent_encode(d.ui_base + "/callback") +
      "&state=" + state + "&code_challenge=" + challenge + "&code_challenge_method=S256");
  r.headers.add("Set-Cookie", cookie(d, "oauth_state", state, handshake_s));
  r.headers.add("Set-Cookie", cookie(d, "oauth_verifier", verifier, handshake_s));
  r.headers.set("Cache-Control", "no-store");
  co_return r;
}

Task<http::Response> callback(SessionDeps d, http::Raw request) {
  const std::string code(request->query_value("code")), state(request->query_value("state"));
  if (code.empty()) co_return back_with(d, "missing_code");
  if (state.empty()) co_return back_with(d, "missing_state");
  const auto known = http::cookie(request->headers, "oauth_state");
  if (!known || !crypto::equal(*known, state)) co_return back_with(d, "state_mismatch");
  const auto verifier = http::cookie(request->headers, "oauth_verifier");
  if (!verifier || verifier->empty()) co_return back_with(d, "missing_verifier");
  // Asked before the issuer: what it gives out can't be asked for again.
  d.tokens->require_good_address(request->client_address);
  const auto tokens = co_await ask_issuer(
      d, "grant_type=authorization_code&client_id=" + http::percent_encode(d.client_id) +
             "&code=" + http::percent_encode(code) +
             "&redirect_uri=" + http::percent_encode(d.ui_base + "/callback") +
             "&code_verifier=" + http::percent_encode(*verifier));
  if (!tokens.granted) co_return back_with(d, "invalid_code");
  const auto who = co_await caller_of(d, tokens.access, request->client_address);
  if (!who) co_return back_with(d, "invalid_token");
  if (!d.issuer_tells_sessions)
    co_await d.audit->record(
        session_event(*who, *request.request, "auth.login", "login", who->username + " signed in"));
  auto r = http::Response::redirect("/app/");
  set_session(d, r, tokens);
  r.headers.add("Set-Cookie", cookie(d, "oauth_state", "", 0));
  r.headers.add("Set-Cookie", cookie(d, "oauth_verifier", "", 0));
  r.headers.set("Cache-Control", "no-store");
  co_return r;
}

/// The issuer's page would ask before it ends the session (Keycloak does): one that is over already
/// leaves nothing to ask, and whoever closes the window has signed out all the same.
Task<> end_session_of(SessionDeps d, std::string refresh_token) {
  auto form = "client_id=" + http::percent_encode(d.client_id) +
              "&refresh_token=" + http::percent_encode(refresh_token);
  try {
    co_await post_to_issuer(d, "logout", std::move(form));
  } catch (const HttpError& e) {
    // It is logged; the cookies go, and the issuer's page can still end the session.
    if (e.status != 503) throw;
  }
}

Task<http::Response> logout(SessionDeps d, http::Raw request) {
  if (!d.issuer_tells_sessions) {
    auto access = http::cookie(request->headers, "pulse_session").value_or("");
    std::optional<tenancy::Caller> who;
    try {
      if (!access.empty()) who = co_await caller_of(d, std::move(access), request->client_address);
    } catch (const HttpError& e) {
      // Whoever it is: leaving is never refused. The event is missing then, and the log says why.
      log::error_throttled("a sign-out without its event", {{"error", e.what()}});
    }
    if (who)
      co_await d.audit->record(session_event(*who, *request.request, "auth.logout", "logout",
                                             who->username + " signed out"));
  }
  if (const auto token = http::cookie(request->headers, "pulse_refresh"); token && !token->empty())
    co_await end_session_of(d, *token);
  auto r = http::Response::redirect(
      d.issuer_public +
      "/protocol/openid-connect/logout?client_id=" + http::percent_encode(d.client_id) +
      "&post_logout_redirect_uri=" + http::percent_encode(d.ui_base + "/"));
  clear_session(d, r);
  r.headers.set("Cache-Control", "no-store");
  co_return r;
}

struct StatusUser {
  std::string email, role;
  std::optional<std::string> tenant_id;
  boost::json::value organization;
  boost::json::object realm_access;
};
BOOST_DESCRIBE_STRUCT(StatusUser, (), (email, role, tenant_id, organization, realm_access))
struct Status {
  bool authenticated = true;
  StatusUser user;
  std::int64_t expires_in = 0, refresh_seconds = 5;
};
BOOST_DESCRIBE_STRUCT(Status, (), (authenticated, user, expires_in, refresh_seconds))

std::string main_role(const tenancy::Caller& who) {
  for (const char* role : {"operator-admin", "operator", "tenant-admin", "customer"})
    if (who.has_role(role)) return role;
  return "";
}

Task<http::Response> status(SessionDeps d, http::Raw request) {
  const auto anonymous = [] {
    return http::Response::json(200, "{\"authenticated\":false}").with("Cache-Control", "no-store");
  };
  bool by_cookie = false;
  auto token = tenancy::token_of(*request.request, by_cookie);
  if (token.empty()) co_return anonymous();
  Status out;
  out.refresh_seconds = d.refresh_seconds;
  bool valid = true;
  try {
    const auto who = co_await d.tokens->verify(std::move(token), request->client_address);
    out.user.email = who.email;
    out.user.role = main_role(who);
    if (!who.tenant_id.empty()) out.user.tenant_id = who.tenant_id;
    out.user.organization = who.organization;
    boost::json::array roles;
    for (const auto& role : who.roles) roles.emplace_back(role);
    out.user.realm_access["roles"] = std::move(roles);
    out.expires_in = who.expires_at_s - now_ms() / 1000;
    // Within the leeway a token still serves, but a session that is over must be refreshed.
    valid = out.expires_in > 0;
  } catch (const HttpError& e) {
    if (e.status != 401) throw;
    valid = false;
  }
  if (!valid) co_return anonymous();
  co_return http::Response::json(200, json::to_text(out)).with("Cache-Control", "no-store");
}

Task<http::Response> refresh(SessionDeps d, http::Raw request) {
  const auto token = http::cookie(request->headers, "pulse_refresh");
  if (!token || token->empty()) throw HttpError(401, "Missing refresh token");
  // Asked before the issuer: it turns the refresh token, and the old one would be lost.
  d.tokens->require_good_address(request->client_address);
  const auto tokens = co_await ask_issuer(
      d, "grant_type=refresh_token&client_id=" + http::percent_encode(d.client_id) +
             "&refresh_token=" + http::percent_encode(*token));
  std::optional<tenancy::Caller> who;
  if (tokens.granted) who = co_await caller_of(d, tokens.access, request->client_address);
  if (!who) {
    const tenancy::Caller nobody;
    auto event = session_event(nobody, *request.request, "auth.token_refresh", "auth_token_refresh",
                               "Session refresh refused");
    event.severity = "warning";
    co_await d.audit->record(std::move(event));
    auto r = http::Response::json(401, "{\"success\":false}");
    clear_session(d, r);
    r.headers.set("Cache-Control", "no-store");
    co_return r;
  }
  // Every open page does it again and again: told to the platform, no line in the tenant's log.
  auto event = session_event(*who, *request.request, "auth.token_refresh", "auth_token_refresh",
                             "Session refreshed");
  event.tenant_id.clear();
  event.category = "auth";
  d.audit->write(std::move(event));
  auto r = http::Response::json(
      200, "{\"success\":true,\"expires_in\":" + std::to_string(tokens.expires_in) + "}");
  set_session(d, r, tokens);
  r.headers.set("Cache-Control", "no-store");
  co_return r;
}

struct RefreshAnswer {
  bool success = true;
  std::optional<std::int64_t> expires_in;
};
BOOST_DESCRIBE_STRUCT(RefreshAnswer, (), (success, expires_in))

}  // namespace

void mount_session(http::Router& api, SessionDeps d) {
  api.get("/login", http::bound(d, login))
      .open("the way in")
      .tag("Session")
      .success(302)
      .summary("Go to the sign-in page");
  api.get("/callback", http::bound(d, callback))
      .open("the issuer sends browsers here")
      .tag("Session")
      .success(302)
      .summary("Finish the sign-in")
      .fails(503, "Auth service unavailable");
  api.get("/logout", http::bound(d, logout))
      .open("the way out")
      .tag("Session")
      .success(302)
      .summary("End the session");
  api.get("/api/auth/status", http::bound(d, status))
      .open("says whether anyone is signed in")
      .tag("Session")
      .summary("Who is signed in")
      .returns<boost::json::object>();
  api.post("/api/auth/refresh", http::bound(d, refresh))
      .open("the refresh cookie is checked")
      .tag("Session")
      .summary("Renew the session")
      .returns<RefreshAnswer>()
      .fails(401, "Missing refresh token")
      .fails_with<RefreshAnswer>(401, "Missing refresh token")
      .fails(503, "Auth service unavailable");
}

}  // namespace pulse::gateway
