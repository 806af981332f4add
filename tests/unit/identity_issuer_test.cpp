// Signing in through the router, as a browser and keycloak-js do it.
#include "identity/issuer.hpp"
#include "identity_fixture.hpp"
#include "tenancy/guard.hpp"

namespace pulse::test {
namespace {

TEST_F(IssuerTest, code_flow_gives_tokens_that_the_guard_takes) {
  mount();
  Jar jar;
  const auto page = get("protocol/openid-connect/auth", auth_query(), jar);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.get("Cache-Control"), "no-store");
  const auto policy = std::string(page.headers.get("Content-Security-Policy"));
  EXPECT_NE(policy.find("form-action 'self' https://pulse.example;"), std::string::npos) << policy;
  EXPECT_EQ(page.body.find("<script"), std::string::npos);
  EXPECT_NE(page.body.find("<h1>Sign in to your fleet</h1>"), std::string::npos);

  const auto signed_in = sign_in(jar, auth_query());
  ASSERT_EQ(signed_in.status, 302) << signed_in.body;
  EXPECT_TRUE(signed_in.headers.get("Location").starts_with(std::string(callback) + "?"));
  EXPECT_EQ(redirected(signed_in, "state"), "a state");
  EXPECT_EQ(redirected(signed_in, "iss"), "https://pulse.example/realms/pulse");
  EXPECT_EQ(redirected(signed_in, "session_state"), jar["PULSE_SESSION_STATE"]);
  for (const auto& [name, value] : signed_in.headers.all())
    if (name == "Set-Cookie" && value.starts_with("PULSE_SSO")) {
      EXPECT_NE(value.find("HttpOnly"), std::string::npos);
      EXPECT_NE(value.find("SameSite=Lax"), std::string::npos);
      EXPECT_NE(value.find("Path=/realms/pulse/"), std::string::npos);
    }

  const auto code = redirected(signed_in, "code");
  const auto answer = exchange(code);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.headers.get("Cache-Control"), "no-store");
  const auto tokens = object(answer);
  EXPECT_EQ(tokens.at("token_type"), "Bearer");
  EXPECT_EQ(tokens.at("expires_in"), 300);
  EXPECT_EQ(tokens.at("scope"), "openid profile");
  EXPECT_EQ(claims(text(tokens, "id_token")).at("nonce"), "n-1");
  EXPECT_EQ(text(claims(text(tokens, "access_token")), "sid"), jar["PULSE_SESSION_STATE"]);
  EXPECT_EQ(error_of(exchange(code)), "invalid_grant") << "a code is good once";

  http::Request r;
  r.method = "GET";
  r.path = r.target = std::string(base) + "protocol/openid-connect/userinfo";
  r.headers.add("Authorization", "Bearer " + text(tokens, "access_token"));
  Jar none;
  const auto info = send(std::move(r), none);
  ASSERT_EQ(info.status, 200) << info.body;
  EXPECT_EQ(object(info).at("name"), "Ada Byron");
  EXPECT_EQ(text(object(info), "sub"), user_id);
}

TEST_F(IssuerTest, client_and_address_are_checked_before_anything_redirects) {
  mount();
  Jar jar;
  for (const auto& [name, value] :
       Fields{{"client_id", "another"},
              {"client_id", ""},
              {"redirect_uri", ""},
              {"redirect_uri", "https://evil.example/"},
              {"redirect_uri", "https://pulse.example@evil.example/"}}) {
    const auto r = get("protocol/openid-connect/auth", with(auth_query(), name, value), jar);
    EXPECT_EQ(r.status, 400) << name << "=" << value;
    EXPECT_EQ(r.headers.find("Location"), nullptr);
    EXPECT_TRUE(r.headers.get("Content-Type").starts_with("text/html"));
  }
}

TEST_F(IssuerTest, faults_of_a_known_client_go_back_to_it) {
  mount();
  Jar jar;
  const auto error = [&](const std::string& name, const std::string& value) {
    const auto r = get("protocol/openid-connect/auth", with(auth_query(), name, value), jar);
    EXPECT_EQ(r.status, 302);
    EXPECT_EQ(redirected(r, "state"), name == "state" ? value : "a state");
    return redirected(r, "error");
  };
  EXPECT_EQ(error("response_type", "token"), "unsupported_response_type");
  EXPECT_EQ(error("code_challenge", ""), "invalid_request");
  EXPECT_EQ(error("code_challenge_method", "plain"), "invalid_request");
  EXPECT_EQ(error("response_mode", "form_post"), "invalid_request");
  EXPECT_EQ(error("state", "\xff\xfe"), "invalid_request");
  EXPECT_EQ(error("nonce", std::string(5000, 'n')), "invalid_request");
  EXPECT_EQ(error("prompt", "none"), "login_required");
  const auto r = get("protocol/openid-connect/auth",
                     with(with(with(auth_query(), "prompt", "none"), "response_mode", "fragment"),
                          "redirect_uri", std::string(callback) + "?a=1#old"),
                     jar);
  EXPECT_TRUE(r.headers.get("Location").starts_with(std::string(callback) + "?a=1#error=login_"))
      << r.headers.get("Location");
}

TEST_F(IssuerTest, a_browser_that_is_signed_in_is_not_asked_again) {
  mount();
  Jar jar;
  sign_in(jar, auth_query());
  const auto silent =
      get("protocol/openid-connect/auth", with(auth_query(), "prompt", "none"), jar);
  EXPECT_EQ(silent.status, 302);
  EXPECT_EQ(exchange(redirected(silent, "code")).status, 200);
  EXPECT_EQ(get("protocol/openid-connect/auth", with(auth_query(), "prompt", "login"), jar).status,
            200);
  admin("UPDATE identity.users SET enabled = false");
  const auto disabled =
      get("protocol/openid-connect/auth", with(auth_query(), "prompt", "none"), jar);
  EXPECT_EQ(redirected(disabled, "error"), "login_required");
}

TEST_F(IssuerTest, a_code_is_bound_to_verifier_and_address) {
  mount();
  Jar jar;
  sign_in(jar, auth_query());
  const auto code = [&] {
    return redirected(get("protocol/openid-connect/auth", auth_query(), jar), "code");
  };
  EXPECT_EQ(error_of(exchange(code(), std::string(43, 'x'))), "invalid_grant");
  EXPECT_EQ(error_of(exchange(code(), "")), "invalid_grant");
  EXPECT_EQ(error_of(exchange(code(), verifier, "https://pulse.example/other")), "invalid_grant");
  const auto late = code();
  admin("UPDATE identity.auth_codes SET expires_at = now() - interval '1 second'");
  EXPECT_EQ(error_of(exchange(late)), "invalid_grant");
  EXPECT_EQ(error_of(exchange("made-up")), "invalid_grant");
  EXPECT_EQ(error_of(exchange("")), "invalid_grant");
}

TEST_F(IssuerTest, the_form_belongs_to_the_browser_that_got_it) {
  mount();
  Jar mine, other;
  const auto form = hidden_value(get("protocol/openid-connect/auth", auth_query(), mine));
  ASSERT_FALSE(form.empty());
  get("protocol/openid-connect/auth", auth_query(), other);
  const Fields posted{{"request", form}, {"username", "ada"}, {"password", "right password"}};
  EXPECT_EQ(post("login-actions/authenticate", posted, other).status, 400);
  EXPECT_EQ(post("login-actions/authenticate", posted).status, 400);
  auto changed = posted;
  changed[0].second[3] ^= 1;
  EXPECT_EQ(post("login-actions/authenticate", changed, mine).status, 400);
  EXPECT_EQ(live_sessions(), "0");
  EXPECT_EQ(post("login-actions/authenticate", posted, mine).status, 302);
}

TEST_F(IssuerTest, a_wrong_password_shows_the_form_again_escaped) {
  mount();
  Jar jar;
  const auto r = sign_in(jar, auth_query(), "<b>\"ada'", "wrong");
  EXPECT_EQ(r.status, 401);
  EXPECT_NE(r.body.find("role=\"alert\""), std::string::npos);
  EXPECT_EQ(r.body.find("<b>"), std::string::npos);
  EXPECT_NE(r.body.find("&lt;b&gt;&quot;ada&#39;"), std::string::npos);
  EXPECT_FALSE(hidden_value(r).empty()) << "and it can be sent again";
}

TEST_F(IssuerTest, refresh_tokens_rotate_and_two_tabs_get_the_same_next) {
  mount();
  Jar jar;
  const auto first = text(tokens_of(jar), "refresh_token");
  const auto one = object(refresh(first)), two = object(refresh(first));
  const auto second = text(one, "refresh_token");
  EXPECT_NE(second, first);
  EXPECT_EQ(second, text(two, "refresh_token"));
  EXPECT_EQ(text(claims(text(one, "access_token")), "sid"), jar["PULSE_SESSION_STATE"]);
  EXPECT_EQ(refresh(second).status, 200);
  EXPECT_EQ(admin("SELECT count(*) FROM identity.sessions WHERE refresh_hash LIKE '%.%'"), "0");
}

TEST_F(IssuerTest, reuse_of_any_earlier_token_ends_the_session) {
  mount();
  for (const int generations : {1, 3}) {
    Jar jar;
    const auto stolen = text(tokens_of(jar), "refresh_token");
    auto current = stolen;
    for (int i = 0; i < generations; ++i) {
      current = text(object(refresh(current)), "refresh_token");
      admin("UPDATE identity.sessions SET last_used_at = last_used_at - interval '11 seconds'");
    }
    const auto refused = refresh(stolen);
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(error_of(refused), "invalid_grant");
    EXPECT_EQ(error_of(refresh(current)), "invalid_grant");
    EXPECT_EQ(live_sessions(), "0") << "the browser's too";
  }
}

TEST_F(IssuerTest, a_made_up_token_ends_nobodys_session) {
  mount();
  Jar jar;
  const auto good = text(tokens_of(jar), "refresh_token");
  auto forged = good;
  forged[60] = forged[60] == 'A' ? 'B' : 'A';
  EXPECT_EQ(error_of(refresh(forged)), "invalid_grant");
  EXPECT_EQ(error_of(refresh("")), "invalid_grant");
  EXPECT_EQ(error_of(refresh("a.b.c")), "invalid_grant");
  EXPECT_EQ(refresh(good).status, 200);
}

TEST_F(IssuerTest, tabs_of_one_browser_refresh_apart_and_end_together) {
  mount();
  Jar jar;
  const auto one = text(tokens_of(jar), "refresh_token");
  const auto two = text(tokens_of(jar), "refresh_token");
  const auto one_next = text(object(refresh(one)), "refresh_token");
  EXPECT_EQ(refresh(two).status, 200);
  EXPECT_EQ(refresh(one_next).status, 200);
  EXPECT_EQ(live_sessions(), "3");
  get("protocol/openid-connect/logout", {}, jar);
  EXPECT_EQ(live_sessions(), "0");
}

TEST_F(IssuerTest, sessions_end_idle_and_in_all) {
  mount();
  Jar jar;
  auto token = text(tokens_of(jar), "refresh_token");
  admin("UPDATE identity.sessions SET created_at = created_at - interval '9 hours 59 minutes'");
  token = text(object(refresh(token)), "refresh_token");
  EXPECT_EQ(admin("SELECT bool_and(expires_at < now() + interval '61 seconds') FROM "
                  "identity.sessions WHERE parent_id IS NOT NULL"),
            "t");
  admin("UPDATE identity.sessions SET expires_at = now() - interval '1 second'");
  EXPECT_EQ(error_of(refresh(token)), "invalid_grant");
  EXPECT_EQ(
      redirected(get("protocol/openid-connect/auth", with(auth_query(), "prompt", "none"), jar),
                 "error"),
      "login_required");
}

TEST_F(IssuerTest, logout_goes_back_to_known_addresses_only) {
  mount();
  Jar jar;
  sign_in(jar, auth_query());
  auto r = get("protocol/openid-connect/logout",
               {{"client_id", "pulse-ui"},
                {"post_logout_redirect_uri", "https://pulse.example/"},
                {"state", "s 1"}},
               jar);
  EXPECT_EQ(r.status, 302);
  EXPECT_EQ(r.headers.get("Location"), "https://pulse.example/?state=s%201");
  EXPECT_FALSE(jar.contains("PULSE_SSO"));
  EXPECT_EQ(live_sessions(), "0");
  for (const auto& [client, target] :
       Fields{{"pulse-ui", "https://evil.example/"}, {"another", "https://pulse.example/"}}) {
    r = get("protocol/openid-connect/logout",
            {{"client_id", client}, {"post_logout_redirect_uri", target}}, jar);
    EXPECT_EQ(r.status, 400);
    EXPECT_EQ(r.headers.find("Location"), nullptr);
  }
  EXPECT_EQ(get("protocol/openid-connect/logout", {}, jar).status, 200);
}

TEST_F(IssuerTest, logout_works_by_hint_and_by_refresh_token) {
  mount();
  Jar jar, none;
  auto tokens = tokens_of(jar);
  // A form that another site posts: no cookie comes with it.
  auto forged = text(tokens, "id_token");
  forged[forged.size() - 20] ^= 1;
  post("protocol/openid-connect/logout", {{"id_token_hint", forged}}, none);
  EXPECT_EQ(live_sessions(), "2");
  post("protocol/openid-connect/logout", {{"id_token_hint", text(tokens, "id_token")}}, none);
  EXPECT_EQ(live_sessions(), "0");
  jar.clear();
  tokens = tokens_of(jar);
  const auto r =
      post("protocol/openid-connect/logout",
           {{"client_id", "pulse-ui"}, {"refresh_token", text(tokens, "refresh_token")}});
  EXPECT_EQ(r.status, 204);
  EXPECT_EQ(live_sessions(), "0");
}

TEST_F(IssuerTest, revocation_ends_one_client) {
  mount();
  Jar jar;
  const auto one = text(tokens_of(jar), "refresh_token"),
             two = text(tokens_of(jar), "refresh_token");
  EXPECT_EQ(post("protocol/openid-connect/revoke", {{"token", one}}).status, 200);
  EXPECT_EQ(post("protocol/openid-connect/revoke", {{"token", "unknown"}}).status, 200);
  EXPECT_EQ(error_of(refresh(one)), "invalid_grant");
  EXPECT_EQ(refresh(two).status, 200);
}

TEST_F(IssuerTest, metadata_names_endpoints_that_exist) {
  mount();
  Jar jar;
  const auto m = object(get(".well-known/openid-configuration", {}, jar));
  EXPECT_EQ(m.at("issuer"), "https://pulse.example/realms/pulse");
  for (const char* name :
       {"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint",
        "revocation_endpoint", "jwks_uri", "check_session_iframe"}) {
    const auto url = text(m, name);
    ASSERT_TRUE(url.starts_with("https://pulse.example/realms/pulse/")) << name;
    EXPECT_NE(
        get(url.substr(std::string("https://pulse.example/realms/pulse/").size()), {}, jar).status,
        404)
        << url;
  }
  const auto frame = get("protocol/openid-connect/3p-cookies/step1.html", {}, jar);
  EXPECT_EQ(frame.status, 200);
  EXPECT_NE(frame.headers.get("Content-Security-Policy").find("https://pulse.example"),
            std::string_view::npos);
}

}  // namespace
}  // namespace pulse::test
