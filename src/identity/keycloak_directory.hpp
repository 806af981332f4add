#pragma once
// The directory in Keycloak: people are its users, tenants its organizations (alias = tenant id),
// roles its realm roles. What stands where: people and sessions in keycloak_directory.cpp, what
// changes in several steps in keycloak_changes.cpp, organizations in keycloak_organizations.cpp.
#include <functional>
#include <map>

#include "identity/directory.hpp"
#include "identity/keycloak_admin.hpp"
#include "identity/keycloak_repairs.hpp"

namespace pulse::identity {

/// One per loop; `admin` is shared by all, `pool` is the loop's.
class KeycloakDirectory final : public Directory {
 public:
  KeycloakDirectory(std::shared_ptr<KeycloakAdmin> admin, pg::Pool& pool);

  Task<UserPage> users(UserQuery query) override;
  Task<DirectoryUser> user(std::string id) override;
  Task<std::optional<DirectoryUser>> user_of_email(std::string email) override;
  Task<std::optional<DirectoryUser>> user_of_name(std::string username) override;
  Task<std::string> create(CreateUser user) override;
  Task<> update(std::string id, UserChanges changes) override;
  Task<> remove(std::string id) override;
  Task<> set_roles(std::string id, std::vector<std::string> roles) override;
  Task<> set_tenant(std::string id, std::optional<std::string> tenant_id) override;
  Task<> set_password(std::string id, std::string password, bool temporary) override;
  Task<> send_action(std::string id, EmailAction action) override;
  Task<std::vector<UserSession>> sessions(std::string id) override;
  Task<> end_session(std::string id, std::string session_id) override;
  Task<> end_sessions(std::string id) override;

  Task<std::vector<Organization>> organizations() override;
  Task<> ensure_organization(std::string tenant_id, std::string name) override;
  Task<> set_organization_enabled(std::string tenant_id, bool enabled) override;
  Task<> remove_organization(std::string tenant_id) override;

  Task<bool> reachable() override;
  Task<> repair() override;

 private:
  using Names = std::vector<std::string>;

  // People
  Task<UserPage> users_of_tenant(UserQuery query);
  Task<std::int64_t> total_of(UserQuery query, std::size_t found, std::string count);
  Task<std::optional<DirectoryUser>> only_user(std::string query);
  Task<DirectoryUser> with_details(DirectoryUser user);

  // Roles of ours, direct ones
  Task<Names> roles_of(std::string id);
  Task<> put_roles(std::string id, Names wanted);
  Task<> map_roles(std::string method, std::string id, Names roles);
  Task<> know_roles();

  // Organizations, by their own ids
  Task<std::optional<std::string>> organization_of(std::string tenant_id);
  Task<boost::json::value> organization(std::string tenant_id);
  Task<> save_organization(boost::json::value organization, std::string tenant_id);
  Task<std::string> free_name(std::string name, std::string tenant_id);
  Task<std::vector<Organization>> organizations_of(std::string id);
  Task<> put_organizations(std::string id, Names wanted);

  // Several steps
  Task<> run_creation(CreateUser user, std::string organization, std::string marker,
                      std::string& id);
  Task<> undo_creation(std::string username, std::string marker);
  Task<> put(std::string kind, std::string id, Names wanted);
  Task<> carry_out(Repair repair);
  Task<> change(Repair undone, Names wanted);

  std::shared_ptr<KeycloakAdmin> admin_;
  pg::Pool& pool_;
  std::map<std::string, std::string> role_ids_, organization_ids_;
};

// ---- parts, shared by the files of this class ----

/// The user of Keycloak's representation; without roles and tenant.
DirectoryUser user_in(const boost::json::value& representation);
/// "/users/{id}"; throws HttpError 404 "User not found" for what can't be an id.
std::string user_path(const std::string& id);
/// Throws HttpError 404 "User not found" for 404, 400 with Keycloak's words for 400, and for 409
/// what is taken.
void check_user_answer(const KeycloakAnswer& answer);
/// What Keycloak tells of one user only: asked for all of them, a few at once, in their order.
/// Users who are gone meanwhile are left out.
using UserDetail = std::function<Task<DirectoryUser>(DirectoryUser)>;
Task<std::vector<DirectoryUser>> with_all_details(std::vector<DirectoryUser> users,
                                                  UserDetail detail);
/// The attribute that marks a user as being created.
inline constexpr const char* creation_mark = "pulse_creation";

}  // namespace pulse::identity
