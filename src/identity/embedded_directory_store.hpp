#pragma once
// Schema identity as the directory sees it: people, their passwords and sessions, links in emails.
// Every function throws HttpError 503 "Directory unavailable" when PostgreSQL can't be reached. Ids
// that are no ids find nobody.
#include <optional>
#include <string>

#include "identity/directory.hpp"

namespace pulse::identity {

Task<UserPage> users_matching(pg::Pool& pool, UserQuery query);
Task<std::map<std::string, std::int64_t>> count_users_of_tenants(pg::Pool& pool);
Task<std::optional<DirectoryUser>> directory_user(pg::Pool& pool, std::string id);
Task<std::optional<DirectoryUser>> directory_user_of_email(pg::Pool& pool, std::string email);
Task<std::optional<DirectoryUser>> directory_user_of_name(pg::Pool& pool, std::string username);

/// Returns the id. Throws HttpError 409 for a taken name or email; here and below.
Task<std::string> insert_user(pg::Pool& pool, CreateUser user, std::optional<std::string> hash);
/// False for an unknown id; here and below. Another email is not proven, and the links that went to
/// the former one end.
Task<bool> update_user(pg::Pool& pool, std::string id, UserChanges changes);
Task<bool> delete_user(pg::Pool& pool, std::string id);
Task<bool> replace_roles(pg::Pool& pool, std::string id, std::vector<std::string> roles);
Task<bool> move_to_tenant(pg::Pool& pool, std::string id, std::optional<std::string> tenant_id);
/// Ends sessions and links of the user.
Task<bool> replace_password(pg::Pool& pool, std::string id, std::string hash, bool temporary);
/// Puts the person's own password in the place of the temporary one that they signed in with; false
/// when that is no longer theirs.
Task<bool> replace_temporary_password(pg::Pool& pool, std::string id, std::string before,
                                      std::string hash);

Task<std::vector<UserSession>> sessions_of_user(pg::Pool& pool, std::string id);
Task<bool> delete_session(pg::Pool& pool, std::string id, std::string session_id);
Task<> delete_sessions(pg::Pool& pool, std::string id);

/// Tenants are the organizations.
Task<std::vector<Organization>> all_organizations(pg::Pool& pool);
/// "" for an unknown tenant.
Task<std::string> organization_name(pg::Pool& pool, std::string tenant_id);

/// Keeps a link's key, hashed. False when the user had `hourly` of this action within an hour (0:
/// any number is right).
Task<bool> insert_link(pg::Pool& pool, std::string key, std::string user_id, std::string action,
                       long life_s, int hourly);
Task<> delete_link(pg::Pool& pool, std::string key);
/// Whose link it is, and for what; `live` until it was used or its time is over.
struct Link {
  std::string user_id, action;
  bool live = false;
};
BOOST_DESCRIBE_STRUCT(Link, (), (user_id, action, live))
Task<std::optional<Link>> find_link(pg::Pool& pool, std::string key);
/// Uses the link: sets the password, proves the address, and ends the user's other links and
/// sessions. The ids of the browsers' sessions that ended; nothing when the link is dead or the
/// user disabled.
Task<std::optional<std::vector<std::string>>> use_link(pg::Pool& pool, std::string key,
                                                       std::string hash);
/// Forgets links that ended more than a day ago.
Task<> sweep_links(pg::Pool& pool);

}  // namespace pulse::identity
