#pragma once
// The issuer behind a Router, on a real PostgreSQL, with a browser that keeps cookies.
#include <boost/json.hpp>
#include <map>

#include "identity/issuer.hpp"
#include "identity/refresh_token.hpp"
#include "pg_fixture.hpp"
#include "platform/nats/client.hpp"
#include "smtp_capture.hpp"
#include "tenancy/authenticator.hpp"
#include "tenancy/guard.hpp"
#include "tenancy/request_limits.hpp"

namespace pulse::test {

/// Cookies of one browser; a deleted one is gone.
using Jar = std::map<std::string, std::string>;

class IssuerTest : public PgTest {
 public:
  static constexpr const char* base = "/realms/pulse/";
  static constexpr const char* verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  static constexpr const char* challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
  static constexpr const char* callback = "https://pulse.example/callback";

  crypto::Sealer sealer{{std::string(64, 'a')}};
  pg::Pool pool{io.get_executor(), options()};
  nats::Client nobody{nats::Options{"nats://127.0.0.1:1", "test"}};  // nothing listens there
  SmtpCapture mail_server;
  identity::IssuerDeps deps;
  http::Router router;
  std::string user_id;

  IssuerTest() {
    deps.pool = &pool;
    deps.keys = std::make_shared<identity::KeyStore>(sealer);
    deps.passwords = std::make_shared<identity::PasswordWorkers>();
    deps.failures_by_address = std::make_shared<tenancy::FailureLimit>(100, 60, 1000);
    deps.failures_by_user = std::make_shared<tenancy::FailureLimit>(10, 300, 1000);
    deps.settings.base_url = "https://pulse.example";
    deps.settings.redirect_origins.push_back("https://pulse.example");
    deps.settings.form_key = "form key";
    deps.settings.password_grant = true;
    deps.settings.application_url = "https://pulse.example";
    deps.resets_by_address = std::make_shared<tenancy::FailureLimit>(10, 3600, 1000);
    deps.audit = std::make_shared<tenancy::AuditLog>(io.get_executor(), pool, "test");
    deps.revocations = std::make_shared<tenancy::Revocations>(nobody, io.get_executor());
    mail::MailerOptions mail;
    mail.host = "127.0.0.1";
    mail.port = mail_server.port();
    mail.security = "none";
    deps.links.mailer = std::make_shared<mail::Mailer>(mail);
    deps.links.issuer = "https://pulse.example/realms/pulse";
    await(deps.keys->refresh(pool));
    identity::NewUser u;
    u.username = "ada";
    u.email = "ada@demo.example";
    u.first_name = "Ada";
    u.last_name = "Byron";
    u.password = "right password";
    u.roles = {"customer", "tenant-admin"};
    u.tenant_id = "demo";
    user_id = await(identity::ensure_user(pool, u));
  }

  /// Endpoints take settings when they are mounted.
  void mount() {
    identity::mount(router, deps);
    tenancy::TokenRules rules;
    rules.issuer = identity::issuer_of(deps.settings);
    rules.audience = deps.settings.client_id;
    auto keys = std::make_shared<tenancy::KeySet>(
        [store = deps.keys]() -> Task<std::string> { co_return store->jwks(); }, 300);
    tenancy::AuthenticatorDeps door;
    door.pool = &pool;
    door.tokens = std::make_shared<tenancy::TokenVerifier>(keys, rules);
    door.api_tokens = std::make_shared<tenancy::ApiTokens>(nobody, io.get_executor(), nullptr);
    door.revocations = deps.revocations;
    door.failures = std::make_shared<tenancy::FailureLimit>(100, 60, 1000);
    tenancy::GuardDeps guard;
    guard.pool = &pool;
    guard.tokens = std::make_shared<tenancy::Authenticator>(door);
    guard.memberships = std::make_shared<tenancy::Memberships>(nobody, io.get_executor());
    guard.limits = std::make_shared<tenancy::RequestLimits>(tenancy::RequestLimitOptions{});
    guard.audit = deps.audit;
    router.authorize_with(tenancy::guard(guard));
    router.check();
  }

  using Fields = std::vector<std::pair<std::string, std::string>>;
  static std::string encoded(const Fields& fields) {
    std::string out;
    for (const auto& [name, value] : fields)
      out += (out.empty() ? "" : "&") + name + "=" + http::percent_encode(value);
    return out;
  }

  http::Response send(http::Request r, Jar& jar) {
    r.client_address = r.peer_address = "203.0.113.9";
    std::string cookies;
    for (const auto& [name, value] : jar)
      cookies += (cookies.empty() ? "" : "; ") + name + "=" + value;
    if (!cookies.empty()) r.headers.add("Cookie", cookies);
    auto answer = await(router.handle(r));
    for (const auto& [name, value] : answer.headers.all()) {
      if (name != "Set-Cookie") continue;
      const auto pair = value.substr(0, value.find(';'));
      const auto key = pair.substr(0, pair.find('='));
      if (value.find("Max-Age=0") != std::string::npos)
        jar.erase(key);
      else
        jar[key] = pair.substr(pair.find('=') + 1);
    }
    return answer;
  }
  http::Response get(const std::string& path, const Fields& query, Jar& jar) {
    http::Request r;
    r.method = "GET";
    r.path = base + path;
    r.target = r.path + "?" + encoded(query);
    r.query = query;
    return send(std::move(r), jar);
  }
  http::Response post(const std::string& path, const Fields& form, Jar& jar) {
    http::Request r;
    r.method = "POST";
    r.path = r.target = base + path;
    r.headers.add("Content-Type", "application/x-www-form-urlencoded");
    r.headers.add("User-Agent", "test \xe9\xff");
    r.body = encoded(form);
    return send(std::move(r), jar);
  }
  http::Response post(const std::string& path, const Fields& form) {
    Jar none;
    return post(path, form, none);
  }

  static Fields auth_query() {
    return {{"client_id", "pulse-ui"},     {"redirect_uri", callback},
            {"response_type", "code"},     {"scope", "openid profile"},
            {"state", "a state"},          {"nonce", "n-1"},
            {"code_challenge", challenge}, {"code_challenge_method", "S256"}};
  }
  static Fields with(Fields fields, const std::string& name, const std::string& value) {
    std::erase_if(fields, [&](const auto& f) { return f.first == name; });
    if (!value.empty()) fields.emplace_back(name, value);
    return fields;
  }
  static std::string between(const std::string& text, const std::string& before,
                             const std::string& after) {
    const auto at = text.find(before);
    if (at == std::string::npos) return {};
    const auto start = at + before.size();
    return text.substr(start, text.find(after, start) - start);
  }
  static std::string hidden_value(const http::Response& page) {
    return between(page.body, "name=\"request\" value=\"", "\"");
  }
  /// A parameter of the address that an answer redirects to.
  static std::string redirected(const http::Response& r, const std::string& name) {
    std::string url(r.headers.get("Location"));
    const auto start = url.find_first_of("?#");
    if (start == std::string::npos) return {};
    return identity::Form(std::string_view(url).substr(start + 1)).get(name);
  }
  http::Response sign_in(Jar& jar, const Fields& query, const std::string& username = "ada",
                         const std::string& password = "right password") {
    const auto page = get("protocol/openid-connect/auth", query, jar);
    return post("login-actions/authenticate",
                {{"request", hidden_value(page)}, {"username", username}, {"password", password}},
                jar);
  }
  http::Response exchange(const std::string& code, const std::string& code_verifier = verifier,
                          const std::string& redirect_uri = callback) {
    return post("protocol/openid-connect/token", {{"grant_type", "authorization_code"},
                                                  {"client_id", "pulse-ui"},
                                                  {"code", code},
                                                  {"redirect_uri", redirect_uri},
                                                  {"code_verifier", code_verifier}});
  }
  http::Response refresh(const std::string& token) {
    return post(
        "protocol/openid-connect/token",
        {{"grant_type", "refresh_token"}, {"client_id", "pulse-ui"}, {"refresh_token", token}});
  }
  http::Response by_password(const std::string& username, const std::string& password) {
    return post("protocol/openid-connect/token", {{"grant_type", "password"},
                                                  {"client_id", "pulse-ui"},
                                                  {"username", username},
                                                  {"password", password},
                                                  {"scope", "openid admin email"}});
  }
  /// Tokens of a whole sign-in in this browser.
  boost::json::object tokens_of(Jar& jar) {
    const bool known = jar.contains("PULSE_SSO");
    const auto r =
        known ? get("protocol/openid-connect/auth", auth_query(), jar) : sign_in(jar, auth_query());
    return object(exchange(redirected(r, "code")));
  }

  static boost::json::object object(const http::Response& r) {
    return boost::json::parse(r.body).as_object();
  }
  static std::string text(const boost::json::object& o, std::string_view name) {
    const auto* v = o.if_contains(name);
    return v && v->is_string() ? std::string(v->get_string()) : std::string();
  }
  static std::string error_of(const http::Response& r) { return text(object(r), "error"); }
  /// The payload, unverified.
  static boost::json::object claims(const std::string& token) {
    const auto first = token.find('.');
    const auto part = token.substr(first + 1, token.rfind('.') - first - 1);
    return boost::json::parse(crypto::from_base64(part).value()).as_object();
  }
  /// Security events so far, "type" or "type name", oldest first and joined by line breaks.
  std::string security_events() {
    await(deps.audit->flush());
    return admin(
        "SELECT coalesce(string_agg(event_type || coalesce(' ' || (details ->> 'name'), ''), "
        "E'\n' ORDER BY id), '') FROM audit_log WHERE category = 'security'");
  }
  /// The link of the last email, once `count` of them arrived: path and query below the realm.
  std::string link_of_email(std::size_t count) {
    const bool arrived = await(eventually([&] { return mail_server.emails().size() >= count; }));
    EXPECT_TRUE(arrived);
    EXPECT_EQ(mail_server.emails().size(), count);
    const auto link = mail_server.emails().back().link("https://pulse.example/realms/pulse/");
    return link.substr(std::string("https://pulse.example/realms/pulse/").size());
  }
  static std::string key_of(const std::string& link) { return link.substr(link.find("key=") + 4); }
  http::Response open_link(const std::string& link, Jar& jar) {
    return get("login-actions/action-token", {{"key", key_of(link)}}, jar);
  }
  /// Fills the form of a link in.
  http::Response choose(const std::string& link, const std::string& password,
                        const std::string& confirmation, Jar& jar) {
    const auto page = open_link(link, jar);
    return post_link(link, hidden_value(page), password, confirmation, jar);
  }
  http::Response post_link(const std::string& link, const std::string& request,
                           const std::string& password, const std::string& confirmation, Jar& jar) {
    http::Request r;
    r.method = "POST";
    r.path = std::string(base) + "login-actions/action-token";
    r.target = r.path + "?key=" + key_of(link);
    r.query = {{"key", key_of(link)}};
    r.headers.add("Content-Type", "application/x-www-form-urlencoded");
    r.body =
        encoded({{"request", request}, {"password", password}, {"confirmation", confirmation}});
    return send(std::move(r), jar);
  }
  std::string live_sessions() { return admin("SELECT count(*) FROM identity.sessions"); }
};

}  // namespace pulse::test
