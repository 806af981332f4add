#pragma once
// The issuer's endpoints under /realms/{realm}/, at the paths of Keycloak, so that its clients work
// unchanged (OpenID Connect Core 1.0, RFC 6749, RFC 7636).
#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "identity/action_links.hpp"
#include "identity/keys.hpp"
#include "identity/store.hpp"
#include "platform/http/router.hpp"
#include "tenancy/audit.hpp"
#include "tenancy/guard.hpp"
#include "tenancy/revocations.hpp"

namespace pulse::identity {

struct IssuerSettings {
  std::string base_url;  ///< as browsers reach us, without a slash at the end
  std::string realm = "pulse", client_id = "pulse-ui";
  bool password_grant = false;  ///< MODE=DEV only
  bool secure_cookies = false;
  /// Origins that may be redirected to; with `any_local_port` also localhost and 127.0.0.1 on any.
  std::vector<std::string> redirect_origins;
  bool any_local_port = false;
  std::string application_url;  ///< where people go on after setting a password
  std::string form_key;         ///< signs the forms
  std::string demo_hint;        ///< a line under the form, in development
  long access_s = 300;
};

/// Verifies passwords off the loops, a few at once.
class PasswordWorkers {
 public:
  explicit PasswordWorkers(int threads = 1);
  /// False for a wrong password. Without a hash the same work is done, so that an unknown user
  /// takes as long as a known one. Throws HttpError 503 when too many wait.
  Task<bool> fits(std::string password, std::optional<std::string> hash);
  /// The hash of a new password. Throws HttpError 503 when too many wait.
  Task<std::string> hash(std::string password);

 private:
  Task<bool> verify(std::string password, std::optional<std::string> hash);

  std::atomic<int> waiting_{0};
  std::once_flag made_;
  std::string nobody_;             // the hash of a password that nobody knows
  boost::asio::thread_pool pool_;  // ends first
};

struct IssuerDeps {
  pg::Pool* pool = nullptr;  ///< of the loop
  std::shared_ptr<KeyStore> keys;
  std::shared_ptr<PasswordWorkers> passwords;
  std::shared_ptr<tenancy::FailureLimit> failures_by_address, failures_by_user;
  std::shared_ptr<tenancy::FailureLimit> resets_by_address;  ///< asked for, known address or not
  std::shared_ptr<tenancy::AuditLog> audit;
  std::shared_ptr<tenancy::Revocations> revocations;  ///< unset: access tokens end by themselves
  ActionLinks links;
  IssuerSettings settings;
};

void mount(http::Router& router, IssuerDeps deps);

// ---- parts, for the issuer's own files and its tests ----

/// Fields of application/x-www-form-urlencoded text; the first of a name counts.
class Form {
 public:
  explicit Form(std::string_view text);
  std::string get(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

std::string issuer_of(const IssuerSettings& s);
/// Scheme, host and port of an http(s) URL; empty for anything else.
std::string origin_of(std::string_view url);
bool may_redirect(const IssuerSettings& s, std::string_view url);
/// RFC 7636, 4.6: S256.
bool pkce_fits(std::string_view verifier, std::string_view challenge);

struct TokenSet {
  std::string access, id;
};
/// Access and id token of a user's session.
TokenSet make_tokens(const IssuerDeps& d, const SessionUser& who, const std::string& scope,
                     const std::string& nonce);

/// The known ones of the wanted scopes, "openid" at least.
std::string granted_scope(std::string_view wanted);
/// What RFC 6749 (appendix A) allows in parameters: printable ASCII.
bool is_plain(std::string_view text);
/// What OpenID Connect Core 1.0, 5.1 says of a user; for tokens and the userinfo endpoint.
void add_profile(boost::json::object& claims, const User& user);

/// Where a request comes from, for the list of sessions and the audit log.
struct Visitor {
  std::string address, agent, request_id;
};
Visitor visitor_of(const http::Request& request);

/// The user that these credentials name; failures and the lock that they lead to are audited.
/// Throws HttpError 429 after too many failures, 503 when too many wait.
Task<std::optional<User>> check_password(IssuerDeps d, std::string name, std::string password,
                                         Visitor from);

/// Writes an event of category security through, e.g. ("auth.login", "login"). `user` may be null;
/// `name` is then what was typed.
Task<> note_security(IssuerDeps d, std::string event_type, std::string severity,
                     std::string message, const User* user, std::string name, Visitor from,
                     boost::json::object details = {});

void mount_authorization(http::Router& router, const IssuerDeps& deps);
void mount_passwords(http::Router& router, const IssuerDeps& deps);
void mount_tokens(http::Router& router, const IssuerDeps& deps);
void mount_documents(http::Router& router, const IssuerDeps& deps);

}  // namespace pulse::identity
