// Changes that Keycloak takes in several steps. Each is put down (keycloak_repairs.hpp) before its
// first step; when a later one fails, what was done is undone at once, and where that fails too, or
// this process ends midway, by `repair`.
#include <algorithm>

#include "identity/keycloak_directory.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/http/message.hpp"
#include "platform/log.hpp"

namespace pulse::identity {

namespace {

constexpr int repairs_per_round = 50;

bool is_ours(const std::string& role) {
  return std::find(std::begin(realm_roles), std::end(realm_roles), role) != std::end(realm_roles);
}

void require_roles(const std::vector<std::string>& roles) {
  if (roles.empty()) throw bad_request("At least one role is required");
  for (const auto& role : roles)
    if (!is_ours(role)) throw bad_request("Unknown role: " + role);
}

/// What `from` has and `other` has not.
std::vector<std::string> without(const std::vector<std::string>& from,
                                 const std::vector<std::string>& other) {
  std::vector<std::string> out;
  for (const auto& item : from)
    if (std::find(other.begin(), other.end(), item) == other.end()) out.push_back(item);
  return out;
}

std::string said(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  }
}

/// Whether Keycloak has answered, and answered no.
bool is_refusal(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const HttpError& e) {
    return e.status < 500;
  } catch (const std::exception&) {
    return false;
  }
}

/// Runs it and says what it threw: nothing may be awaited inside a catch.
Task<std::exception_ptr> tried(Task<> task) {
  try {
    co_await std::move(task);
  } catch (const std::exception&) {
    co_return std::current_exception();
  }
  co_return nullptr;
}

boost::json::object names_as(const char* member, const std::vector<std::string>& names) {
  boost::json::array list(names.begin(), names.end());
  boost::json::object out;
  out[member] = std::move(list);
  return out;
}

std::vector<std::string> names_in(const boost::json::object& aim, const char* member) {
  std::vector<std::string> out;
  for (const auto& name : aim.at(member).as_array()) out.emplace_back(name.as_string());
  return out;
}

}  // namespace

// ---- roles ----

Task<> KeycloakDirectory::know_roles() {
  const KeycloakCall get("GET", "/roles?max=1000");
  const auto answer = co_await admin_->call(get);
  if (!answer.body.is_array()) throw HttpError(502, "Directory answers what it should not");
  role_ids_.clear();
  for (const auto& role : answer.body.get_array())
    if (is_ours(text_of(role, "name"))) role_ids_[text_of(role, "name")] = text_of(role, "id");
}

Task<std::vector<std::string>> KeycloakDirectory::roles_of(std::string id) {
  const KeycloakCall get("GET", user_path(id) + "/role-mappings/realm");
  const auto answer = co_await admin_->call(get);
  check_user_answer(answer);
  if (!answer.body.is_array()) throw HttpError(502, "Directory answers what it should not");
  std::vector<std::string> out;
  for (const auto& role : answer.body.get_array())
    if (is_ours(text_of(role, "name"))) out.push_back(text_of(role, "name"));
  std::sort(out.begin(), out.end());
  co_return out;
}

/// One request for all of them.
Task<> KeycloakDirectory::map_roles(std::string method, std::string id,
                                    std::vector<std::string> roles) {
  if (roles.empty()) co_return;
  if (role_ids_.empty()) co_await know_roles();
  boost::json::array list;
  for (const auto& role : roles) {
    const auto known = role_ids_.find(role);
    if (known == role_ids_.end()) throw HttpError(502, "Directory lacks the role " + role);
    const boost::json::object item{{"id", known->second}, {"name", role}};
    list.emplace_back(item);
  }
  const KeycloakCall call(method, user_path(id) + "/role-mappings/realm", list);
  const auto answer = co_await admin_->call(call);
  if (!answer.ok()) role_ids_.clear();  // the realm may have been made anew
  check_user_answer(answer);
}

Task<> KeycloakDirectory::put_roles(std::string id, std::vector<std::string> wanted) {
  const auto now = co_await roles_of(id);
  const auto gone = without(now, wanted), fresh = without(wanted, now);
  co_await map_roles("DELETE", id, gone);
  co_await map_roles("POST", id, fresh);
}

// ---- changes of one user ----

Task<> KeycloakDirectory::put(std::string kind, std::string id, std::vector<std::string> wanted) {
  if (kind == "roles")
    co_await put_roles(std::move(id), std::move(wanted));
  else
    co_await put_organizations(std::move(id), std::move(wanted));
}

/// Brings `wanted` about, or goes back to the aim of `undone`.
Task<> KeycloakDirectory::change(Repair undone, std::vector<std::string> wanted) {
  const auto held = co_await begin_repair(pool_, std::move(undone));
  auto doing = put(held.kind, held.subject, std::move(wanted));
  const auto failure = co_await tried(std::move(doing));
  std::exception_ptr left;
  if (failure) {
    auto undoing = carry_out(held);
    left = co_await tried(std::move(undoing));
  }
  if (left) {
    const auto why = said(left);
    log::error("a change at the directory is half done; it will be undone later",
               {{"user_id", held.subject}, {"what", held.kind}, {"error", why}});
    co_await postpone_repair(pool_, held, why);
  } else {
    co_await end_repair(pool_, held);
  }
  if (failure) std::rethrow_exception(failure);
}

Task<> KeycloakDirectory::set_roles(std::string id, std::vector<std::string> roles) {
  require_roles(roles);
  const auto now = co_await roles_of(id);
  const auto gone = without(now, roles), fresh = without(roles, now);
  if (gone.empty() && fresh.empty()) co_return;
  Repair undone("roles", id, names_as("roles", now));
  co_await change(std::move(undone), std::move(roles));
}

Task<> KeycloakDirectory::set_tenant(std::string id, std::optional<std::string> tenant_id) {
  std::vector<std::string> wanted, now;
  if (tenant_id) {
    const auto organization = co_await organization_of(*tenant_id);
    if (!organization) throw not_found("Organization not found");
    wanted.push_back(*organization);
  }
  const auto current = co_await organizations_of(id);
  for (const auto& o : current) now.push_back(o.id);
  if (now == wanted) co_return;
  Repair undone("organizations", id, names_as("organizations", now));
  co_await change(std::move(undone), std::move(wanted));
}

// ---- creation ----

Task<std::string> KeycloakDirectory::create(CreateUser user) {
  require_roles(user.roles);
  std::string organization;
  if (!user.tenant_id.empty()) {
    const auto known = co_await organization_of(user.tenant_id);
    if (!known) throw not_found("Organization not found");
    organization = *known;
  }
  const auto marker = crypto::random_token(18);
  boost::json::object aim{{"username", user.username}};
  Repair undone("creation", marker, aim);
  const auto held = co_await begin_repair(pool_, std::move(undone));
  const auto username = user.username;
  std::string id;
  auto doing = run_creation(std::move(user), organization, marker, id);
  const auto failure = co_await tried(std::move(doing));
  std::exception_ptr left;
  if (failure) {
    auto undoing = undo_creation(username, marker);
    left = co_await tried(std::move(undoing));
    // Nobody knows whether the user was made, or still will be: looked for once more, later.
    if (!left && id.empty() && !is_refusal(failure)) left = failure;
  }
  if (left) {
    const auto why = said(left);
    log::error("a user may be half made at the directory; it will be undone later",
               {{"username", username}, {"error", why}});
    co_await postpone_repair(pool_, held, why);
  } else {
    co_await end_repair(pool_, held);
  }
  if (failure) std::rethrow_exception(failure);
  co_return id;
}

/// Disabled until all else is done: a half-made user can't sign in.
Task<> KeycloakDirectory::run_creation(CreateUser user, std::string organization,
                                       std::string marker, std::string& id) {
  boost::json::object body{
      {"username", user.username}, {"enabled", false}, {"emailVerified", false}};
  if (!user.email.empty()) body["email"] = user.email;
  if (!user.first_name.empty()) body["firstName"] = user.first_name;
  if (!user.last_name.empty()) body["lastName"] = user.last_name;
  auto first = body;
  const boost::json::array marks{boost::json::string(marker)};
  first["attributes"] = boost::json::object{{creation_mark, marks}};
  if (!user.password.empty()) {
    const boost::json::object password{
        {"type", "password"}, {"value", user.password}, {"temporary", user.password_temporary}};
    first["credentials"] = boost::json::array{password};
  }
  KeycloakCall post("POST", "/users", first);
  post.repeatable = false;
  const auto made = co_await admin_->call(post);
  check_user_answer(made);
  id = made.location.substr(made.location.rfind('/') + 1);
  co_await map_roles("POST", id, user.roles);
  if (!organization.empty()) {
    std::vector<std::string> only;
    only.push_back(organization);
    co_await put_organizations(id, std::move(only));
  }
  // The mark goes with it: from here on nothing takes the user for half made.
  body["enabled"] = true;
  body["attributes"] = boost::json::object();
  const KeycloakCall put("PUT", user_path(id), body);
  const auto whole = co_await admin_->call(put);
  check_user_answer(whole);
}

/// Deletes the user of this name if it carries the mark; by mark and not by id, which nobody learns
/// when the answer to the creation is lost.
Task<> KeycloakDirectory::undo_creation(std::string username, std::string marker) {
  const KeycloakCall get("GET", "/users?exact=true&username=" + http::percent_encode(username));
  const auto answer = co_await admin_->call(get);
  if (!answer.body.is_array()) throw HttpError(502, "Directory answers what it should not");
  for (const auto& r : answer.body.get_array()) {
    const auto* attributes = r.as_object().if_contains("attributes");
    const auto* mark = attributes && attributes->is_object()
                           ? attributes->get_object().if_contains(creation_mark)
                           : nullptr;
    const boost::json::array ours{boost::json::string(marker)};
    if (!mark || *mark != boost::json::value(ours)) continue;
    const auto id = text_of(r, "id");
    const KeycloakCall call("DELETE", user_path(id));
    co_await admin_->call(call);  // 404: gone already
  }
}

// ---- what was left ----

Task<> KeycloakDirectory::carry_out(Repair repair) {
  if (repair.kind == "creation") {
    co_await undo_creation(std::string(repair.aim.at("username").as_string()), repair.subject);
    co_return;
  }
  auto aim = names_in(repair.aim, repair.kind == "roles" ? "roles" : "organizations");
  try {
    co_await put(repair.kind, repair.subject, std::move(aim));
  } catch (const HttpError& e) {
    // 404: the user, or the organization, is gone; there is nothing to go back to.
    if (e.status != 404) throw;
  }
}

Task<> KeycloakDirectory::repair() {
  for (int i = 0; i < repairs_per_round; ++i) {
    const auto due = co_await due_repair(pool_);
    if (!due) co_return;
    auto doing = carry_out(*due);
    const auto failure = co_await tried(std::move(doing));
    if (!failure) {
      log::info("what was half done at the directory is undone",
                {{"what", due->kind}, {"subject", due->subject}, {"attempts", due->attempts + 1}});
      co_await end_repair(pool_, *due);
      continue;
    }
    const auto why = said(failure);
    log::warn("what is half done at the directory can't be undone yet",
              {{"what", due->kind}, {"subject", due->subject}, {"error", why}});
    co_await postpone_repair(pool_, *due, why);
  }
}

}  // namespace pulse::identity
