#pragma once
// The directory over the embedded issuer's own tables. Each change is one statement or transaction,
// so nothing is left half done.
#include "identity/action_links.hpp"
#include "identity/directory.hpp"
#include "identity/issuer.hpp"

namespace pulse::identity {

struct EmbeddedDirectoryDeps {
  pg::Pool* pool = nullptr;                    ///< of the loop
  std::shared_ptr<PasswordWorkers> passwords;  ///< of the process
  ActionLinks links;
};

/// Passwords that the rules refuse (passwords.hpp) are HttpError 400 with all that is wrong.
class EmbeddedDirectory : public Directory {
 public:
  explicit EmbeddedDirectory(EmbeddedDirectoryDeps deps) : d_(std::move(deps)) {}

  Task<UserPage> users(UserQuery query) override;
  Task<std::optional<std::map<std::string, std::int64_t>>> users_of_tenants() override;
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
  Task<> invite(std::string id, std::string invited_by) override;
  Task<std::vector<UserSession>> sessions(std::string id) override;
  Task<> end_session(std::string id, std::string session_id) override;
  Task<> end_sessions(std::string id) override;

  Task<std::vector<Organization>> organizations() override;
  /// Tenants are the organizations: what their table says is all there is. These three do nothing.
  Task<> ensure_organization(std::string tenant_id, std::string name) override;
  Task<> set_organization_enabled(std::string tenant_id, bool enabled) override;
  Task<> remove_organization(std::string tenant_id) override;

  Task<bool> reachable() override;
  /// Nothing is ever half done here; forgets old links.
  Task<> repair() override;

 private:
  Task<> send(std::string id, EmailAction action, std::string invited_by);
  Task<std::string> accepted_hash(std::string password, std::string username, std::string email);

  EmbeddedDirectoryDeps d_;
};

}  // namespace pulse::identity
