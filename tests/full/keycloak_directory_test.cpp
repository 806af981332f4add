// The directory over a real Keycloak: the suite of every directory, and what happens when Keycloak
// fails midway.
#include "keycloak_backend.hpp"

namespace pulse::test {

INSTANTIATE_TYPED_TEST_SUITE_P(Keycloak, DirectoryConformance, KeycloakBackend);

class KeycloakFaults : public DirectoryConformance<KeycloakBackend> {
 public:
  FaultyProxy proxy{io};
  identity::KeycloakDirectory shaky{
      std::make_shared<identity::KeycloakAdmin>(keycloak_settings(proxy.url())), pool};

  std::string repairs() { return admin("SELECT count(*) FROM identity.repairs"); }
  /// As if the time until the next try had passed, and a process that held it had died.
  void let_time_pass() {
    admin(
        "UPDATE identity.repairs SET due_at = now() - interval '1 s', held_until = now() - "
        "interval '1 s'");
  }
  /// A person of `tenant` in good standing.
  std::string settled(const std::string& name, Names roles = {"customer"}) {
    auto u = person(name);
    u.tenant_id = tenant;
    u.roles = std::move(roles);
    return create(u);
  }
};

TEST_F(KeycloakFaults, TriesAgainWhatMayBeSentAgain) {
  const auto id = settled("again");
  proxy.fail("GET", "/users/" + id, 503, 2);
  EXPECT_EQ(await(shaky.user(id)).tenant_id, tenant);
  proxy.fail("GET", "/users/" + id, 503, 99);
  EXPECT_EQ(refusal(shaky.user(id)), "503 Directory unavailable");
  proxy.heal();
  proxy.fail("GET", "/users/" + id, 500, 99);
  EXPECT_EQ(refusal(shaky.user(id)), "502 Directory failed");
  proxy.heal();
  proxy.fail("DELETE", "/users/" + id, 504, 1, true);  // done, and the answer lost
  EXPECT_EQ(refusal(shaky.remove(id)), "");
  EXPECT_EQ(refusal(directory.user(id)), "404 User not found");
}

TEST_F(KeycloakFaults, SendsAnEmailOnlyOnce) {
  const auto wanted = person("once");
  const auto id = create(wanted);
  proxy.fail("PUT", "/execute-actions-email", 504, 1, true);
  EXPECT_EQ(refusal(shaky.send_action(id, identity::EmailAction::welcome)),
            "503 Directory unavailable");
  EXPECT_EQ(backend.emails(wanted.email).size(), 1U);
  proxy.fail("PUT", "/execute-actions-email", 500, 1);
  EXPECT_EQ(refusal(shaky.send_action(id, identity::EmailAction::welcome)),
            "502 Email could not be sent");
}

TEST_F(KeycloakFaults, TakesANewTokenWhenTheOldOneIsRefused) {
  const auto id = settled("token");
  await(shaky.user(id));
  EXPECT_EQ(proxy.seen("POST", "/openid-connect/token"), 1);
  proxy.fail("GET", "/users/" + id, 401, 1);
  EXPECT_EQ(await(shaky.user(id)).id, id);
  EXPECT_EQ(proxy.seen("POST", "/openid-connect/token"), 2);
  proxy.fail("GET", "/users/" + id, 403, 1);
  EXPECT_EQ(refusal(shaky.user(id)), "502 Directory refuses Pulse's service account");
}

TEST_F(KeycloakFaults, SaysWhoIsAtFault) {
  auto wrong = keycloak_settings(from_environment("KEYCLOAK_TEST_URL"));
  wrong.client_secret += "x";
  identity::KeycloakDirectory refused(std::make_shared<identity::KeycloakAdmin>(wrong), pool);
  EXPECT_EQ(refusal(refused.organizations()), "502 Directory refuses Pulse's service account");
  EXPECT_FALSE(await(refused.reachable()));
  auto nowhere = keycloak_settings("http://127.0.0.1:" + std::to_string(free_port()));
  identity::KeycloakDirectory lost(std::make_shared<identity::KeycloakAdmin>(nowhere), pool);
  EXPECT_EQ(refusal(lost.organizations()), "503 Directory unavailable");
  EXPECT_FALSE(await(lost.reachable()));
}

TEST_F(KeycloakFaults, UndoesAPersonWhoCanNotBeFinished) {
  auto wanted = person_with_password("half");
  wanted.tenant_id = tenant;
  for (const auto& [method, part] : std::vector<std::pair<std::string, std::string>>{
           {"POST", "/role-mappings/"}, {"POST", "/members"}, {"PUT", "/users/"}}) {
    SCOPED_TRACE(part);
    proxy.fail(method, part, 500, 99);
    EXPECT_EQ(refusal(shaky.create(wanted)), "502 Directory failed");
    EXPECT_FALSE(await(directory.user_of_name(wanted.username)));
    EXPECT_EQ(repairs(), "0");
    proxy.heal();
  }
  EXPECT_EQ(refusal(shaky.create(wanted)), "");
}

TEST_F(KeycloakFaults, UndoesAPersonWhoseCreationIsUncertain) {
  const auto wanted = person("lost");
  proxy.fail("POST", "/admin/realms/pulse/users", 504, 1, true);  // made, and the answer lost
  EXPECT_EQ(refusal(shaky.create(wanted)), "503 Directory unavailable");
  EXPECT_EQ(proxy.seen("POST", "/admin/realms/pulse/users"), 1);
  EXPECT_FALSE(await(directory.user_of_name(wanted.username)));
  EXPECT_EQ(repairs(), "1");  // it may still come
  await(directory.repair());
  EXPECT_EQ(repairs(), "1");  // not yet
  let_time_pass();
  await(directory.repair());
  EXPECT_EQ(repairs(), "0");
  EXPECT_NE(create(wanted), "");
}

TEST_F(KeycloakFaults, UndoesLaterWhatCanNotBeUndoneAtOnce) {
  const auto wanted = person_with_password("later");
  proxy.fail("POST", "/role-mappings/", 500, 99);
  proxy.fail("DELETE", "/users/", 500, 99);
  EXPECT_EQ(refusal(shaky.create(wanted)), "502 Directory failed");
  const auto left = await(directory.user_of_name(wanted.username));
  ASSERT_TRUE(left);
  EXPECT_FALSE(left->enabled);
  EXPECT_FALSE(backend.accepts(wanted.username, password));
  EXPECT_EQ(repairs(), "1");
  let_time_pass();
  await(shaky.repair());  // Keycloak fails on: it stays, with the reason
  EXPECT_EQ(admin("SELECT attempts || ' ' || last_error FROM identity.repairs"),
            "2 Directory failed");
  proxy.heal();
  let_time_pass();
  await(shaky.repair());
  EXPECT_EQ(repairs(), "0");
  EXPECT_FALSE(await(directory.user_of_name(wanted.username)));
}

TEST_F(KeycloakFaults, GoesBackToTheTenantWhenAMoveFails) {
  const auto id = settled("mover");
  proxy.fail("POST", "/members", 500, 3);  // as often as it is tried
  EXPECT_EQ(refusal(shaky.set_tenant(id, other_tenant)), "502 Directory failed");
  EXPECT_EQ(user(id).tenant_id, tenant);
  EXPECT_EQ(repairs(), "0");
  // And when going back fails, too.
  proxy.fail("POST", "/members", 500, 99);
  EXPECT_EQ(refusal(shaky.set_tenant(id, other_tenant)), "502 Directory failed");
  EXPECT_EQ(user(id).tenant_id, std::nullopt);  // never in two
  EXPECT_EQ(repairs(), "1");
  proxy.heal();
  let_time_pass();
  await(shaky.repair());
  EXPECT_EQ(user(id).tenant_id, tenant);
  EXPECT_EQ(repairs(), "0");
}

TEST_F(KeycloakFaults, GoesBackToTheRolesWhenAChangeFails) {
  const auto id = settled("roles", Names{"customer", "tenant-admin"});
  proxy.fail("POST", "/role-mappings/", 500, 99);
  EXPECT_EQ(refusal(shaky.set_roles(id, Names{"operator"})), "502 Directory failed");
  EXPECT_TRUE(user(id).roles.empty());
  EXPECT_EQ(repairs(), "1");
  // Another change may go on from there; if that fails, the state before the first one comes back.
  EXPECT_EQ(refusal(shaky.set_roles(id, Names{"operator"})), "502 Directory failed");
  EXPECT_EQ(repairs(), "1");
  proxy.heal();
  let_time_pass();
  await(shaky.repair());
  EXPECT_EQ(sorted(user(id).roles), (Names{"customer", "tenant-admin"}));
  await(shaky.set_roles(id, Names{"operator"}));
  EXPECT_EQ(user(id).roles, Names{"operator"});
  EXPECT_EQ(repairs(), "0");
}

TEST_F(KeycloakFaults, FinishesWhatACrashLeft) {
  const auto id = settled("crash");
  const auto before = user(id);
  // What stands there when a process died between the two steps of a move.
  const auto organizations = await(directory.organizations());
  const auto same = [&](const identity::Organization& o) { return o.alias == tenant; };
  const auto home = std::find_if(organizations.begin(), organizations.end(), same)->id;
  await(directory.set_tenant(id, std::nullopt));
  identity::Repair held("organizations", id, {{"organizations", {home}}});
  await(identity::begin_repair(pool, held));
  EXPECT_EQ(refusal(directory.set_tenant(id, other_tenant)),
            "503 The user is being changed; try again");
  await(directory.repair());
  EXPECT_EQ(user(id).tenant_id, std::nullopt);  // it might be alive yet
  let_time_pass();
  await(directory.repair());
  EXPECT_EQ(user(id).tenant_id, before.tenant_id);
  EXPECT_EQ(repairs(), "0");
  // The user gone meanwhile: nothing to go back to.
  await(identity::begin_repair(pool, held));
  await(directory.remove(id));
  let_time_pass();
  await(directory.repair());
  EXPECT_EQ(repairs(), "0");
}

TEST_F(KeycloakFaults, KeepsOrganizations) {
  const auto of = [&](const std::string& alias) {
    const auto all = await(shaky.organizations());
    const auto same = [&](const identity::Organization& o) { return o.alias == alias; };
    const auto found = std::find_if(all.begin(), all.end(), same);
    return found == all.end() ? identity::Organization() : *found;
  };
  const auto id = settled("member");
  await(shaky.ensure_organization(tenant, "Renamed " + mark));
  EXPECT_EQ(of(tenant).name, "Renamed " + mark);
  // Keycloak's names are unique; tenants' need not be.
  await(shaky.ensure_organization(other_tenant, "Renamed " + mark));
  EXPECT_EQ(of(other_tenant).name, "Renamed " + mark + " (" + other_tenant + ")");
  await(shaky.ensure_organization(other_tenant, "Renamed " + mark));
  await(shaky.set_organization_enabled(tenant, false));
  EXPECT_FALSE(of(tenant).enabled);
  EXPECT_EQ(user(id).tenant_id, tenant);
  await(shaky.set_organization_enabled(tenant, true));
  EXPECT_TRUE(of(tenant).enabled);
  EXPECT_EQ(of(tenant).name, "Renamed " + mark);
  proxy.fail("POST", "/organizations", 504, 1, true);  // made, and the answer lost
  const auto third = mark + "-c";
  await(shaky.ensure_organization(third, "Third " + mark));
  EXPECT_EQ(of(third).name, "Third " + mark);
  EXPECT_EQ(find("", tenant).total, 1);  // `directory` remembers the organization's id
  await(shaky.remove_organization(tenant));
  await(shaky.remove_organization(tenant));
  EXPECT_EQ(of(tenant).alias, "");
  EXPECT_EQ(user(id).tenant_id, std::nullopt);
  EXPECT_EQ(find("", tenant).total, 0);
  EXPECT_EQ(refusal(directory.set_tenant(id, tenant)), "404 Organization not found");
}

TEST_F(KeycloakFaults, AsksForAPageInAFewRequests) {
  for (int i = 0; i < 8; ++i) settled("many" + std::to_string(i));
  await(shaky.users(identity::UserQuery()));  // the token
  proxy.forget();
  identity::UserQuery q;
  q.tenant_id = tenant;
  EXPECT_EQ(await(shaky.users(q)).users.size(), 8U);
  EXPECT_EQ(proxy.seen("GET", "/role-mappings/"), 8);
  EXPECT_EQ(proxy.seen("GET", ""), 8 + 2);       // and the organization, and its members
  proxy.fail("GET", "/role-mappings/", 404, 1);  // one goes while we look
  EXPECT_EQ(await(shaky.users(q)).users.size(), 7U);
  proxy.fail("GET", "/role-mappings/", 500, 99);
  EXPECT_EQ(refusal(shaky.users(q)), "502 Directory failed");
}

}  // namespace pulse::test
