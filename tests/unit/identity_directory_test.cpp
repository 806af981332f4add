// The embedded directory: people, found and changed; whole or not at all; no hash ever.
#include "identity/embedded_directory.hpp"
#include "identity_fixture.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"

namespace pulse::test {
namespace {

using identity::CreateUser;
using identity::EmailAction;
using identity::UserQuery;

class DirectoryTest : public IssuerTest {
 public:
  std::unique_ptr<identity::EmbeddedDirectory> directory;

  DirectoryTest() {
    identity::EmbeddedDirectoryDeps d;
    d.pool = &pool;
    d.passwords = deps.passwords;
    d.links = deps.links;
    directory = std::make_unique<identity::EmbeddedDirectory>(d);
    admin(
        "INSERT INTO tenants (tenant_id, name) VALUES ('demo', 'Demo & Söhne'), ('acme', 'Acme')");
    mount();
  }
  static CreateUser person(const std::string& username, const std::string& email,
                           const std::string& tenant = "demo") {
    CreateUser u;
    u.username = username;
    u.email = email;
    u.first_name = "Per";
    u.last_name = "Son";
    u.tenant_id = tenant;
    u.roles = {"customer"};
    return u;
  }
  std::string create(CreateUser user) { return await(directory->create(std::move(user))); }
  /// "404 User not found" and the like; "" when nothing was thrown.
  template <class T>
  std::string refusal(Task<T> task) {
    try {
      await(std::move(task));
      return {};
    } catch (const HttpError& e) {
      return std::to_string(e.status) + " " + e.what();
    }
  }
  /// The user names that a search finds, joined.
  std::string found(const std::string& search, const std::string& tenant = "") {
    UserQuery q;
    q.search = search;
    q.tenant_id = tenant;
    std::string out;
    for (const auto& u : await(directory->users(q)).users)
      out += (out.empty() ? "" : " ") + u.username;
    return out;
  }
};

constexpr const char* nobody_id = "00000000-0000-7000-8000-000000000000";

TEST_F(DirectoryTest, a_user_is_made_and_read_back_without_the_hash) {
  auto u = person("Grace", "Grace@Demo.Example");
  u.password = "a long password";
  const auto id = create(u);
  const auto read = await(directory->user(id));
  EXPECT_EQ(read.id, id);
  EXPECT_EQ(read.username, "grace");
  EXPECT_EQ(read.email, "grace@demo.example");
  EXPECT_EQ(read.tenant_id, "demo");
  EXPECT_EQ(read.roles, std::vector<std::string>{"customer"});
  EXPECT_TRUE(read.enabled);
  EXPECT_FALSE(read.email_verified);
  EXPECT_NEAR(static_cast<double>(read.created_at.value()), static_cast<double>(now_ms()), 600'000);
  EXPECT_EQ(json::to_text(read).find("argon2"), std::string::npos);
  EXPECT_EQ(await(directory->user_of_name("GRACE"))->id, id);
  EXPECT_EQ(await(directory->user_of_email("GRACE@demo.example"))->id, id);
  EXPECT_FALSE(await(directory->user_of_name("nobody")));
  for (const std::string odd : {"", "\xff", "a\nb"}) {
    EXPECT_FALSE(await(directory->user_of_name(odd)));
    EXPECT_FALSE(await(directory->user_of_email(odd)));
  }
}

TEST_F(DirectoryTest, what_is_taken_or_wrong_is_named) {
  create(person("grace", "grace@demo.example"));
  EXPECT_EQ(refusal(directory->create(person("GRACE", "other@demo.example"))),
            "409 Username already exists");
  EXPECT_EQ(refusal(directory->create(person("other", "GRACE@demo.example"))),
            "409 User with this email already exists");
  identity::UserChanges changes;
  changes.email = "ada@demo.example";
  EXPECT_EQ(refusal(directory->update(await(directory->user_of_name("grace"))->id, changes)),
            "409 User with this email already exists");
  EXPECT_EQ(refusal(directory->create(person("new", "new@x.example", "nowhere"))),
            "404 Organization not found");
  EXPECT_EQ(refusal(directory->create(person("a\x01", "a@x.example"))),
            "400 Username is not valid");
  EXPECT_EQ(refusal(directory->create(person("", "a@x.example"))), "400 Username is not valid");
  EXPECT_EQ(refusal(directory->create(person("a", "no address"))), "400 Email is not valid");
  auto u = person("a", "a@x.example");
  u.first_name = "A\r\nBcc: x";
  EXPECT_EQ(refusal(directory->create(u)), "400 First name is not valid");
  u = person("a", "a@x.example");
  u.roles = {"superuser"};
  EXPECT_EQ(refusal(directory->create(u)), "400 Unknown role: superuser");
  u.roles.clear();
  EXPECT_EQ(refusal(directory->create(u)), "400 At least one role is required");
  u = person("a", "a@x.example");
  u.password = "short";
  EXPECT_EQ(refusal(directory->create(u)), "400 The password must have at least 10 characters.");
  EXPECT_EQ(admin("SELECT count(*) FROM identity.users"), "2");
}

TEST_F(DirectoryTest, search_takes_every_character_at_its_word) {
  auto u = person("per_cent", "100%@demo.example");
  u.first_name = "Back\\slash";
  create(u);
  create(person("percent", "mara@acme.example", "acme"));
  EXPECT_EQ(found("%"), "per_cent");
  EXPECT_EQ(found("_"), "per_cent");
  EXPECT_EQ(found("\\"), "per_cent");
  EXPECT_EQ(found("PERCENT"), "percent");
  EXPECT_EQ(found("ada byron"), "ada");
  EXPECT_EQ(found("  Mara "), "percent");
  EXPECT_EQ(found("ada@demo.example ada"), "") << "no search spans two fields";
  EXPECT_EQ(found("per", "acme"), "percent");
  EXPECT_EQ(found("", "acme"), "percent");
  for (const std::string odd : {"a\nb", "\xff", "' OR '1'='1", "nobody"}) EXPECT_EQ(found(odd), "");
  UserQuery q;
  q.limit = 1;
  q.offset = 1;
  const auto page = await(directory->users(q));
  EXPECT_EQ(page.total, 3);
  ASSERT_EQ(page.users.size(), 1u);
  EXPECT_EQ(page.users[0].username, "per_cent");
}

TEST_F(DirectoryTest, changes_hold_and_another_address_is_not_proven) {
  const auto id = create(person("grace", "grace@demo.example"));
  admin("UPDATE identity.users SET email_verified = true");
  await(directory->send_action(id, EmailAction::invitation));
  const auto link = link_of_email(1);
  identity::UserChanges changes;
  changes.first_name = "Grace";
  changes.email = "GRACE@demo.example";
  await(directory->update(id, changes));
  EXPECT_TRUE(await(directory->user(id)).email_verified) << "the same address";
  Jar jar;
  EXPECT_EQ(open_link(link, jar).status, 200);
  changes = {};
  changes.email = "hopper@demo.example";
  changes.last_name = "";
  changes.enabled = false;
  await(directory->update(id, changes));
  const auto read = await(directory->user(id));
  EXPECT_EQ(read.first_name, "Grace");
  EXPECT_EQ(read.last_name, "");
  EXPECT_EQ(read.email, "hopper@demo.example");
  EXPECT_FALSE(read.email_verified);
  EXPECT_FALSE(read.enabled);
  EXPECT_EQ(open_link(link, jar).status, 410) << "it went to the former address";
  EXPECT_EQ(admin("SELECT count(*) FROM identity.action_tokens WHERE used_at IS NULL"), "0");
  await(directory->set_roles(id, {"customer", "tenant-admin"}));
  await(directory->set_tenant(id, "acme"));
  EXPECT_EQ(await(directory->user(id)).roles.size(), 2u);
  EXPECT_EQ(await(directory->user(id)).tenant_id, "acme");
  await(directory->set_tenant(id, std::nullopt));
  EXPECT_FALSE(await(directory->user(id)).tenant_id);
  EXPECT_EQ(refusal(directory->set_tenant(id, "nowhere")), "404 Organization not found");
  EXPECT_EQ(refusal(directory->set_roles(id, {})), "400 At least one role is required");
  await(directory->remove(id));
  EXPECT_EQ(refusal(directory->user(id)), "404 User not found");
}

TEST_F(DirectoryTest, unknown_ids_are_not_found) {
  for (const std::string id : {nobody_id, "no-id", "", "' OR true"}) {
    EXPECT_EQ(refusal(directory->user(id)), "404 User not found");
    EXPECT_EQ(refusal(directory->update(id, {})), "404 User not found");
    EXPECT_EQ(refusal(directory->remove(id)), "404 User not found");
    EXPECT_EQ(refusal(directory->set_roles(id, {"customer"})), "404 User not found");
    EXPECT_EQ(refusal(directory->set_tenant(id, std::nullopt)), "404 User not found");
    EXPECT_EQ(refusal(directory->set_password(id, "a long password", true)), "404 User not found");
    EXPECT_EQ(refusal(directory->send_action(id, EmailAction::welcome)), "404 User not found");
    EXPECT_EQ(refusal(directory->sessions(id)), "404 User not found");
    EXPECT_EQ(refusal(directory->end_session(id, nobody_id)), "404 User not found");
    EXPECT_EQ(refusal(directory->end_sessions(id)), "404 User not found");
  }
}

TEST_F(DirectoryTest, sessions_are_listed_and_ended) {
  Jar one, two;
  tokens_of(one);
  tokens_of(one);
  tokens_of(two);
  const auto sessions = await(directory->sessions(user_id));
  ASSERT_EQ(sessions.size(), 2u) << "a browser is one, whatever its clients";
  EXPECT_EQ(sessions[0].id, two["PULSE_SESSION_STATE"]);
  EXPECT_EQ(sessions[0].ip_address, "203.0.113.9");
  EXPECT_EQ(sessions[0].client, "pulse-ui");
  EXPECT_EQ(sessions[0].user_agent, "test ??");
  EXPECT_TRUE(sessions[0].started_at && sessions[0].last_used_at);
  const auto other = create(person("grace", "grace@demo.example"));
  for (const auto& session : {one["PULSE_SESSION_STATE"], std::string("x")})
    EXPECT_EQ(refusal(directory->end_session(other, session)), "404 Session not found");
  await(directory->end_session(user_id, one["PULSE_SESSION_STATE"]));
  EXPECT_EQ(await(directory->sessions(user_id)).size(), 1u);
  await(directory->end_sessions(user_id));
  EXPECT_EQ(live_sessions(), "0");
}

TEST_F(DirectoryTest, organizations_are_the_tenants) {
  admin("UPDATE tenants SET status = 'SUSPENDED' WHERE tenant_id = 'acme'");
  admin("INSERT INTO tenants (tenant_id, name, deleted_at) VALUES ('gone', 'Gone', now())");
  const auto all = await(directory->organizations());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].alias, "acme");
  EXPECT_FALSE(all[0].enabled);
  EXPECT_EQ(all[1].name, "Demo & Söhne");
  EXPECT_TRUE(all[1].enabled);
}

TEST_F(DirectoryTest, an_email_that_can_not_be_sent_leaves_no_link) {
  const auto without = create(person("grace", ""));
  EXPECT_EQ(refusal(directory->send_action(without, EmailAction::invitation)),
            "400 User has no email address");
  SmtpCapture refusing(SmtpMood::refuses_recipient);
  mail::MailerOptions o;
  o.host = "127.0.0.1";
  o.port = refusing.port();
  o.security = "none";
  identity::EmbeddedDirectoryDeps d;
  d.pool = &pool;
  d.passwords = deps.passwords;
  d.links = deps.links;
  d.links.mailer = std::make_shared<mail::Mailer>(o);
  identity::EmbeddedDirectory unlucky(d);
  EXPECT_EQ(refusal(unlucky.send_action(user_id, EmailAction::invitation)),
            "502 Email could not be sent");
  EXPECT_EQ(admin("SELECT count(*) FROM identity.action_tokens"), "0");
}

TEST_F(DirectoryTest, an_outage_is_told_as_one) {
  EXPECT_TRUE(await(directory->reachable()));
  pool.close();
  EXPECT_FALSE(await(directory->reachable()));
  EXPECT_EQ(refusal(directory->users(UserQuery{})), "503 Directory unavailable");
}

TEST_F(DirectoryTest, old_links_are_forgotten) {
  await(directory->send_action(user_id, EmailAction::welcome));
  await(directory->repair());
  EXPECT_EQ(admin("SELECT count(*) FROM identity.action_tokens"), "1");
  admin("UPDATE identity.action_tokens SET expires_at = now() - interval '25 hours'");
  await(directory->repair());
  EXPECT_EQ(admin("SELECT count(*) FROM identity.action_tokens"), "0");
}

}  // namespace
}  // namespace pulse::test
