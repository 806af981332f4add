// What clients read about the issuer: metadata, keys, user info; and the helper pages that
// keycloak-js loads into frames.
#include "identity/issuer.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"

namespace pulse::identity {

namespace {

Task<boost::json::object> metadata(IssuerDeps d) {
  const auto issuer = issuer_of(d.settings);
  const auto oidc = issuer + "/protocol/openid-connect/";
  boost::json::array grants{"authorization_code", "refresh_token"};
  if (d.settings.password_grant) grants.emplace_back("password");
  boost::json::object out;
  out["issuer"] = issuer;
  out["authorization_endpoint"] = oidc + "auth";
  out["token_endpoint"] = oidc + "token";
  out["userinfo_endpoint"] = oidc + "userinfo";
  out["end_session_endpoint"] = oidc + "logout";
  out["revocation_endpoint"] = oidc + "revoke";
  out["jwks_uri"] = oidc + "certs";
  out["check_session_iframe"] = oidc + "login-status-iframe.html";
  out["grant_types_supported"] = std::move(grants);
  out["response_types_supported"] = boost::json::array{"code"};
  out["response_modes_supported"] = boost::json::array{"query", "fragment"};
  out["subject_types_supported"] = boost::json::array{"public"};
  out["id_token_signing_alg_values_supported"] = boost::json::array{"RS256"};
  out["code_challenge_methods_supported"] = boost::json::array{"S256"};
  out["token_endpoint_auth_methods_supported"] = boost::json::array{"none"};
  out["scopes_supported"] = boost::json::array{"openid", "profile", "email", "organization"};
  out["prompt_values_supported"] = boost::json::array{"none", "login"};
  out["authorization_response_iss_parameter_supported"] = true;
  out["claims_supported"] = boost::json::array{
      "sub",          "iss",       "aud",         "exp",         "preferred_username",
      "email",        "name",      "given_name",  "family_name", "sid",
      "organization", "tenant_id", "realm_access"};
  co_return out;
}

Task<http::Response> keys(IssuerDeps d) {
  if (!d.keys->ready()) throw unavailable("The issuer is starting");
  co_return http::Response::json(200, d.keys->jwks()).with("Cache-Control", "no-cache");
}

Task<boost::json::object> user_info(IssuerDeps d, tenancy::SignedIn caller) {
  const auto user = co_await user_of_id(*d.pool, caller.who.user_id);
  if (!user || !user->enabled) throw unauthorized("Invalid token");
  boost::json::object out{{"sub", user->id}};
  add_profile(out, *user);
  co_return out;
}

/// A page for a frame of the application: it may be framed by the origins that may sign in here.
http::Response frame_page(const IssuerDeps& d, const std::string& script) {
  const auto nonce = crypto::random_token(16);
  auto r = http::Response::html(200,
                                "<!doctype html><html><head><meta charset=utf-8></head><body>"
                                "<script nonce=\"" +
                                    nonce + "\">" + script + "</script></body></html>");
  std::string ancestors = "'self'";
  for (const auto& origin : d.settings.redirect_origins) ancestors += " " + origin;
  if (d.settings.any_local_port) ancestors += " http://localhost:* http://127.0.0.1:*";
  r.headers.set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-" + nonce +
                                               "'; frame-ancestors " + ancestors);
  r.headers.set("Cache-Control", "no-store");
  return r;
}

/// Answers "{client} {session}" with "unchanged" or "changed" (OpenID Connect Session Management).
Task<http::Response> login_status(IssuerDeps d) {
  co_return frame_page(d, R"js(
    addEventListener('message', (event) => {
      if (typeof event.data !== 'string') return;
      const session = event.data.split(' ')[1] || '';
      const found = document.cookie.split('; ').find((c) => c.startsWith('PULSE_SESSION_STATE='));
      const known = found ? found.split('=')[1] : '';
      event.source.postMessage(known === session ? 'unchanged' : 'changed', event.origin);
    });)js");
}

/// Tells whether cookies reach this page inside a frame of the application.
Task<http::Response> cookie_probe(IssuerDeps d) {
  co_return frame_page(d, R"js(
    document.cookie = 'PULSE_PROBE=1; path=/; SameSite=Lax';
    parent.postMessage(document.cookie.includes('PULSE_PROBE=1') ? 'supported' : 'unsupported', '*');
    document.cookie = 'PULSE_PROBE=; path=/; max-age=0';)js");
}

}  // namespace

void mount_documents(http::Router& router, const IssuerDeps& d) {
  const auto base = "/realms/" + d.settings.realm + "/";
  const auto oidc = base + "protocol/openid-connect/";
  router.get(base + ".well-known/openid-configuration", http::bound(d, metadata))
      .open("clients read it")
      .tag("Issuer")
      .summary("OpenID Provider metadata");
  router.get(oidc + "certs", http::bound(d, keys))
      .open("verifiers read it")
      .tag("Issuer")
      .summary("Public keys (JWKS)")
      .returns<boost::json::object>();
  router.get(oidc + "userinfo", http::bound(d, user_info))
      .signed_in()
      .tag("Issuer")
      .summary("Claims about the caller");
  router.post(oidc + "userinfo", http::bound(d, user_info)).signed_in().hidden();
  router.get(oidc + "login-status-iframe.html", http::bound(d, login_status))
      .open("a frame of the application")
      .hidden();
  router.get(oidc + "3p-cookies/step1.html", http::bound(d, cookie_probe))
      .open("a frame of the application")
      .hidden();
  router.get(oidc + "3p-cookies/step2.html", http::bound(d, cookie_probe))
      .open("a frame of the application")
      .hidden();
}

}  // namespace pulse::identity
