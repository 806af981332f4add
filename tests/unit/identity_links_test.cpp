// Links in emails, temporary and forgotten passwords, and the trace that they leave.
#include "identity/embedded_directory.hpp"
#include "identity/passwords.hpp"
#include "identity_fixture.hpp"
#include "platform/errors.hpp"

namespace pulse::test {
namespace {

using identity::EmailAction;

class LinksTest : public IssuerTest {
 public:
  std::unique_ptr<identity::EmbeddedDirectory> directory;
  std::string invited;
  Jar jar;

  LinksTest() {
    identity::EmbeddedDirectoryDeps d;
    d.pool = &pool;
    d.passwords = deps.passwords;
    d.links = deps.links;
    directory = std::make_unique<identity::EmbeddedDirectory>(d);
    admin("INSERT INTO tenants (tenant_id, name) VALUES ('demo', 'Demo <& Söhne>')");
    identity::CreateUser u;
    u.username = "grace";
    u.email = "grace@demo.example";
    u.first_name = "Grace";
    u.tenant_id = "demo";
    u.roles = {"customer"};
    invited = await(directory->create(u));
    mount();
  }
  http::Response forgot(const std::string& email) {
    const auto page = get("login-actions/reset-credentials", {}, jar);
    return post("login-actions/reset-credentials",
                {{"request", hidden_value(page)}, {"email", email}}, jar);
  }
  /// Waits for what goes on after the answer, by its trace.
  bool asked(int times) {
    return await(
        eventually([&] { return security_count("auth.password_reset_requested") >= times; }));
  }
  int security_count(const std::string& type) {
    return std::stoi(admin("SELECT count(*) FROM audit_log WHERE event_type = '" + type + "'"));
  }
};

bool holds(const http::Response& page, const std::string& text) {
  return page.body.find(text) != std::string::npos;
}

TEST_F(LinksTest, an_invitation_says_who_and_where_and_lets_in_once) {
  await(directory->invite(invited, "Ada \"Byron\""));
  const auto link = link_of_email(1);
  const auto email = mail_server.emails()[0];
  EXPECT_EQ(email.to, std::vector<std::string>{"grace@demo.example"});
  EXPECT_NE(email.text().find("Hello Grace,"), std::string::npos);
  EXPECT_NE(email.text().find("Ada \"Byron\" invites you to Demo <& Söhne> on Pulse"),
            std::string::npos);
  EXPECT_NE(email.html().find("Demo &lt;&amp; Söhne&gt; on Pulse"), std::string::npos);
  EXPECT_EQ(by_password("grace", "").status, 401);

  const auto page = open_link(link, jar);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.get("Cache-Control"), "no-store");
  EXPECT_EQ(page.body.find("<script"), std::string::npos);
  EXPECT_TRUE(holds(page, "no-referrer"));
  EXPECT_TRUE(holds(page, "readonly value=\"grace\""));
  EXPECT_EQ(open_link(link, jar).status, 200) << "looking uses nothing up";

  const auto done = choose(link, "ein gutes Kennwort", "ein gutes Kennwort", jar);
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_TRUE(holds(done, "href=\"https://pulse.example/login\""));
  EXPECT_EQ(by_password("grace", "ein gutes Kennwort").status, 200);
  EXPECT_TRUE(await(directory->user(invited)).email_verified);
  const auto again = open_link(link, jar);
  EXPECT_EQ(again.status, 410);
  EXPECT_TRUE(holds(again, "send you a new invitation"));
  EXPECT_NE(security_events().find("auth.password_changed"), std::string::npos);
}

TEST_F(LinksTest, every_fault_is_said_at_once_and_the_link_stays) {
  await(directory->send_action(invited, EmailAction::welcome));
  const auto link = link_of_email(1);
  const auto page = choose(link, "grace", "Grace", jar);
  EXPECT_EQ(page.status, 400);
  for (const char* fault : {"at least 10 characters", "not be your user name", "not the same"})
    EXPECT_TRUE(holds(page, fault)) << fault;
  EXPECT_FALSE(hidden_value(page).empty());
  EXPECT_EQ(choose(link, "password123", "password123", jar).status, 400);
  EXPECT_EQ(choose(link, "a long password", "a long password", jar).status, 200);
}

TEST(PasswordRules, are_length_name_and_the_commonest) {
  const auto faults = [](const std::string& p) {
    return identity::password_faults(p, "ada.byron.1815", "Ada@Demo.Example").size();
  };
  EXPECT_EQ(faults("correct horse"), 0u);
  EXPECT_EQ(faults("größegröße"), 0u) << "ten characters, more bytes";
  EXPECT_EQ(faults("größegröß"), 1u);
  EXPECT_EQ(faults(""), 1u);
  EXPECT_EQ(faults("Password123"), 1u);
  EXPECT_EQ(faults("aaaaaaaaaaaa"), 1u);
  EXPECT_EQ(faults("ADA.byron.1815"), 1u);
  EXPECT_EQ(faults("ADA@demo.example"), 1u);
  EXPECT_EQ(faults(std::string("long enough\xff")), 1u);
  EXPECT_EQ(faults(std::string("long enough\0x", 13)), 1u);
  EXPECT_EQ(faults(std::string(1000, 'a') + std::string(25, 'b')), 1u);
}

TEST_F(LinksTest, a_link_ends_in_time_with_its_user_and_with_another_password) {
  await(directory->send_action(invited, EmailAction::invitation));
  const auto link = link_of_email(1);
  EXPECT_EQ(admin("SELECT expires_at - created_at FROM identity.action_tokens"), "3 days");
  admin("UPDATE identity.users SET enabled = false WHERE username = 'grace'");
  EXPECT_EQ(open_link(link, jar).status, 410);
  EXPECT_THROW(await(directory->send_action(invited, EmailAction::invitation)), HttpError);
  admin("UPDATE identity.users SET enabled = true");
  const auto form = hidden_value(open_link(link, jar));
  admin("UPDATE identity.action_tokens SET expires_at = now() - interval '1 second'");
  EXPECT_EQ(open_link(link, jar).status, 410);
  EXPECT_EQ(post_link(link, form, "a long password", "a long password", jar).status, 410);
  for (const char* key : {"", "made-up", "%00"})
    EXPECT_EQ(get("login-actions/action-token", {{"key", key}}, jar).status, 410);

  await(directory->send_action(invited, EmailAction::invitation));
  const auto second = link_of_email(2);
  await(directory->set_password(invited, "set by an operator", false));
  EXPECT_EQ(open_link(second, jar).status, 410);
}

TEST_F(LinksTest, the_form_belongs_to_the_browser_and_to_its_link) {
  await(directory->send_action(invited, EmailAction::invitation));
  const auto link = link_of_email(1);
  await(directory->send_action(user_id, EmailAction::invitation));
  const auto others = link_of_email(2);
  const auto form = hidden_value(open_link(link, jar));
  const std::string password = "a long password";
  Jar strange;
  EXPECT_EQ(post_link(link, form, password, password, strange).status, 400);
  open_link(others, strange);
  EXPECT_EQ(post_link(link, form, password, password, strange).status, 400);
  EXPECT_EQ(post_link(others, form, password, password, jar).status, 400);
  const auto sign_in_form = hidden_value(get("protocol/openid-connect/auth", auth_query(), jar));
  EXPECT_EQ(post_link(link, sign_in_form, password, password, jar).status, 400);
  EXPECT_EQ(post_link(link, form, password, password, jar).status, 200);
}

TEST_F(LinksTest, a_forgotten_password_is_replaced_and_ends_what_was_open) {
  Jar mine;
  const auto tokens = tokens_of(mine);
  const auto page = get("protocol/openid-connect/auth", auth_query(), jar);
  EXPECT_TRUE(holds(page, "href=\"/realms/pulse/login-actions/reset-credentials\""));
  const auto answer = forgot(" Ada@Demo.Example ");
  EXPECT_EQ(answer.status, 200);
  const auto link = link_of_email(1);
  EXPECT_EQ(choose(link, "another password", "another password", mine).status, 200);
  EXPECT_EQ(live_sessions(), "0");
  EXPECT_FALSE(mine.contains("PULSE_SSO"));
  EXPECT_EQ(error_of(refresh(text(tokens, "refresh_token"))), "invalid_grant");
  http::Request r;
  r.method = "GET";
  r.path = r.target = std::string(base) + "protocol/openid-connect/userinfo";
  r.headers.add("Authorization", "Bearer " + text(tokens, "access_token"));
  EXPECT_EQ(send(std::move(r), jar).status, 401) << "the access token ended, too";
  EXPECT_EQ(by_password("ada", "right password").status, 401);
  EXPECT_EQ(by_password("ada", "another password").status, 200);
  const auto dead = open_link(link, jar);
  EXPECT_EQ(dead.status, 410);
  EXPECT_TRUE(holds(dead, "Ask for a new link"));
}

TEST_F(LinksTest, nobody_learns_who_is_known) {
  admin("UPDATE identity.users SET enabled = false WHERE username = 'grace'");
  const auto known = forgot("ada@demo.example");
  for (const char* other :
       {"nobody@demo.example", "grace@demo.example", "ada", "", "\xff", "a\r\nb@c"}) {
    const auto page = forgot(other);
    EXPECT_EQ(page.status, known.status) << other;
    EXPECT_EQ(page.body.substr(page.body.find("<main>")),
              known.body.substr(known.body.find("<main>")));
  }
  EXPECT_TRUE(asked(7));
  EXPECT_EQ(mail_server.emails().size(), 1u);
  Jar strange;
  EXPECT_EQ(post("login-actions/reset-credentials",
                 {{"request", "x"}, {"email", "ada@demo.example"}}, strange)
                .status,
            400);
}

TEST_F(LinksTest, three_emails_an_hour_and_a_limit_by_address) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(forgot("ada@demo.example").status, 200);
  EXPECT_TRUE(asked(5));
  EXPECT_EQ(mail_server.emails().size(), 3u);
  admin("UPDATE identity.action_tokens SET created_at = created_at - interval '61 minutes'");
  EXPECT_EQ(forgot("ada@demo.example").status, 200);
  EXPECT_TRUE(asked(6));
  EXPECT_EQ(mail_server.emails().size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(forgot("nobody@demo.example").status, 200);
  const auto blocked = forgot("ada@demo.example");
  EXPECT_EQ(blocked.status, 429);
  EXPECT_FALSE(blocked.headers.get("Retry-After").empty());
  EXPECT_TRUE(asked(10));
  EXPECT_EQ(mail_server.emails().size(), 4u);
}

TEST_F(LinksTest, a_temporary_password_is_replaced_before_anything_is_granted) {
  Jar before;
  sign_in(before, auth_query());
  await(directory->set_password(user_id, "temporary one", true));
  EXPECT_EQ(live_sessions(), "0");
  EXPECT_EQ(error_of(by_password("ada", "temporary one")), "invalid_grant");
  const auto page = sign_in(jar, auth_query(), "ada", "temporary one");
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(holds(page, "Choose your own password"));
  EXPECT_FALSE(jar.contains("PULSE_SSO"));
  const auto form = hidden_value(page);
  const auto send_form = [&](const std::string& request, const std::string& password, Jar& from) {
    return post("login-actions/required-action",
                {{"request", request}, {"password", password}, {"confirmation", password}}, from);
  };
  const auto same = send_form(form, "temporary one", jar);
  EXPECT_EQ(same.status, 400);
  EXPECT_TRUE(holds(same, "another than the temporary one"));
  Jar strange;
  EXPECT_EQ(send_form(form, "my own password", strange).status, 400);
  const auto done = send_form(form, "my own password", jar);
  ASSERT_EQ(done.status, 302) << done.body;
  EXPECT_EQ(redirected(done, "state"), "a state");
  EXPECT_EQ(exchange(redirected(done, "code")).status, 200);
  EXPECT_EQ(send_form(form, "once more, another", jar).status, 400) << "the form worked once";
  EXPECT_EQ(by_password("ada", "my own password").status, 200);
}

TEST_F(LinksTest, a_session_does_not_pass_a_password_made_temporary) {
  sign_in(jar, auth_query());
  admin("UPDATE identity.users SET password_temporary = true");
  const auto quiet = get("protocol/openid-connect/auth", with(auth_query(), "prompt", "none"), jar);
  EXPECT_EQ(redirected(quiet, "error"), "login_required");
  EXPECT_EQ(get("protocol/openid-connect/auth", auth_query(), jar).status, 200);
}

TEST_F(LinksTest, sign_ins_failures_and_locks_leave_a_trace_without_passwords) {
  sign_in(jar, auth_query());
  sign_in(jar, with(auth_query(), "prompt", "login"), "Ada", "wrong-secret");
  by_password("\xff", "wrong-secret");
  std::string expected = "auth.login\nauth.login_failed ada\nauth.login_failed (unreadable)";
  for (int i = 0; i < 9; ++i) {
    by_password("ada@demo.example", "wrong-secret");
    expected += "\nauth.login_failed ada@demo.example";
  }
  by_password("ada", "wrong-secret");
  EXPECT_EQ(security_events(), expected + "\nauth.login_locked ada@demo.example");
  EXPECT_EQ(admin("SELECT count(*) FROM audit_log WHERE audit_log::text LIKE '%secret%'"), "0");
  EXPECT_EQ(admin("SELECT string_agg(DISTINCT coalesce(tenant_id, '-') || ' ' || "
                  "coalesce(entity_name, '-') || ' ' || host(ip_address), ', ') FROM audit_log"),
            "- - 203.0.113.9, demo ada 203.0.113.9");
}

}  // namespace
}  // namespace pulse::test
