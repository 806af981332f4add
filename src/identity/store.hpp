#pragma once
// Users, sessions and codes of the embedded issuer. Secrets are stored hashed.
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::identity {

struct User {
  std::string id, username;
  std::optional<std::string> email, first_name, last_name, password_hash;
  bool enabled = true;
  std::vector<std::string> realm_roles;
  std::optional<std::string> tenant_id;
};
BOOST_DESCRIBE_STRUCT(User, (), (id, username, email, first_name, last_name, password_hash, enabled,
                                 realm_roles, tenant_id))

struct NewUser {
  std::string username, email, first_name, last_name, password;
  std::vector<std::string> roles;
  std::string tenant_id;  ///< empty: none
};

/// Makes the user or brings it up to date; the password is hashed here (slow). Returns the id.
Task<std::string> ensure_user(pg::Pool& pool, NewUser user);
/// By user name or email, without case.
Task<std::optional<User>> find_user(pg::Pool& pool, std::string name);

struct Session {
  std::string id, user_id, scope;
};

/// How long sessions last: idle, and in all.
inline constexpr long session_idle_s = 1800, session_max_s = 36'000;

/// Opens a session; `cookie` (the browser's, may be empty) is stored hashed.
Task<std::string> open_session(pg::Pool& pool, std::string user_id, std::string cookie,
                               std::string address, std::string agent);
/// The live session and enabled user of a browser's cookie.
struct SessionUser {
  std::string session_id, scope;
  User user;
};
Task<std::optional<SessionUser>> session_of_cookie(pg::Pool& pool, std::string cookie);

struct CodeGrant {
  std::string client_id, redirect_uri, code_challenge, nonce, scope;
};
/// A code for one exchange within 60 s.
Task<std::string> issue_code(pg::Pool& pool, std::string user_id, std::string session_id,
                             CodeGrant grant);
struct RedeemedCode {
  CodeGrant grant;
  SessionUser who;
};
/// Nothing for an unknown, used or expired code, or an ended session.
Task<std::optional<RedeemedCode>> redeem_code(pg::Pool& pool, std::string code);

/// Gives the session a first or next refresh token and returns it.
Task<std::string> set_refresh(pg::Pool& pool, std::string session_id, std::string scope);
/// The session of a refresh token, with a new token in its place. The one before is still good for
/// ten seconds (two tabs refresh at once); after that its use ends the session.
struct Rotated {
  SessionUser who;
  std::string refresh_token;
};
Task<std::optional<Rotated>> rotate_refresh(pg::Pool& pool, std::string token);

Task<> end_session(pg::Pool& pool, std::string session_id);
Task<> end_session_of_cookie(pg::Pool& pool, std::string cookie);
Task<> end_session_of_refresh(pg::Pool& pool, std::string token);

}  // namespace pulse::identity
