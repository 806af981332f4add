#include <gtest/gtest.h>

#include "identity/issuer.hpp"
#include "platform/errors.hpp"
#include "platform/http/address.hpp"
#include "tenancy/guard.hpp"
#include "tenancy/permissions.hpp"

namespace pulse {

using namespace tenancy;

namespace {
Caller with_roles(std::vector<std::string> roles, std::string tenant = "acme") {
  Caller c;
  c.user_id = "u";
  c.roles = std::move(roles);
  c.tenant_id = std::move(tenant);
  return c;
}
}  // namespace

Membership with_permissions(std::vector<std::string> permissions) {
  Membership m;
  m.permissions = std::move(permissions);
  return m;
}

TEST(Permissions, unknown_ones_nobody_holds) {
  EXPECT_FALSE(holds(with_roles({"tenant-admin"}), nullptr, "devices.fly"));
  EXPECT_FALSE(known_permission(""));
  EXPECT_TRUE(known_permission("devices.create"));
  EXPECT_TRUE(known_permission("users.roles"));
}

TEST(Permissions, roles_hold_what_they_should) {
  const auto m = with_permissions({"devices.create", "devices.read"});
  EXPECT_TRUE(holds(with_roles({"tenant-admin"}), nullptr, "users.roles"));
  EXPECT_TRUE(holds(with_roles({"customer"}), &m, "devices.create"));
  EXPECT_FALSE(holds(with_roles({"customer"}), &m, "users.roles"));
  EXPECT_FALSE(holds(with_roles({"customer"}), nullptr, "devices.read"));
  EXPECT_FALSE(holds(with_roles({}), &m, "devices.read"));
  EXPECT_EQ(held_by(with_roles({"customer"}), &m), m.permissions);
  EXPECT_EQ(held_by(with_roles({"tenant-admin"}), nullptr).size(), all_permissions().size());
}

TEST(Permissions, a_token_holds_no_more_than_its_scopes_and_its_owner) {
  const auto m = with_permissions({"devices.read"});
  auto token = with_roles({"customer"});
  token.by_api_token = "t";
  EXPECT_FALSE(holds(token, &m, "devices.read"));
  token.scopes = {"devices.read", "sites.write"};
  EXPECT_TRUE(holds(token, &m, "devices.read"));
  EXPECT_FALSE(holds(token, &m, "sites.write"));
  token.roles.emplace_back("tenant-admin");
  EXPECT_TRUE(holds(token, &m, "sites.write"));
  EXPECT_FALSE(holds(token, &m, "users.roles"));
  auto machine = with_roles({"customer"});
  machine.by_api_token = "s";
  machine.is_service = true;
  machine.scopes = {"sites.write"};
  EXPECT_TRUE(holds(machine, nullptr, "sites.write"));
  EXPECT_FALSE(holds(machine, &m, "devices.read"));
}

TEST(Guard, operators_need_a_tenant_in_their_token_and_so_do_customers) {
  EXPECT_THROW(require_customer(with_roles({"operator-admin"}, "")), HttpError);
  EXPECT_NO_THROW(require_customer(with_roles({"operator-admin"})));
  EXPECT_THROW(require_customer(with_roles({})), HttpError);
  EXPECT_THROW(require_customer(with_roles({"customer"}, "")), HttpError);
  EXPECT_NO_THROW(require_customer(with_roles({"customer", "operator"})));
  EXPECT_TRUE(with_roles({"operator-admin"}).is_operator());
}

TEST(Guard, networks_match_by_prefix) {
  EXPECT_TRUE(Network("10.0.0.0/8").contains("10.255.1.2"));
  EXPECT_FALSE(Network("10.0.0.0/8").contains("11.0.0.1"));
  EXPECT_TRUE(Network("10.0.0.0/8").contains("::ffff:10.1.2.3"));
  EXPECT_TRUE(Network("::1/128").contains("::1"));
  EXPECT_FALSE(Network("::1/128").contains("127.0.0.1"));
  EXPECT_TRUE(Network("0.0.0.0/0").contains("8.8.8.8"));
  EXPECT_FALSE(Network("192.168.1.7").contains("192.168.1.8"));
  EXPECT_THROW(Network("10.0.0.0/33"), std::invalid_argument);
  EXPECT_THROW(Network("home"), std::invalid_argument);
}

TEST(Address, is_read_as_headers_write_it) {
  const auto plain = [](const char* text) { return http::plain_address(text).value_or("none"); };
  EXPECT_EQ(plain("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(plain("192.0.2.1:443"), "192.0.2.1");
  EXPECT_EQ(plain("[2001:DB8::1]:443"), "2001:db8::1");
  EXPECT_EQ(plain("fe80::1%eth0"), "fe80::1");
  EXPECT_EQ(plain("::ffff:192.0.2.1"), "192.0.2.1");
  for (const char* bad : {"", "unknown", "[::1", "1.2.3", "1.2.3.4.5", "_hidden", "host:80"})
    EXPECT_EQ(plain(bad), "none") << bad;
}

TEST(FailureLimit, blocks_a_key_after_its_failures_and_only_that) {
  FailureLimit limit(3, 60, 100);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limit.blocked_for("a"), 0);
    limit.failed("a");
  }
  EXPECT_GT(limit.blocked_for("a"), 0);
  EXPECT_EQ(limit.blocked_for("b"), 0);
}

TEST(FailureLimit, memory_is_bounded) {
  FailureLimit limit(1, 60, 10);
  for (int i = 0; i < 1000; ++i) limit.failed("k" + std::to_string(i));
  int blocked = 0;
  for (int i = 0; i < 1000; ++i) blocked += limit.blocked_for("k" + std::to_string(i)) > 0;
  EXPECT_LE(blocked, 10);
}

TEST(Issuer, only_allowed_origins_are_redirected_to) {
  identity::IssuerSettings s;
  s.redirect_origins.push_back("https://pulse.example");
  EXPECT_TRUE(may_redirect(s, "https://pulse.example/callback?x=1"));
  for (const char* bad :
       {"https://pulse.example.evil.com/", "https://pulse.example@evil.com/",
        "http://pulse.example/", "https://pulse.example:444/", "javascript:alert(1)",
        "//pulse.example/", "", "https://pulse.example\\@evil.com/", "https://pulse.example /",
        "http://localhost:3000/"})
    EXPECT_FALSE(may_redirect(s, bad)) << bad;
  s.any_local_port = true;
  EXPECT_TRUE(may_redirect(s, "http://localhost:3000/x"));
  EXPECT_TRUE(may_redirect(s, "http://127.0.0.1:5173/"));
  EXPECT_FALSE(may_redirect(s, "http://localhost.evil.com/"));
}

TEST(Issuer, pkce_gives_rfc_7636_appendix_b) {
  EXPECT_TRUE(identity::pkce_fits("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                                  "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
  EXPECT_FALSE(identity::pkce_fits("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK",
                                   "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
  EXPECT_FALSE(identity::pkce_fits("short", "short"));
}

TEST(Issuer, forms_are_decoded_and_the_first_of_a_name_counts) {
  const identity::Form form("a=1+2&b=%C3%A4&a=3&c&bad=%zz");
  EXPECT_EQ(form.get("a"), "1 2");
  EXPECT_EQ(form.get("b"), "ä");
  EXPECT_EQ(form.get("c"), "");
  EXPECT_EQ(form.get("bad"), "");
}

}  // namespace pulse
