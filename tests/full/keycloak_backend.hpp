#pragma once
// A directory over a real Keycloak, and a proxy before it that fails where a test wants it to.
// Environment: KEYCLOAK_TEST_URL, KEYCLOAK_TEST_SECRET (of the client pulse-service),
// KEYCLOAK_TEST_OUTBOX (where the mail server that Keycloak uses puts .eml files).
#include "directory_conformance.hpp"
#include "identity/keycloak_directory.hpp"
#include "platform/http/message.hpp"
#include "platform/http/server.hpp"

namespace pulse::test {

inline std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value)
    throw std::runtime_error(std::string(name) + " is not set; these tests are run by tests/full");
  return value;
}

inline identity::KeycloakSettings keycloak_settings(std::string url) {
  identity::KeycloakSettings s;
  s.base_url = std::move(url);
  s.client_secret = from_environment("KEYCLOAK_TEST_SECRET");
  return s;
}

class KeycloakBackend {
 public:
  KeycloakBackend(PgTest& test, pg::Pool& pool)
      : test_(test),
        directory_(std::make_shared<identity::KeycloakAdmin>(
                       keycloak_settings(from_environment("KEYCLOAK_TEST_URL"))),
                   pool) {}

  identity::Directory& directory() { return directory_; }
  void add_tenant(const std::string& id, const std::string& name) {
    test_.await(directory_.ensure_organization(id, name));
  }
  bool accepts(const std::string& username, const std::string& password) {
    http::OutboundOptions options;
    options.allow_private = true;
    options.headers.add("Content-Type", "application/x-www-form-urlencoded");
    const auto answer = test_.await(client_.request(
        "POST",
        from_environment("KEYCLOAK_TEST_URL") + "/realms/pulse/protocol/openid-connect/token",
        "grant_type=password&client_id=pulse-ui&scope=openid&username=" +
            http::percent_encode(username) + "&password=" + http::percent_encode(password),
        options));
    return answer.status == 200;
  }
  void open_session(const std::string& username, const std::string& password) {
    ASSERT_TRUE(accepts(username, password));
  }
  std::vector<std::string> emails(const std::string& to) {
    return emails_in(from_environment("KEYCLOAK_TEST_OUTBOX"), to);
  }

 private:
  PgTest& test_;
  http::OutboundClient client_{1};
  identity::KeycloakDirectory directory_;
};

/// Hands requests on to Keycloak, but for those that a fault names.
class FaultyProxy {
 public:
  /// A request whose method and path (with query) fit is answered with `status` `times` times; with
  /// `after` Keycloak does it first, as when an answer is lost.
  struct Fault {
    std::string method, part;
    int status = 503, times = 1;
    bool after = false;
  };

  explicit FaultyProxy(boost::asio::io_context& io)
      : server_(io, http::ServerOptions(), handlers()) {
    server_.start();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  void fail(const std::string& method, const std::string& part, int status, int times,
            bool after = false) {
    faults_.push_back(Fault{method, part, status, times, after});
  }
  void heal() { faults_.clear(); }
  /// How often such a request came.
  int seen(const std::string& method, const std::string& part) const {
    return static_cast<int>(std::count_if(seen_.begin(), seen_.end(), [&](const auto& r) {
      return r.first == method && r.second.find(part) != std::string::npos;
    }));
  }
  void forget() { seen_.clear(); }

 private:
  http::ServerHandlers handlers() {
    http::ServerHandlers h;
    h.handle = [this](http::Request& request) { return answer(request); };
    h.body_limit = [](std::string_view, std::string_view) -> std::size_t { return 1 << 20; };
    return h;
  }

  Fault* fault_for(const http::Request& request) {
    for (auto& f : faults_)
      if (f.times > 0 && f.method == request.method &&
          request.target.find(f.part) != std::string::npos)
        return &f;
    return nullptr;
  }

  Task<http::Response> answer(http::Request& request) {
    seen_.emplace_back(request.method, request.target);
    int status = 0;
    bool after = true;
    if (auto* fault = fault_for(request)) {
      --fault->times;
      status = fault->status;
      after = fault->after;
    }
    http::Response response;
    if (after) response = co_await handed_on(request);
    if (status != 0) response = http::Response::json(status, "{\"error\":\"a fault of the test\"}");
    co_return response;
  }

  Task<http::Response> handed_on(const http::Request& request) {
    http::OutboundOptions options;
    options.allow_private = true;
    options.timeout_ms = 30'000;
    for (const char* name : {"Authorization", "Content-Type", "Accept"})
      if (const auto* value = request.headers.find(name)) options.headers.add(name, *value);
    const auto url = from_environment("KEYCLOAK_TEST_URL") + request.target;
    const auto got = co_await client_.request(request.method, url, request.body, options);
    http::Response response;
    response.status = got.status;
    response.body = got.body;
    for (const char* name : {"Content-Type", "Location"})
      if (const auto* value = got.headers.find(name)) response.headers.add(name, *value);
    co_return response;
  }

  std::vector<Fault> faults_;
  std::vector<std::pair<std::string, std::string>> seen_;
  http::OutboundClient client_{8};
  http::Server server_;
};

}  // namespace pulse::test
