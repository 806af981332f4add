#pragma once
// The commands of `pulse admin`, in admin_demo.cpp and admin_people.cpp.
#include <boost/json.hpp>
#include <map>
#include <string>

#include "gateway/process.hpp"

namespace pulse::gateway {

using Flags = std::map<std::string, std::string>;

struct AdminContext {
  Process* process = nullptr;
  pg::Pool* pool = nullptr;  ///< of the command's loop
  std::shared_ptr<identity::Directory> directory;
};

/// The flag's value. Throws std::invalid_argument when it is missing or empty.
std::string needed(const Flags& flags, const std::string& name);
std::string or_else(const Flags& flags, const std::string& name, std::string otherwise);

struct Person {
  std::string username, email, first_name, last_name, password, tenant_id;
  std::vector<std::string> roles;
};
struct EnsuredPerson {
  std::string id;
  bool made = false;  ///< not there before
};
/// Makes the person or brings it up to date. Who changes tenant or roles keeps nothing of before.
Task<EnsuredPerson> ensure_person(AdminContext context, Person person);

// Each answers what it did; the frame prints it as a line, or with --json as it is.
Task<boost::json::object> seed_demo(AdminContext context, Flags flags);
Task<boost::json::object> create_device(AdminContext context, Flags flags);
Task<boost::json::object> create_tenant(AdminContext context, Flags flags);
Task<boost::json::object> list_tenants(AdminContext context, Flags flags);
Task<boost::json::object> purge_tenants(AdminContext context, Flags flags);
Task<boost::json::object> create_user(AdminContext context, Flags flags);
Task<boost::json::object> list_users(AdminContext context, Flags flags);
Task<boost::json::object> invite_user(AdminContext context, Flags flags);
Task<boost::json::object> reset_password(AdminContext context, Flags flags);
Task<boost::json::object> grant_role(AdminContext context, Flags flags);

}  // namespace pulse::gateway
