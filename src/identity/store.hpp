#pragma once
// Users, sessions and codes of the embedded issuer. Secrets are stored hashed.
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/clock.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::identity {

struct User {
  std::string id, username;
  std::optional<std::string> email, first_name, last_name, password_hash;
  bool enabled = true, email_verified = false;
  bool password_temporary = false;  ///< another must be chosen before anything is granted
  std::vector<std::string> realm_roles;
  std::optional<std::string> tenant_id;
};
BOOST_DESCRIBE_STRUCT(User, (),
                      (id, username, email, first_name, last_name, password_hash, enabled,
                       email_verified, password_temporary, realm_roles, tenant_id))

/// Names are text that PostgreSQL takes: UTF-8 without control characters, of sensible length.
bool can_be_name(std::string_view name);
bool is_uuid(std::string_view text);

struct NewUser {
  std::string username, email, first_name, last_name, password;
  std::vector<std::string> roles;
  std::string tenant_id;  ///< empty: none
};

/// Makes the user or brings it up to date; the password is hashed here (slow). An empty password
/// leaves the one that is there; a user without one can't sign in. The address counts as proven:
/// who calls this knows the person. Returns the id.
Task<std::string> ensure_user(pg::Pool& pool, NewUser user);
/// By user name or email, without case. Nothing for what can't be a name.
Task<std::optional<User>> find_user(pg::Pool& pool, std::string name);
Task<std::optional<User>> user_of_id(pg::Pool& pool, std::string id);

/// How long sessions last: idle, and in all.
inline constexpr long session_idle_s = 1800, session_max_s = 36'000;

/// Opens a browser's session; `cookie` is stored hashed. Returns its id.
Task<std::string> open_session(pg::Pool& pool, std::string user_id, std::string cookie,
                               std::string address, std::string agent);
/// Who signed in, by which session and when.
struct SessionUser {
  std::string session_id;  ///< the browser's; a client's own where there is no browser's
  std::string scope;
  std::int64_t signed_in_s = 0;  ///< epoch seconds
  User user;
};
/// The live session and enabled user of a browser's cookie.
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

struct ClientSession {
  std::string id, refresh_token;
};
/// Opens a client's session: under the browser's session `parent`, or alone when that is empty.
/// `key` makes refresh tokens (refresh_token.hpp).
Task<ClientSession> open_client_session(pg::Pool& pool, std::string key, std::string user_id,
                                        std::string parent, std::string client_id,
                                        std::string scope, std::string address, std::string agent);

/// The session of a refresh token, with the next token in its place. For ten seconds the one before
/// gets the same next one (two tabs refresh at once); after that the use of any earlier token ends
/// the session with the browser's, since one of the two who have it is a thief.
struct Rotated {
  SessionUser who;
  std::string refresh_token;
};
Task<std::optional<Rotated>> rotate_refresh(pg::Pool& pool, std::string key, std::string token);

/// Ends a session and those under it. Unknown ones are no error, here and below.
Task<> end_session(pg::Pool& pool, std::string session_id);
/// Returns the id of whose session it was.
Task<std::optional<std::string>> end_session_of_cookie(pg::Pool& pool, std::string cookie);
/// Ends the client's session that a refresh token, current or not, was given to; with `browser`
/// also the browser's above it. Returns the id of whose session it was.
Task<std::optional<std::string>> end_session_of_refresh(pg::Pool& pool, std::string key,
                                                        std::string token, bool browser);

}  // namespace pulse::identity
