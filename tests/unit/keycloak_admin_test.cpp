// Keycloak's Admin API as the service account: tokens, tries, and what answers mean; against a
// server that answers as it is told. The real one is in tests/full.
#include "identity/keycloak_admin.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "await.hpp"
#include "platform/errors.hpp"
#include "platform/http/server.hpp"

namespace pulse::identity {
namespace {

class KeycloakAdminTest : public ::testing::Test {
 public:
  boost::asio::io_context io{1};
  std::deque<http::Response> answers;  ///< to calls, in order; then 204
  std::vector<http::Request> calls;
  int tokens = 0;
  std::string token_answer = R"({"access_token":"token-N","expires_in":300})";
  int token_status = 200;
  http::Server server{io, http::ServerOptions(), handlers()};
  std::unique_ptr<KeycloakAdmin> admin;

  KeycloakAdminTest() {
    server.start();
    KeycloakSettings s;
    s.base_url = "http://127.0.0.1:" + std::to_string(server.port());
    s.client_secret = "a secret & more";
    admin = std::make_unique<KeycloakAdmin>(s);
  }

  KeycloakAnswer call(KeycloakCall c) { return test::await(io, admin->call(std::move(c))); }
  std::string refusal(KeycloakCall c) {
    try {
      call(std::move(c));
    } catch (const HttpError& e) {
      return std::to_string(e.status) + " " + e.what();
    }
    return {};
  }
  void answer(int status, std::string body = "{}") {
    answers.push_back(http::Response::json(status, std::move(body)));
  }
  static KeycloakCall get() { return {"GET", "/users/1"}; }

 private:
  http::ServerHandlers handlers() {
    http::ServerHandlers h;
    h.handle = [this](http::Request& r) { return handled(r); };
    h.body_limit = [](std::string_view, std::string_view) -> std::size_t { return 1 << 20; };
    return h;
  }
  Task<http::Response> handled(http::Request& r) {
    if (r.path == "/realms/pulse/protocol/openid-connect/token") {
      EXPECT_EQ(r.body,
                "grant_type=client_credentials&client_id=pulse-service&client_secret=a%20secret%20%"
                "26%20more");
      auto body = token_answer;
      if (const auto at = body.find("-N"); at != std::string::npos)
        body.replace(at, 2, "-" + std::to_string(++tokens));
      co_return http::Response::json(token_status, body);
    }
    calls.push_back(r);
    if (answers.empty()) {
      http::Response done;
      done.status = 204;
      co_return done;
    }
    auto next = std::move(answers.front());
    answers.pop_front();
    co_return next;
  }
};

TEST_F(KeycloakAdminTest, AsksForATokenOnce) {
  answer(200, R"({"id":"1"})");
  const auto first = call(get());
  EXPECT_TRUE(first.ok());
  EXPECT_EQ(text_of(first.body, "id"), "1");
  EXPECT_TRUE(call(get()).ok());
  EXPECT_EQ(tokens, 1);
  EXPECT_EQ(calls.at(0).path, "/admin/realms/pulse/users/1");
  EXPECT_EQ(calls.at(1).headers.get("Authorization"), "Bearer token-1");
}

TEST_F(KeycloakAdminTest, RenewsARefusedToken) {
  call(get());
  answer(401);
  EXPECT_TRUE(call(get()).ok());
  EXPECT_EQ(calls.back().headers.get("Authorization"), "Bearer token-2");
  answer(401);
  answer(401);
  EXPECT_EQ(refusal(get()), "502 Directory refuses Pulse's service account");
  EXPECT_EQ(tokens, 3);
}

TEST_F(KeycloakAdminTest, RenewsATokenBeforeItEnds) {
  token_answer = R"({"access_token":"token-N","expires_in":0})";
  call(get());
  call(get());
  EXPECT_EQ(tokens, 2);
}

TEST_F(KeycloakAdminTest, TriesThreeTimesWhatMayBeRepeated) {
  answer(503);
  answer(500);
  const auto third = call(get());
  EXPECT_TRUE(third.ok());
  EXPECT_TRUE(third.repeated);
  calls.clear();
  for (int i = 0; i < 3; ++i) answer(503);
  EXPECT_EQ(refusal(get()), "503 Directory unavailable");
  EXPECT_EQ(calls.size(), 3U);
}

TEST_F(KeycloakAdminTest, SendsTheRestOnce) {
  KeycloakCall post("POST", "/users", boost::json::object{{"username", "ada"}});
  post.repeatable = false;
  answer(504);
  EXPECT_EQ(refusal(post), "503 Directory unavailable");
  EXPECT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].body, R"({"username":"ada"})");
  answer(429);  // not taken at all
  EXPECT_TRUE(call(post).ok());
  EXPECT_EQ(calls.size(), 3U);
}

TEST_F(KeycloakAdminTest, TellsWhatItsCallersCanJudge) {
  answer(404);
  EXPECT_EQ(call(get()).status, 404);
  answer(409, R"({"errorMessage":"User exists with same email"})");
  EXPECT_EQ(call(get()).complaint(), "User exists with same email");
  answer(400, R"({"errors":[{"field":"email","errorMessage":"error-invalid-email"},
                            {"field":"firstName","errorMessage":"too long"}]})");
  EXPECT_EQ(call(get()).complaint(), "email: error-invalid-email; firstName: too long");
  answer(
      400,
      R"({"error":"invalidPassword","error_description":"Invalid password: minimum length 10."})");
  EXPECT_EQ(call(get()).complaint(), "Invalid password: minimum length 10.");
  answer(400, "not JSON");
  EXPECT_EQ(call(get()).complaint(), "The directory refuses it");
}

TEST_F(KeycloakAdminTest, RefusesWhatItShouldNotAnswer) {
  answer(403);
  EXPECT_EQ(refusal(get()), "502 Directory refuses Pulse's service account");
  answer(200, "<html>");
  EXPECT_EQ(refusal(get()), "502 Directory answers what it should not");
  answer(302);
  EXPECT_EQ(refusal(get()), "502 Directory answers what it should not");
  for (int i = 0; i < 3; ++i) answer(500);
  auto email = get();
  email.failure = "Email could not be sent";
  EXPECT_EQ(refusal(email), "502 Email could not be sent");
}

TEST_F(KeycloakAdminTest, SaysWhenThereIsNoToken) {
  token_status = 401;
  token_answer = R"({"error":"unauthorized_client"})";
  EXPECT_EQ(refusal(get()), "502 Directory refuses Pulse's service account");
  token_status = 200;
  token_answer = "{}";
  EXPECT_EQ(refusal(get()), "502 Directory refuses Pulse's service account");
  token_status = 503;
  EXPECT_EQ(refusal(get()), "503 Directory unavailable");
  KeycloakSettings none = admin->settings();
  none.client_secret.clear();
  admin = std::make_unique<KeycloakAdmin>(none);
  EXPECT_EQ(refusal(get()),
            "503 Directory is not set up: KEYCLOAK_SERVICE_CLIENT_SECRET is missing");
  EXPECT_TRUE(calls.empty());
}

}  // namespace
}  // namespace pulse::identity
