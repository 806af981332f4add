// Passwords: the password grant, limits on failures, equal times, users without one.
#include "identity/issuer.hpp"
#include "identity_fixture.hpp"
#include "tenancy/guard.hpp"

namespace pulse::test {
namespace {

TEST_F(IssuerTest, password_grant_is_for_development) {
  deps.settings.password_grant = false;
  mount();
  const auto r = by_password("ada", "right password");
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(error_of(r), "unauthorized_client");
}

TEST_F(IssuerTest, password_grant_and_token_endpoint_errors) {
  mount();
  const auto good = by_password("Ada@Demo.Example", "right password");
  ASSERT_EQ(good.status, 200) << good.body;
  EXPECT_EQ(object(good).at("scope"), "openid email") << "unknown scopes are not given";
  EXPECT_EQ(refresh(text(object(good), "refresh_token")).status, 200);
  for (const char* name : {"ada", "nobody", "", "ada\x01", "\xff\xfe"}) {
    const auto r = by_password(name, "wrong");
    EXPECT_EQ(r.status, 401) << name;
    EXPECT_EQ(error_of(r), "invalid_grant");
  }
  EXPECT_EQ(by_password("ada", "").status, 401);
  EXPECT_EQ(by_password(std::string("ada\0x", 5), "right password").status, 401);
  const auto status_of = [&](const Fields& form, const std::string& error) {
    const auto r = post("protocol/openid-connect/token", form);
    EXPECT_EQ(error_of(r), error);
    return r.status;
  };
  EXPECT_EQ(status_of({{"grant_type", "password"}, {"client_id", "x"}}, "invalid_client"), 401);
  EXPECT_EQ(status_of({{"client_id", "pulse-ui"}}, "invalid_request"), 400);
  EXPECT_EQ(
      status_of({{"grant_type", "implicit"}, {"client_id", "pulse-ui"}}, "unsupported_grant_type"),
      400);
}

TEST_F(IssuerTest, failures_of_one_user_count_together_whatever_the_spelling) {
  mount();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(by_password("ADA", "wrong").status, 401);
    EXPECT_EQ(by_password("ada@demo.example", "wrong").status, 401);
  }
  const auto r = by_password("ada", "right password");
  EXPECT_EQ(r.status, 429);
  EXPECT_FALSE(r.headers.get("Retry-After").empty());
  EXPECT_EQ(error_of(r), "temporarily_unavailable");
  Jar jar;
  const auto page = sign_in(jar, auth_query());
  EXPECT_EQ(page.status, 429);
  EXPECT_FALSE(page.headers.get("Retry-After").empty());
  EXPECT_EQ(by_password("nobody", "x").status, 401) << "others are not blocked";
}

TEST_F(IssuerTest, failures_of_one_address_count_over_all_users) {
  deps.failures_by_address = std::make_shared<tenancy::FailureLimit>(3, 60, 100);
  mount();
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(by_password(name, "x").status, 401);
  EXPECT_EQ(by_password("ada", "right password").status, 429);
}

TEST_F(IssuerTest, an_unknown_user_takes_as_long_as_a_known_one) {
  deps.failures_by_user = std::make_shared<tenancy::FailureLimit>(1000, 300, 100);
  mount();
  by_password("nobody", "wrong");
  const auto fastest = [&](const char* name) {
    std::int64_t best = 1'000'000;
    for (int i = 0; i < 4; ++i) {
      const auto start = steady_us();
      by_password(name, "wrong");
      best = std::min(best, steady_us() - start);
    }
    return best;
  };
  const auto known = fastest("ada"), unknown = fastest("nobody");
  EXPECT_GT(unknown * 3, known);
  EXPECT_GT(known * 3, unknown);
}

TEST_F(IssuerTest, a_user_without_password_can_not_sign_in_and_updates_keep_it) {
  mount();
  identity::NewUser u;
  u.username = "Bob";
  auto id = await(identity::ensure_user(pool, u));
  EXPECT_EQ(by_password("bob", "").status, 401);
  EXPECT_EQ(by_password("bob", "x").status, 401);
  u.password = "bob's";
  EXPECT_EQ(await(identity::ensure_user(pool, u)), id);
  u.password.clear();
  u.first_name = "Bob";
  EXPECT_EQ(await(identity::ensure_user(pool, u)), id);
  const auto r = by_password("bob", "bob's");
  ASSERT_EQ(r.status, 200);
  const auto a = claims(text(object(r), "access_token"));
  EXPECT_EQ(a.at("name"), "Bob");
  EXPECT_FALSE(a.contains("organization"));
  EXPECT_FALSE(a.contains("tenant_id"));
}

TEST_F(IssuerTest, password_checks_that_can_not_wait_are_refused) {
  const auto check = [](std::shared_ptr<identity::PasswordWorkers> w, int& busy) -> Task<> {
    try {
      co_await w->fits("x", std::nullopt);
    } catch (const HttpError& e) {
      if (e.status == 503) ++busy;
    }
  };
  int busy = 0, done = 0;
  for (int i = 0; i < 70; ++i)
    boost::asio::co_spawn(io, check(deps.passwords, busy), [&](std::exception_ptr) { ++done; });
  while (done < 70) {
    io.restart();
    io.run_one();
  }
  EXPECT_EQ(busy, 6);
  EXPECT_FALSE(await(deps.passwords->fits("x", std::nullopt))) << "and the place is free again";
}

}  // namespace
}  // namespace pulse::test
