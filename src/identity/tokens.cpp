// The token endpoint (RFC 6749, 3.2): code, refresh, and in development the password grant.
#include "identity/issuer.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"

namespace pulse::identity {

namespace {

/// RFC 6749, 5.2; also for what the limits refuse.
struct Refusal {
  std::string error, error_description;
};
BOOST_DESCRIBE_STRUCT(Refusal, (), (error, error_description))

http::Response refuse(int status, const std::string& error, const std::string& text) {
  auto r = http::Response::json(status, json::to_text(Refusal{error, text}));
  r.headers.set("Cache-Control", "no-store");
  return r;
}

struct TokenAnswer {
  std::string access_token;
  std::int64_t expires_in = 0, refresh_expires_in = 0;
  std::string refresh_token, token_type = "Bearer", id_token, session_state, scope;
};
BOOST_DESCRIBE_STRUCT(TokenAnswer, (),
                      (access_token, expires_in, refresh_expires_in, refresh_token, token_type,
                       id_token, session_state, scope))

http::Response refuse(const HttpError& e) {
  auto r = refuse(e.status, "temporarily_unavailable", e.what());
  for (const auto& [name, value] : e.headers) r.headers.set(name, value);
  return r;
}

http::Response granted(const IssuerDeps& d, const SessionUser& who, const std::string& scope,
                       const std::string& nonce, std::string refresh) {
  auto tokens = make_tokens(d, who, scope, nonce);
  TokenAnswer a;
  a.access_token = std::move(tokens.access);
  a.id_token = std::move(tokens.id);
  a.refresh_token = std::move(refresh);
  a.expires_in = d.settings.access_s;
  a.refresh_expires_in = session_idle_s;
  a.session_state = who.session_id;
  a.scope = scope;
  auto r = http::Response::json(200, json::to_text(a));
  r.headers.set("Cache-Control", "no-store");
  return r;
}

Task<http::Response> by_code(IssuerDeps d, Form form, Visitor from) {
  auto redeemed = co_await redeem_code(*d.pool, form.get("code"));
  if (!redeemed) co_return refuse(400, "invalid_grant", "Code not valid");
  const auto& g = redeemed->grant;
  if (g.client_id != form.get("client_id") || g.redirect_uri != form.get("redirect_uri"))
    co_return refuse(400, "invalid_grant", "Incorrect redirect_uri");
  if (!pkce_fits(form.get("code_verifier"), g.code_challenge))
    co_return refuse(400, "invalid_grant", "PKCE verification failed");
  auto session = co_await open_client_session(*d.pool, d.settings.form_key, redeemed->who.user.id,
                                              redeemed->who.session_id, g.client_id, g.scope,
                                              from.address, from.agent);
  co_return granted(d, redeemed->who, g.scope, g.nonce, std::move(session.refresh_token));
}

Task<http::Response> by_refresh(IssuerDeps d, Form form) {
  auto rotated = co_await rotate_refresh(*d.pool, d.settings.form_key, form.get("refresh_token"));
  if (!rotated) co_return refuse(400, "invalid_grant", "Token is not active");
  co_return granted(d, rotated->who, rotated->who.scope, "", std::move(rotated->refresh_token));
}

Task<http::Response> by_password(IssuerDeps d, Form form, Visitor from) {
  if (!d.settings.password_grant)
    co_return refuse(400, "unauthorized_client", "The password grant is for development only");
  const auto user = co_await check_password(d, form.get("username"), form.get("password"), from);
  if (!user) co_return refuse(401, "invalid_grant", "Invalid user credentials");
  if (user->password_temporary)
    co_return refuse(400, "invalid_grant", "Account is not fully set up");
  const auto scope = granted_scope(form.get("scope"));
  auto session =
      co_await open_client_session(*d.pool, d.settings.form_key, user->id, "", d.settings.client_id,
                                   scope, from.address, from.agent);
  SessionUser who;
  who.user = *user;
  who.session_id = session.id;
  who.signed_in_s = now_ms() / 1000;
  boost::json::object details{{"session_id", session.id}};
  co_await note_security(d, "auth.login", "info",
                         user->username + " signed in by the password grant", &*user, "", from,
                         std::move(details));
  co_return granted(d, who, scope, "", std::move(session.refresh_token));
}

Task<http::Response> grant_for(IssuerDeps d, Form form, Visitor from) {
  const auto grant = form.get("grant_type");
  if (grant.empty()) co_return refuse(400, "invalid_request", "Missing form parameter: grant_type");
  if (form.get("client_id") != d.settings.client_id)
    co_return refuse(401, "invalid_client", "Invalid client");
  if (!d.keys->ready()) throw unavailable("The issuer is starting");
  if (grant == "authorization_code") co_return co_await by_code(d, form, from);
  if (grant == "refresh_token") co_return co_await by_refresh(d, form);
  if (grant == "password") co_return co_await by_password(d, form, from);
  co_return refuse(400, "unsupported_grant_type", "Unsupported grant_type");
}

Task<http::Response> token(IssuerDeps d, http::Raw request) {
  const Form form(request->body);
  const auto from = visitor_of(*request.request);
  std::optional<HttpError> refused;
  try {
    co_return co_await grant_for(d, form, from);
  } catch (const HttpError& e) {
    refused = e;
  }
  co_return refuse(*refused);
}

/// What the forms of this endpoint hold, for the document.
struct TokenForm {
  std::string grant_type, client_id;
  std::optional<std::string> code, redirect_uri, code_verifier, refresh_token, username, password,
      scope;
};
BOOST_DESCRIBE_STRUCT(TokenForm, (),
                      (grant_type, client_id, code, redirect_uri, code_verifier, refresh_token,
                       username, password, scope))
struct RevocationForm {
  std::string token;
};
BOOST_DESCRIBE_STRUCT(RevocationForm, (), (token))

/// RFC 7009: 200 whether or not the token was known.
Task<http::Response> revoke(IssuerDeps d, http::Raw request) {
  const Form form(request->body);
  co_await end_session_of_refresh(*d.pool, d.settings.form_key, form.get("token"), false);
  http::Response r;
  co_return r;
}

}  // namespace

void mount_tokens(http::Router& router, const IssuerDeps& d) {
  const auto oidc = "/realms/" + d.settings.realm + "/protocol/openid-connect/";
  router.post(oidc + "token", http::bound(d, token))
      .open("clients prove themselves in the form")
      .secret()
      .tag("Issuer")
      .summary("Token endpoint")
      .form<TokenForm>()
      .returns<TokenAnswer>()
      .max_body(64 * 1024)
      .fails_with<Refusal>(400, "invalid_grant")
      .fails_with<Refusal>(401, "invalid_client")
      .fails_with<Refusal>(429, "Too many failed sign-ins")
      .fails_with<Refusal>(503, "Too many sign-ins at once");
  router.post(oidc + "revoke", http::bound(d, revoke))
      .open("the token itself is the proof")
      .tag("Issuer")
      .summary("Revocation endpoint")
      .form<RevocationForm>()
      .max_body(64 * 1024);
}

}  // namespace pulse::identity
