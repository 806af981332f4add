#pragma once
// What every directory does, whatever is behind it: one suite, run over the embedded issuer's
// tables (tests/unit) and over a real Keycloak (tests/full). A backend offers:
//   Backend(PgTest&, pg::Pool&)
//   identity::Directory& directory()
//   void add_tenant(id, name)
//   bool accepts(username, password)      whether that alone gives a token
//   void open_session(username, password)
//   std::vector<std::string> emails(to)   what was sent to that address
#include <gtest/gtest.h>

#include <algorithm>

#include "identity/directory.hpp"
#include "pg_fixture.hpp"
#include "platform/clock.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"

namespace pulse::test {

template <class Backend>
class DirectoryConformance : public PgTest {
 public:
  using Names = std::vector<std::string>;
  static constexpr const char* password = "a long password 1";

  pg::Pool pool{io.get_executor(), options()};
  Backend backend{*this, pool};
  identity::Directory& directory = backend.directory();
  /// In every name of this test, since a real Keycloak keeps what tests before it left.
  const std::string mark = "t" + crypto::hex(crypto::random_bytes(4));
  const std::string tenant = mark + "-a", other_tenant = mark + "-b";

  void SetUp() override {
    backend.add_tenant(tenant, "Company " + mark);
    backend.add_tenant(other_tenant, "Other " + mark);
  }

  identity::CreateUser person(const std::string& name) {
    identity::CreateUser u;
    u.username = mark + name;
    u.email = name + "@" + mark + ".example";
    u.first_name = "First" + name;
    u.last_name = "Last" + mark;
    u.roles.push_back("customer");
    return u;
  }
  identity::CreateUser person_with_password(const std::string& name) {
    auto u = person(name);
    u.password = password;
    u.password_temporary = false;
    return u;
  }
  std::string create(identity::CreateUser u) { return this->await(directory.create(std::move(u))); }
  identity::DirectoryUser user(const std::string& id) { return this->await(directory.user(id)); }
  identity::UserPage find(const std::string& search, const std::string& of_tenant = {},
                          std::int64_t limit = 100, std::int64_t offset = 0) {
    identity::UserQuery q;
    q.search = search;
    q.tenant_id = of_tenant;
    q.limit = limit;
    q.offset = offset;
    return this->await(directory.users(q));
  }
  Names names_of(const identity::UserPage& page) {
    Names out;
    for (const auto& u : page.users) out.push_back(u.username.substr(mark.size()));
    return out;
  }
  static Names sorted(Names names) {
    std::sort(names.begin(), names.end());
    return names;
  }
  /// "404 User not found" of what a task throws; empty when it throws nothing.
  template <class T>
  std::string refusal(Task<T> task) {
    try {
      this->await(std::move(task));
    } catch (const HttpError& e) {
      return std::to_string(e.status) + " " + e.what();
    }
    return {};
  }
  template <class T>
  int refusal_status(Task<T> task) {
    const auto said = refusal(std::move(task));
    return said.empty() ? 0 : std::stoi(said);
  }
};

TYPED_TEST_SUITE_P(DirectoryConformance);

TYPED_TEST_P(DirectoryConformance, MakesAWholePerson) {
  auto wanted = this->person_with_password("Ada");
  wanted.tenant_id = this->tenant;
  wanted.roles = {"customer", "tenant-admin"};
  const auto id = this->create(wanted);
  const auto u = this->user(id);
  EXPECT_EQ(u.id, id);
  EXPECT_EQ(u.username, this->mark + "ada");  // names are without case
  EXPECT_EQ(u.email, "ada@" + this->mark + ".example");
  EXPECT_EQ(u.first_name, "FirstAda");
  EXPECT_EQ(u.last_name, "Last" + this->mark);
  EXPECT_TRUE(u.enabled);
  EXPECT_FALSE(u.email_verified);
  EXPECT_EQ(u.tenant_id, this->tenant);
  EXPECT_EQ(this->sorted(u.roles), (std::vector<std::string>{"customer", "tenant-admin"}));
  EXPECT_TRUE(u.attributes.empty());
  ASSERT_TRUE(u.created_at);
  EXPECT_LT(std::abs(*u.created_at - now_ms()), 300'000);
  const auto by_email =
      this->await(this->directory.user_of_email("ADA@" + this->mark + ".example"));
  ASSERT_TRUE(by_email);
  EXPECT_EQ(by_email->id, id);
  EXPECT_EQ(by_email->tenant_id, this->tenant);
  const auto by_name = this->await(this->directory.user_of_name(this->mark + "ADA"));
  ASSERT_TRUE(by_name);
  EXPECT_EQ(by_name->id, id);
  EXPECT_FALSE(this->await(this->directory.user_of_name(this->mark + "nobody")));
  EXPECT_FALSE(this->await(this->directory.user_of_email("nobody@" + this->mark + ".example")));
  EXPECT_TRUE(this->backend.accepts(wanted.username, this->password));
  EXPECT_FALSE(this->backend.accepts(wanted.username, "another password 1"));
}

TYPED_TEST_P(DirectoryConformance, MakesAPersonWithTheLeastThereIs) {
  identity::CreateUser least;
  least.username = this->mark + "x";
  least.roles.push_back("operator");
  const auto u = this->user(this->create(least));
  EXPECT_EQ(u.email, "");
  EXPECT_EQ(u.first_name, "");
  EXPECT_EQ(u.tenant_id, std::nullopt);
  EXPECT_EQ(u.roles, std::vector<std::string>{"operator"});
  EXPECT_FALSE(this->backend.accepts(least.username, ""));
}

TYPED_TEST_P(DirectoryConformance, RefusesWhatIsTaken) {
  this->create(this->person("one"));
  auto same_name = this->person("one");
  same_name.email = "else@" + this->mark + ".example";
  EXPECT_EQ(this->refusal(this->directory.create(same_name)), "409 Username already exists");
  auto same_email = this->person("two");
  same_email.email = "ONE@" + this->mark + ".example";
  EXPECT_EQ(this->refusal(this->directory.create(same_email)),
            "409 User with this email already exists");
  EXPECT_EQ(this->find(this->mark).total, 1);
}

TYPED_TEST_P(DirectoryConformance, RefusesWhatIsWrong) {
  auto no_roles = this->person("a");
  no_roles.roles.clear();
  EXPECT_EQ(this->refusal(this->directory.create(no_roles)), "400 At least one role is required");
  auto strange_role = this->person("b");
  strange_role.roles.push_back("emperor");
  EXPECT_EQ(this->refusal(this->directory.create(strange_role)), "400 Unknown role: emperor");
  auto nowhere = this->person("c");
  nowhere.tenant_id = this->mark + "-nowhere";
  EXPECT_EQ(this->refusal(this->directory.create(nowhere)), "404 Organization not found");
  auto no_address = this->person("d");
  no_address.email = "no address";
  EXPECT_EQ(this->refusal_status(this->directory.create(no_address)), 400);
  auto short_password = this->person("e");
  short_password.password = "short";
  EXPECT_EQ(this->refusal_status(this->directory.create(short_password)), 400);
  EXPECT_EQ(this->find(this->mark).total, 0);  // nothing is left of any
}

TYPED_TEST_P(DirectoryConformance, FindsByEachNameAndTenantAndPage) {
  for (const char* name : {"cora", "adam", "bert"}) {
    auto u = this->person(name);
    u.tenant_id = name == std::string("bert") ? this->other_tenant : this->tenant;
    this->create(u);
  }
  using Names = std::vector<std::string>;
  EXPECT_EQ(this->names_of(this->find(this->mark)), (Names{"adam", "bert", "cora"}));
  EXPECT_EQ(this->names_of(this->find(this->mark, this->tenant)), (Names{"adam", "cora"}));
  EXPECT_EQ(this->names_of(this->find("", this->other_tenant)), Names{"bert"});
  EXPECT_EQ(this->find("", this->other_tenant).users.at(0).tenant_id, this->other_tenant);
  EXPECT_EQ(this->find("", this->other_tenant).users.at(0).roles, Names{"customer"});
  EXPECT_EQ(this->find("", this->mark + "-nowhere").total, 0);
  // In the middle of the user name, the email, the first name; in any case.
  EXPECT_EQ(this->names_of(this->find(this->mark.substr(1) + "COR")), Names{"cora"});
  EXPECT_EQ(this->names_of(this->find("dam@" + this->mark)), Names{"adam"});
  EXPECT_EQ(this->names_of(this->find("irstBERT Last" + this->mark)), Names{"bert"});
  EXPECT_EQ(this->names_of(this->find("irstadam last" + this->mark, this->tenant)), Names{"adam"});
  EXPECT_EQ(this->find(this->mark + "%").total, 0);
  EXPECT_EQ(this->find("id:" + this->mark).total, 0);
  const auto first = this->find(this->mark, "", 2), last = this->find(this->mark, "", 2, 2);
  EXPECT_EQ(first.total, 3);
  EXPECT_EQ(this->names_of(first), (Names{"adam", "bert"}));
  EXPECT_EQ(last.total, 3);
  EXPECT_EQ(this->names_of(last), Names{"cora"});
  const auto within = this->find(this->mark, this->tenant, 1, 1);
  EXPECT_EQ(within.total, 2);
  EXPECT_EQ(this->names_of(within), Names{"cora"});
  const auto all_within = this->find("", this->tenant, 1, 0);
  EXPECT_EQ(all_within.total, 2);
  EXPECT_EQ(this->names_of(all_within), Names{"adam"});
}

TYPED_TEST_P(DirectoryConformance, ChangesAPerson) {
  const auto wanted = this->person_with_password("ann");
  const auto id = this->create(wanted);
  this->create(this->person("bob"));
  identity::UserChanges names;
  names.first_name = "Anna";
  names.email = "anna@" + this->mark + ".example";
  this->await(this->directory.update(id, names));
  auto u = this->user(id);
  EXPECT_EQ(u.first_name, "Anna");
  EXPECT_EQ(u.last_name, wanted.last_name);
  EXPECT_EQ(u.email, *names.email);
  EXPECT_EQ(u.roles, std::vector<std::string>{"customer"});
  identity::UserChanges taken;
  taken.email = "bob@" + this->mark + ".example";
  EXPECT_EQ(this->refusal(this->directory.update(id, taken)),
            "409 User with this email already exists");
  EXPECT_EQ(this->user(id).email, *names.email);
  identity::UserChanges off, on;
  off.enabled = false;
  on.enabled = true;
  this->await(this->directory.update(id, off));
  EXPECT_FALSE(this->user(id).enabled);
  EXPECT_FALSE(this->backend.accepts(wanted.username, this->password));
  this->await(this->directory.update(id, on));
  EXPECT_TRUE(this->backend.accepts(wanted.username, this->password));
  const identity::UserChanges nothing;
  this->await(this->directory.update(id, nothing));
  EXPECT_EQ(this->user(id).first_name, "Anna");
}

TYPED_TEST_P(DirectoryConformance, RemovesAPerson) {
  const auto id = this->create(this->person("gone"));
  this->await(this->directory.remove(id));
  EXPECT_EQ(this->refusal(this->directory.user(id)), "404 User not found");
  EXPECT_EQ(this->refusal(this->directory.remove(id)), "404 User not found");
  EXPECT_EQ(this->find(this->mark).total, 0);
}

TYPED_TEST_P(DirectoryConformance, ReplacesRoles) {
  using Names = std::vector<std::string>;
  const auto id = this->create(this->person("r"));
  this->await(this->directory.set_roles(id, Names{"operator", "operator-admin"}));
  EXPECT_EQ(this->sorted(this->user(id).roles), (Names{"operator", "operator-admin"}));
  this->await(this->directory.set_roles(id, Names{"customer", "operator"}));
  EXPECT_EQ(this->sorted(this->user(id).roles), (Names{"customer", "operator"}));
  this->await(this->directory.set_roles(id, Names{"customer", "operator"}));
  EXPECT_EQ(this->refusal(this->directory.set_roles(id, Names{})),
            "400 At least one role is required");
  EXPECT_EQ(this->refusal(this->directory.set_roles(id, Names{"emperor"})),
            "400 Unknown role: emperor");
  EXPECT_EQ(this->sorted(this->user(id).roles), (Names{"customer", "operator"}));
}

TYPED_TEST_P(DirectoryConformance, MovesBetweenTenants) {
  auto wanted = this->person("m");
  wanted.tenant_id = this->tenant;
  const auto id = this->create(wanted);
  this->await(this->directory.set_tenant(id, this->other_tenant));
  EXPECT_EQ(this->user(id).tenant_id, this->other_tenant);
  EXPECT_EQ(this->find("", this->tenant).total, 0);
  EXPECT_EQ(this->find("", this->other_tenant).total, 1);
  EXPECT_EQ(this->refusal(this->directory.set_tenant(id, this->mark + "-nowhere")),
            "404 Organization not found");
  EXPECT_EQ(this->user(id).tenant_id, this->other_tenant);
  this->await(this->directory.set_tenant(id, std::nullopt));
  EXPECT_EQ(this->user(id).tenant_id, std::nullopt);
  this->await(this->directory.set_tenant(id, std::nullopt));
  this->await(this->directory.set_tenant(id, this->tenant));
  EXPECT_EQ(this->user(id).tenant_id, this->tenant);
}

TYPED_TEST_P(DirectoryConformance, SetsPasswords) {
  const auto wanted = this->person_with_password("p");
  const auto id = this->create(wanted);
  this->backend.open_session(wanted.username, this->password);
  ASSERT_EQ(this->await(this->directory.sessions(id)).size(), 1U);
  this->await(this->directory.set_password(id, "quite another one", false));
  EXPECT_TRUE(this->await(this->directory.sessions(id)).empty());
  EXPECT_FALSE(this->backend.accepts(wanted.username, this->password));
  EXPECT_TRUE(this->backend.accepts(wanted.username, "quite another one"));
  EXPECT_EQ(this->refusal_status(this->directory.set_password(id, "short", false)), 400);
  this->await(this->directory.set_password(id, "to be replaced 1", true));
  EXPECT_FALSE(this->backend.accepts(wanted.username, "to be replaced 1"));  // not by itself
}

TYPED_TEST_P(DirectoryConformance, SendsLinks) {
  const auto wanted = this->person("mail");
  const auto id = this->create(wanted);
  std::size_t count = 0;
  for (const auto action : {identity::EmailAction::invitation, identity::EmailAction::welcome,
                            identity::EmailAction::password_reset}) {
    this->await(this->directory.send_action(id, action));
    const auto emails = this->backend.emails(wanted.email);
    ASSERT_EQ(emails.size(), ++count);
    EXPECT_NE(emails.back().find("http"), std::string::npos);
  }
  auto without_address = this->person("none");
  without_address.email.clear();
  const auto silent = this->create(without_address);
  const auto reset = identity::EmailAction::password_reset;
  EXPECT_EQ(this->refusal(this->directory.send_action(silent, reset)),
            "400 User has no email address");
  identity::UserChanges off;
  off.enabled = false;
  this->await(this->directory.update(id, off));
  EXPECT_EQ(this->refusal(this->directory.send_action(id, reset)), "400 User is disabled");
  EXPECT_EQ(this->backend.emails(wanted.email).size(), count);
}

TYPED_TEST_P(DirectoryConformance, EndsSessions) {
  const auto wanted = this->person_with_password("s"), another = this->person_with_password("t");
  const auto id = this->create(wanted), another_id = this->create(another);
  for (int i = 0; i < 3; ++i) this->backend.open_session(wanted.username, this->password);
  this->backend.open_session(another.username, this->password);
  const auto own = this->await(this->directory.sessions(id));
  const auto others = this->await(this->directory.sessions(another_id));
  ASSERT_EQ(own.size(), 3U);
  ASSERT_EQ(others.size(), 1U);
  EXPECT_FALSE(own[0].ip_address.empty());
  EXPECT_TRUE(own[0].started_at && own[0].last_used_at);
  EXPECT_EQ(this->refusal(this->directory.end_session(id, others[0].id)), "404 Session not found");
  EXPECT_EQ(this->refusal(this->directory.end_session(id, "..")), "404 Session not found");
  this->await(this->directory.end_session(id, own[1].id));
  EXPECT_EQ(this->await(this->directory.sessions(id)).size(), 2U);
  EXPECT_EQ(this->refusal(this->directory.end_session(id, own[1].id)), "404 Session not found");
  this->await(this->directory.end_sessions(id));
  EXPECT_TRUE(this->await(this->directory.sessions(id)).empty());
  EXPECT_EQ(this->await(this->directory.sessions(another_id)).size(), 1U);
}

TYPED_TEST_P(DirectoryConformance, KnowsNobodyByAStrangeId) {
  using Names = std::vector<std::string>;
  const identity::UserChanges nothing;
  const auto link = identity::EmailAction::welcome;
  const std::string nobody = "404 User not found";
  for (const std::string id :
       {"11111111-2222-4333-8444-555555555555", "", ".", "..", "count", "profile", "a/b", "%2e%2e",
        "f:", "f:11111111-2222-4333-8444-555555555555:x", "------------------------------------"}) {
    SCOPED_TRACE(id);
    EXPECT_EQ(this->refusal(this->directory.user(id)), nobody);
    EXPECT_EQ(this->refusal(this->directory.update(id, nothing)), nobody);
    EXPECT_EQ(this->refusal(this->directory.remove(id)), nobody);
    EXPECT_EQ(this->refusal(this->directory.set_roles(id, Names{"customer"})), nobody);
    EXPECT_EQ(this->refusal(this->directory.set_tenant(id, this->tenant)), nobody);
    EXPECT_EQ(this->refusal(this->directory.set_tenant(id, std::nullopt)), nobody);
    EXPECT_EQ(this->refusal(this->directory.set_password(id, "a long password 2", false)), nobody);
    EXPECT_EQ(this->refusal(this->directory.send_action(id, link)), nobody);
    EXPECT_EQ(this->refusal(this->directory.sessions(id)), nobody);
    EXPECT_EQ(this->refusal(this->directory.end_session(id, "x")), nobody);
    EXPECT_EQ(this->refusal(this->directory.end_sessions(id)), nobody);
  }
}

TYPED_TEST_P(DirectoryConformance, NamesOrganizations) {
  const auto of = [this](const std::string& alias) {
    const auto all = this->await(this->directory.organizations());
    const auto same = [&](const identity::Organization& o) { return o.alias == alias; };
    const auto found = std::find_if(all.begin(), all.end(), same);
    return found == all.end() ? identity::Organization() : *found;
  };
  EXPECT_EQ(of(this->tenant).name, "Company " + this->mark);
  EXPECT_TRUE(of(this->tenant).enabled);
  EXPECT_EQ(of(this->mark + "-nowhere").alias, "");
  this->await(this->directory.ensure_organization(this->tenant,
                                                  "Company " + this->mark));  // again: no harm
  this->await(this->directory.set_organization_enabled(this->tenant, true));
  EXPECT_EQ(of(this->tenant).name, "Company " + this->mark);
}

TYPED_TEST_P(DirectoryConformance, AnswersAndHasNothingToRepair) {
  EXPECT_TRUE(this->await(this->directory.reachable()));
  this->await(this->directory.repair());
  EXPECT_EQ(this->admin("SELECT count(*) FROM identity.repairs"), "0");
}

REGISTER_TYPED_TEST_SUITE_P(DirectoryConformance, MakesAWholePerson,
                            MakesAPersonWithTheLeastThereIs, RefusesWhatIsTaken, RefusesWhatIsWrong,
                            FindsByEachNameAndTenantAndPage, ChangesAPerson, RemovesAPerson,
                            ReplacesRoles, MovesBetweenTenants, SetsPasswords, SendsLinks,
                            EndsSessions, KnowsNobodyByAStrangeId, NamesOrganizations,
                            AnswersAndHasNothingToRepair);

/// The emails among the .eml files of a directory that are addressed to `to`, oldest first.
inline std::vector<std::string> emails_in(const std::string& directory, const std::string& to) {
  std::vector<std::string> files, out;
  if (std::filesystem::exists(directory))
    for (const auto& entry : std::filesystem::directory_iterator(directory))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    const auto text = file_text(file);
    if (file.ends_with(".eml") && text.find(to) != std::string::npos) out.push_back(text);
  }
  return out;
}

}  // namespace pulse::test
