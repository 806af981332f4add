// What clients read about the issuer: metadata, keys, user info; and the two helper pages that
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
  out["claims_supported"] = boost::json::array{"sub", "iss", "aud", "exp", "preferred_username",
                                               "email", "name", "organization", "realm_access"};
  co_return out;
}

Task<http::Response> keys(IssuerDeps d) {
  if (!d.keys->ready()) throw unavailable("The issuer is starting");
  co_return http::Response::json(200, d.keys->jwks()).with("Cache-Control", "no-cache");
}

Task<boost::json::object> user_info(IssuerDeps, tenancy::SignedIn caller) {
  boost::json::object out{{"sub", caller.who.user_id},
                          {"preferred_username", caller.who.username}};
  if (!caller.who.email.empty()) out["email"] = caller.who.email;
  if (!caller.who.tenant_id.empty()) out["organization"] = caller.who.organization;
  co_return out;
}

/// A page for a frame of the application: it may be framed by the origins that may sign in here.
http::Response frame_page(const IssuerDeps& d, const std::string& script) {
  const auto nonce = crypto::random_token(16);
  auto r = http::Response::html(200, "<!doctype html><html><head><meta charset=utf-8></head><body>"
                                     "<script nonce=\"" + nonce + "\">" + script +
                                     "</script></body></html>");
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

std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

const std::string page_style = R"css(
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#16191d;--muted:#5b6470;--line:#d5dae1;
--accent:#0b6e6e;--danger:#b3261e}
@media(prefers-color-scheme:dark){:root{--bg:#0f1216;--card:#171b21;--text:#e7eaee;--muted:#9aa4b1;
--line:#2b323b;--accent:#3fb8b0;--danger:#ff8f87}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;
background:var(--bg);color:var(--text);font:14px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{width:min(360px,calc(100vw - 32px));background:var(--card);border:1px solid var(--line);
border-radius:10px;padding:28px}
h1{font-size:20px;margin:0 0 4px}p{margin:0 0 16px;color:var(--muted)}
label{display:block;font-weight:600;margin:12px 0 4px}
input{width:100%;padding:9px 10px;border:1px solid var(--line);border-radius:6px;font:inherit;
background:var(--bg);color:var(--text)}
input:focus-visible,button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
button{width:100%;margin-top:20px;padding:10px;border:0;border-radius:6px;font:inherit;
font-weight:600;background:var(--accent);color:#fff;cursor:pointer}
@media(prefers-color-scheme:dark){button{color:#07201f}}
.error{color:var(--danger);font-weight:600;margin:12px 0 0}.hint{font-size:12px;margin:16px 0 0}
)css";

http::Response page(int status, const std::string& title, const std::string& body,
                    const std::string& form_action) {
  const auto nonce = crypto::random_token(16);
  auto r = http::Response::html(
      status, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
              "content=\"width=device-width, initial-scale=1\"><title>" + html(title) +
              " - Pulse</title><style nonce=\"" + nonce + "\">" + page_style +
              "</style></head><body><main>" + body + "</main></body></html>");
  r.headers.set("Content-Security-Policy",
                "default-src 'none'; style-src 'nonce-" + nonce + "'; form-action " + form_action +
                    "; base-uri 'none'; frame-ancestors 'none'");
  r.headers.set("Cache-Control", "no-store");
  return r;
}

}  // namespace

http::Response sign_in_page(const IssuerSettings& s, const std::string& action,
                            const std::string& request, const std::string& username,
                            const std::string& error, const std::string& redirect_origin,
                            int status) {
  std::string body = "<h1>Sign in to Pulse</h1><p>to go on to " + html(s.client_id) + "</p>";
  body += "<form method=\"post\" action=\"" + html(action) + "\">";
  body += "<input type=\"hidden\" name=\"request\" value=\"" + html(request) + "\">";
  body += "<label for=\"username\">User name or email</label><input id=\"username\" name=\"username\" "
          "autocomplete=\"username\" autocapitalize=\"none\" required value=\"" + html(username) +
          "\"" + (username.empty() ? " autofocus" : "") + ">";
  body += "<label for=\"password\">Password</label><input id=\"password\" name=\"password\" "
          "type=\"password\" autocomplete=\"current-password\" required" +
          std::string(username.empty() ? "" : " autofocus") + ">";
  if (!error.empty()) body += "<p class=\"error\" role=\"alert\">" + html(error) + "</p>";
  body += "<button id=\"kc-login\" type=\"submit\">Sign in</button></form>";
  if (!s.demo_hint.empty()) body += "<p class=\"hint\">" + html(s.demo_hint) + "</p>";
  // Browsers apply form-action to where the answer redirects, too.
  return page(status, "Sign in", body, "'self' " + redirect_origin);
}

http::Response message_page(int status, const std::string& title, const std::string& text) {
  return page(status, title, "<h1>" + html(title) + "</h1><p>" + html(text) + "</p>", "'none'");
}

void mount_documents(http::Router& router, const IssuerDeps& d) {
  const auto base = "/realms/" + d.settings.realm + "/";
  const auto oidc = base + "protocol/openid-connect/";
  router.get(base + ".well-known/openid-configuration", http::bound(d, metadata))
      .open("clients read it").tag("Issuer").summary("OpenID Provider metadata");
  router.get(oidc + "certs", http::bound(d, keys)).open("verifiers read it").tag("Issuer")
      .summary("Public keys (JWKS)").returns<boost::json::object>();
  router.get(oidc + "userinfo", http::bound(d, user_info)).signed_in().tag("Issuer")
      .summary("Claims about the caller");
  router.get(oidc + "login-status-iframe.html", http::bound(d, login_status))
      .open("a frame of the application").hidden();
  router.get(oidc + "3p-cookies/step1.html", http::bound(d, cookie_probe))
      .open("a frame of the application").hidden();
  router.get(oidc + "3p-cookies/step2.html", http::bound(d, cookie_probe))
      .open("a frame of the application").hidden();
}

}  // namespace pulse::identity
