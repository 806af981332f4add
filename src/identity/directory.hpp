#pragma once
// identity: who the people are. One directory, two backends: the embedded issuer's own tables, and
// Keycloak's Admin REST API. Owns: schema `identity` (embedded), users' sessions and passwords, the
// issuer's endpoints. Calls: platform, tenancy. Roles *inside* a tenant are tenancy's, not the
// directory's.
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/pg/pool.hpp"
#include "platform/task.hpp"

namespace pulse::identity {

/// The realm's roles. Everyone has at least one; operators have no tenant.
inline constexpr const char* realm_roles[] = {"customer", "tenant-admin", "operator",
                                              "operator-admin"};

/// A person as the interface shows them (client-shapes.md, User).
struct DirectoryUser {
  std::string id, username, email, first_name, last_name;
  bool enabled = true, email_verified = false;
  std::optional<std::int64_t> created_at;  ///< epoch ms
  std::optional<std::string> tenant_id;
  std::vector<std::string> roles;  ///< of the realm, ours only
  std::map<std::string, std::vector<std::string>> attributes;
};
BOOST_DESCRIBE_STRUCT(DirectoryUser, (),
                      (id, username, email, first_name, last_name, enabled, email_verified,
                       created_at, tenant_id, roles, attributes))

struct UserQuery {
  std::string search;     ///< in name, username, email; without case; empty: all
  std::string tenant_id;  ///< empty: any
  std::int64_t limit = 100, offset = 0;
};
struct UserPage {
  std::vector<DirectoryUser> users;
  std::int64_t total = 0;
};

struct CreateUser {
  std::string username, email, first_name, last_name;
  std::string password;            ///< empty: none; the person sets one by an action link
  bool password_temporary = true;  ///< must be changed at the first sign-in
  std::string tenant_id;           ///< empty: none
  std::vector<std::string> roles;
};

struct UserChanges {
  std::optional<std::string> email, first_name, last_name;
  std::optional<bool> enabled;
};

/// What a link in an email lets a person do, once.
enum class EmailAction { welcome, invitation, password_reset };

struct UserSession {
  std::string id;
  std::string ip_address, client, user_agent;
  std::optional<Time> started_at, last_used_at;
};
BOOST_DESCRIBE_STRUCT(UserSession, (),
                      (id, ip_address, client, user_agent, started_at, last_used_at))

/// The directory's organization of a tenant.
struct Organization {
  std::string id, name, alias;
  bool enabled = true;
};
BOOST_DESCRIBE_STRUCT(Organization, (), (id, name, alias, enabled))

/// Errors, of every function: HttpError 404 "User not found" for an unknown id; 409 with what is
/// taken
/// ("User with this email already exists", "Username already exists"); 503 "Directory unavailable"
/// when the backend can't be reached, 502 when it answers what it should not. What takes several
/// steps is whole or undone; where undoing fails too, the rest is put down for `repair` and done
/// later. One per loop; `pool` is the loop's.
class Directory {
 public:
  virtual ~Directory() = default;

  virtual Task<UserPage> users(UserQuery query) = 0;
  /// How many people each tenant has, by its id; nothing where the backend can't count at once.
  virtual Task<std::optional<std::map<std::string, std::int64_t>>> users_of_tenants() {
    co_return std::nullopt;
  }
  virtual Task<DirectoryUser> user(std::string id) = 0;
  virtual Task<std::optional<DirectoryUser>> user_of_email(std::string email) = 0;
  virtual Task<std::optional<DirectoryUser>> user_of_name(std::string username) = 0;
  /// Returns the id.
  virtual Task<std::string> create(CreateUser user) = 0;
  virtual Task<> update(std::string id, UserChanges changes) = 0;
  virtual Task<> remove(std::string id) = 0;
  /// Replaces the user's roles of ours.
  virtual Task<> set_roles(std::string id, std::vector<std::string> roles) = 0;
  /// Moves the user into the tenant, or (nothing) out of any.
  virtual Task<> set_tenant(std::string id, std::optional<std::string> tenant_id) = 0;
  /// Ends the user's sessions. Throws HttpError 400 for a password that the rules refuse.
  virtual Task<> set_password(std::string id, std::string password, bool temporary) = 0;
  /// Sends the email with its link; links end after a while and work once. Throws HttpError 400 for
  /// a user who is disabled or has no address, 502 when the email can't be sent.
  virtual Task<> send_action(std::string id, EmailAction action) = 0;
  /// Sends the invitation and names who invites, where the backend's emails can say that.
  virtual Task<> invite(std::string id, std::string /*invited_by*/) {
    return send_action(std::move(id), EmailAction::invitation);
  }
  virtual Task<std::vector<UserSession>> sessions(std::string id) = 0;
  /// 404 "Session not found" for one that is not the user's. Tokens already out are refused by
  /// tenancy::Revocations, which the caller tells.
  virtual Task<> end_session(std::string id, std::string session_id) = 0;
  virtual Task<> end_sessions(std::string id) = 0;

  virtual Task<std::vector<Organization>> organizations() = 0;
  /// Makes the tenant's organization, or names the one that is there anew.
  virtual Task<> ensure_organization(std::string tenant_id, std::string name) = 0;
  virtual Task<> set_organization_enabled(std::string tenant_id, bool enabled) = 0;
  virtual Task<> remove_organization(std::string tenant_id) = 0;

  /// Whether the backend answers (for /healthz and doctor).
  virtual Task<bool> reachable() = 0;
  /// Does again what was left half done; the ops role calls it every minute.
  virtual Task<> repair() = 0;
};

/// Invites a user who was made for it, and removes that user when the email can't be sent: without
/// its email an invitation is nothing, and the next try must not find the address taken.
Task<> invite_or_remove(Directory& directory, std::string id, std::string invited_by);

/// The part of the address before @, in small letters, with a number when it is taken. Throws
/// HttpError 409 "Username already exists" when all are.
Task<std::string> free_username(Directory& directory, std::string email);

}  // namespace pulse::identity
