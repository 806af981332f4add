#pragma once
// Keycloak's Admin REST API (26.0) as Pulse's service account: token, requests, retries.
// Source: Keycloak's documentation "Admin REST API", and RFC 6749, 4.4 (client credentials).
#include <boost/json.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "platform/http/client.hpp"
#include "platform/task.hpp"

namespace pulse::identity {

struct KeycloakSettings {
  std::string base_url;  ///< as Pulse reaches it, without a slash at the end
  std::string realm = "pulse";
  std::string client_id = "pulse-service", client_secret;
  std::string ui_client = "pulse-ui";  ///< the client that links in emails lead back to
  std::string ui_url;                  ///< and where; empty: nowhere
  long invitation_s = 72 * 3600;       ///< how long links of invitations and welcomes work
  long timeout_ms = 5'000;             ///< of one request
};

struct KeycloakCall {
  KeycloakCall() = default;
  KeycloakCall(std::string method_, std::string path_)
      : method(std::move(method_)), path(std::move(path_)) {}
  KeycloakCall(std::string method_, std::string path_, boost::json::value body_)
      : method(std::move(method_)),
        path(std::move(path_)),
        body(std::move(body_)),
        has_body(true) {}
  std::string method;
  std::string path;  ///< below /admin/realms/{realm}
  boost::json::value body;
  bool has_body = false;
  /// Whether it may be sent again when nobody knows if it arrived. What never left is always sent
  /// again.
  bool repeatable = true;
  /// What a 500 means here; the `detail` of the 502.
  std::string failure = "Directory failed";
  int tries = 3;
  long timeout_ms = 0;  ///< 0: the settings'
};

struct KeycloakAnswer {
  KeycloakAnswer() = default;
  int status = 0;  ///< 2xx, 400, 404 or 409
  boost::json::value body;
  std::string location;   ///< of what was created
  bool repeated = false;  ///< an earlier try may have done it
  bool ok() const { return status >= 200 && status < 300; }
  /// What Keycloak says is wrong, in words; for 400 and 409.
  std::string complaint() const;
};

/// Shared by all loops; thread-safe.
class KeycloakAdmin {
 public:
  explicit KeycloakAdmin(KeycloakSettings settings);
  KeycloakAdmin(const KeycloakAdmin&) = delete;

  /// Throws HttpError 503 "Directory unavailable" when Keycloak can't be reached after some tries,
  /// 502 when it answers what it should not.
  Task<KeycloakAnswer> call(KeycloakCall call);
  const KeycloakSettings& settings() const { return settings_; }

 private:
  struct Request;
  struct Outcome;
  Task<Outcome> attempt(Request request);
  Task<Outcome> send(Request request);
  Task<std::string> token(const KeycloakCall& call);
  std::string cached_token();
  void forget_token(const std::string& token);

  KeycloakSettings settings_;
  std::mutex mutex_;
  std::string token_;             // under mutex_
  std::int64_t token_until_ = 0;  // steady ms, under mutex_
  http::OutboundClient client_;   // its threads bound how much is asked at once
};

/// A member of an object as text; empty when absent, null or no text.
std::string text_of(const boost::json::value& object, std::string_view name);

}  // namespace pulse::identity
