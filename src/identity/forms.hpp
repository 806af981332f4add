#pragma once
// Forms of the issuer: what they carry is signed and bound to the browser's cookie, so that nothing
// is kept here for people who only look at a page, and no other site can post a form.
#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "identity/issuer.hpp"

namespace pulse::identity {

/// What an authorization request asks for.
struct AuthRequest {
  std::string client_id, redirect_uri, state, nonce, scope, code_challenge, response_mode;
};
BOOST_DESCRIBE_STRUCT(AuthRequest, (),
                      (client_id, redirect_uri, state, nonce, scope, code_challenge, response_mode))

inline constexpr const char* sso_cookie = "PULSE_SSO";

/// "/realms/{realm}/".
std::string realm_path(const IssuerSettings& s);
/// A Set-Cookie value for the issuer's paths.
std::string issuer_cookie(const IssuerDeps& d, std::string_view name, std::string_view value,
                          long age_s, bool http_only = true);

/// The browser that a form is for. A new one gets its cookie by `keep`.
class FormBrowser {
 public:
  explicit FormBrowser(const http::Request& request);
  /// Text that a form carries; `purpose` keeps one form's text out of another.
  std::string seal(const IssuerDeps& d, std::string_view purpose, std::string_view content) const;
  /// Nothing for what was not sealed for this browser and purpose within half an hour.
  std::optional<std::string> open(const IssuerDeps& d, std::string_view purpose,
                                  const std::string& sealed) const;
  void keep(const IssuerDeps& d, http::Response& response) const;

 private:
  std::string id_;
  bool fresh_ = false;
};

/// Opens a session for who has just proved to be `user`, and goes back to the application with a
/// code.
Task<http::Response> enter(IssuerDeps d, AuthRequest a, User user, http::Raw request);

/// The page where a temporary password is replaced, before anything is granted.
http::Response ask_new_password(const IssuerDeps& d, const AuthRequest& a, const User& user,
                                const http::Request& request, std::vector<std::string> faults);

}  // namespace pulse::identity
