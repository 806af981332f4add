#include "identity/keycloak_directory.hpp"

#include <algorithm>
#include <cctype>

#include "platform/errors.hpp"
#include "platform/http/message.hpp"

namespace pulse::identity {

namespace {

constexpr std::int64_t members_per_request = 500;
constexpr long reset_s = 3'600;  // how long a link to a new password works

std::int64_t number_of(const boost::json::value& object, std::string_view name) {
  const auto* o = object.if_object();
  const auto* member = o ? o->if_contains(name) : nullptr;
  return member && member->is_int64() ? member->get_int64() : 0;
}

bool truth_of(const boost::json::value& object, std::string_view name) {
  const auto* o = object.if_object();
  const auto* member = o ? o->if_contains(name) : nullptr;
  return member && member->is_bool() && member->get_bool();
}

const boost::json::array& array_of(const boost::json::value& body) {
  if (!body.is_array()) throw HttpError(502, "Directory answers what it should not");
  return body.get_array();
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::vector<std::string> search_words(const std::string& search) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : search + " ") {
    if (!std::isspace(static_cast<unsigned char>(c))) {
      if (c != '*') word += c;  // Keycloak's wildcard, which can't be escaped
    } else if (!word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
  }
  return out;
}

/// Keycloak searches for prefixes unless it is told that anything may stand before.
std::string infix_search(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "*" : " *") + word + "*";
  return out;
}

bool matches(const DirectoryUser& u, const std::vector<std::string>& words) {
  return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
    const auto wanted = lower(word);
    const auto in = [&](const std::string& text) {
      return lower(text).find(wanted) != std::string::npos;
    };
    return in(u.username) || in(u.email) || in(u.first_name) || in(u.last_name);
  });
}

bool looks_like_uuid(std::string_view text) {
  return text.size() == 36 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isxdigit(c) || c == '-';
         });
}

/// Ids are UUIDs, or of a federated user "f:{UUID}:{id there}". Anything else might be another path
/// of the API.
bool is_user_id(std::string_view id) {
  if (!id.starts_with("f:")) return looks_like_uuid(id);
  return id.size() > 39 && id.size() <= 255 && looks_like_uuid(id.substr(2, 36)) && id[38] == ':';
}

std::string page_of(std::int64_t offset, std::int64_t limit) {
  return "first=" + std::to_string(std::max<std::int64_t>(offset, 0)) +
         "&max=" + std::to_string(std::max<std::int64_t>(limit, 0));
}

}  // namespace

std::string user_path(const std::string& id) {
  if (!is_user_id(id)) throw not_found("User not found");
  return "/users/" + http::percent_encode(id);
}

void check_user_answer(const KeycloakAnswer& answer) {
  if (answer.ok()) return;
  if (answer.status == 404) throw not_found("User not found");
  if (answer.status == 400) throw bad_request(answer.complaint());
  const auto taken = answer.complaint();
  throw conflict(taken.find("email") != std::string::npos &&
                         taken.find("username") == std::string::npos
                     ? "User with this email already exists"
                     : "Username already exists");
}

DirectoryUser user_in(const boost::json::value& r) {
  DirectoryUser u;
  u.id = text_of(r, "id");
  u.username = text_of(r, "username");
  u.email = text_of(r, "email");
  u.first_name = text_of(r, "firstName");
  u.last_name = text_of(r, "lastName");
  u.enabled = truth_of(r, "enabled");
  u.email_verified = truth_of(r, "emailVerified");
  if (const auto created = number_of(r, "createdTimestamp"); created > 0) u.created_at = created;
  const auto* attributes = r.is_object() ? r.get_object().if_contains("attributes") : nullptr;
  if (attributes && attributes->is_object())
    for (const auto& [name, values] : attributes->get_object()) {
      if (name == creation_mark || !values.is_array()) continue;
      for (const auto& value : values.get_array())
        if (value.is_string()) u.attributes[name].emplace_back(value.get_string());
    }
  if (u.id.empty()) throw HttpError(502, "Directory answers what it should not");
  return u;
}

KeycloakDirectory::KeycloakDirectory(std::shared_ptr<KeycloakAdmin> admin, pg::Pool& pool)
    : admin_(std::move(admin)), pool_(pool) {}

Task<DirectoryUser> KeycloakDirectory::with_details(DirectoryUser user) {
  user.roles = co_await roles_of(user.id);
  if (!user.tenant_id) {
    const auto organizations = co_await organizations_of(user.id);
    if (!organizations.empty()) user.tenant_id = organizations.front().alias;
  }
  co_return user;
}

/// How many there are in all. The last page says it by itself.
Task<std::int64_t> KeycloakDirectory::total_of(UserQuery query, std::size_t found,
                                               std::string count) {
  const auto here = static_cast<std::int64_t>(found);
  if (here < query.limit && (here > 0 || query.offset == 0)) co_return query.offset + here;
  const KeycloakCall get("GET", count);
  const auto answer = co_await admin_->call(get);
  if (!answer.body.is_int64()) throw HttpError(502, "Directory answers what it should not");
  co_return answer.body.get_int64();
}

Task<UserPage> KeycloakDirectory::users(UserQuery query) {
  if (!query.tenant_id.empty()) co_return co_await users_of_tenant(std::move(query));
  const auto words = search_words(query.search);
  const auto search =
      words.empty() ? std::string() : "&search=" + http::percent_encode(infix_search(words));
  const KeycloakCall list("GET", "/users?" + page_of(query.offset, query.limit) + search);
  const auto answer = co_await admin_->call(list);
  std::vector<DirectoryUser> found;
  for (const auto& r : array_of(answer.body)) found.push_back(user_in(r));
  UserPage page;
  // With a search the count has service accounts in it, which the list leaves out.
  const auto count = "/users/count" + (search.empty() ? search : "?" + search.substr(1));
  page.total = co_await total_of(query, found.size(), count);
  const UserDetail detail = [this](DirectoryUser user) { return with_details(std::move(user)); };
  page.users = co_await with_all_details(std::move(found), detail);
  co_return page;
}

Task<UserPage> KeycloakDirectory::users_of_tenant(UserQuery query) {
  UserPage page;
  const auto organization = co_await organization_of(query.tenant_id);
  if (!organization) co_return page;
  const auto members = "/organizations/" + *organization + "/members";
  const auto words = search_words(query.search);
  std::vector<DirectoryUser> found;
  if (words.empty()) {
    const KeycloakCall list("GET", members + "?" + page_of(query.offset, query.limit));
    const auto answer = co_await admin_->call(list);
    if (answer.status == 404) {  // gone since we learned its id
      organization_ids_.erase(query.tenant_id);
      co_return page;
    }
    for (const auto& r : array_of(answer.body)) found.push_back(user_in(r));
    page.total = co_await total_of(query, found.size(), members + "/count");
  } else {
    // Members can't be counted by a search, and it knows one word only: a tenant's people are few
    // enough to look through.
    for (std::int64_t first = 0;; first += members_per_request) {
      const KeycloakCall list("GET", members + "?" + page_of(first, members_per_request));
      const auto answer = co_await admin_->call(list);
      if (answer.status == 404) {
        organization_ids_.erase(query.tenant_id);
        break;
      }
      const auto& some = array_of(answer.body);
      for (const auto& r : some) {
        auto user = user_in(r);
        if (!matches(user, words)) continue;
        if (page.total >= query.offset && page.total < query.offset + query.limit)
          found.push_back(std::move(user));
        ++page.total;
      }
      if (static_cast<std::int64_t>(some.size()) < members_per_request) break;
    }
  }
  for (auto& user : found) user.tenant_id = query.tenant_id;
  const UserDetail detail = [this](DirectoryUser user) { return with_details(std::move(user)); };
  page.users = co_await with_all_details(std::move(found), detail);
  co_return page;
}

Task<DirectoryUser> KeycloakDirectory::user(std::string id) {
  const KeycloakCall get("GET", user_path(id));
  const auto answer = co_await admin_->call(get);
  check_user_answer(answer);
  auto found = user_in(answer.body);
  co_return co_await with_details(std::move(found));
}

Task<std::optional<DirectoryUser>> KeycloakDirectory::only_user(std::string query) {
  const KeycloakCall list("GET", "/users?exact=true&" + query);
  const auto answer = co_await admin_->call(list);
  check_user_answer(answer);
  const auto& some = array_of(answer.body);
  if (some.empty()) co_return std::nullopt;
  auto found = user_in(some.front());
  co_return co_await with_details(std::move(found));
}

Task<std::optional<DirectoryUser>> KeycloakDirectory::user_of_email(std::string email) {
  if (email.empty()) co_return std::nullopt;
  co_return co_await only_user("email=" + http::percent_encode(email));
}

Task<std::optional<DirectoryUser>> KeycloakDirectory::user_of_name(std::string username) {
  if (username.empty()) co_return std::nullopt;
  co_return co_await only_user("username=" + http::percent_encode(username));
}

Task<> KeycloakDirectory::update(std::string id, UserChanges changes) {
  boost::json::object body;
  if (changes.email) {
    const KeycloakCall get("GET", user_path(id));
    const auto now = co_await admin_->call(get);
    check_user_answer(now);
    // Nobody has proven the new address.
    if (lower(text_of(now.body, "email")) != lower(*changes.email)) {
      body["email"] = *changes.email;
      body["emailVerified"] = false;
    }
  }
  if (changes.first_name) body["firstName"] = *changes.first_name;
  if (changes.last_name) body["lastName"] = *changes.last_name;
  if (changes.enabled) body["enabled"] = *changes.enabled;
  const KeycloakCall put("PUT", user_path(id), body);
  const auto answer = co_await admin_->call(put);
  check_user_answer(answer);
}

Task<> KeycloakDirectory::remove(std::string id) {
  const KeycloakCall call("DELETE", user_path(id));
  const auto answer = co_await admin_->call(call);
  if (answer.status == 404 && answer.repeated) co_return;  // the try before has done it
  check_user_answer(answer);
}

Task<> KeycloakDirectory::set_password(std::string id, std::string password, bool temporary) {
  const boost::json::object body{
      {"type", "password"}, {"value", password}, {"temporary", temporary}};
  const KeycloakCall put("PUT", user_path(id) + "/reset-password", body);
  const auto answer = co_await admin_->call(put);
  check_user_answer(answer);
  co_await end_sessions(std::move(id));
}

Task<> KeycloakDirectory::send_action(std::string id, EmailAction action) {
  boost::json::array actions{"UPDATE_PASSWORD"};
  if (action != EmailAction::password_reset) actions.emplace_back("VERIFY_EMAIL");
  const auto& settings = admin_->settings();
  const long lifespan = action == EmailAction::password_reset ? reset_s : settings.invitation_s;
  std::string query = "?lifespan=" + std::to_string(lifespan);
  if (!settings.ui_url.empty())
    query += "&client_id=" + http::percent_encode(settings.ui_client) +
             "&redirect_uri=" + http::percent_encode(settings.ui_url);
  KeycloakCall put("PUT", user_path(id) + "/execute-actions-email" + query, actions);
  put.repeatable = false;  // one email is enough
  put.failure = "Email could not be sent";
  put.timeout_ms = 20'000;  // Keycloak talks to the mail server meanwhile
  const auto answer = co_await admin_->call(put);
  if (answer.status == 400 && answer.complaint() == "User email missing")
    throw bad_request("User has no email address");
  check_user_answer(answer);
}

Task<std::vector<UserSession>> KeycloakDirectory::sessions(std::string id) {
  const KeycloakCall get("GET", user_path(id) + "/sessions");
  const auto answer = co_await admin_->call(get);
  check_user_answer(answer);
  std::vector<UserSession> out;
  for (const auto& r : array_of(answer.body)) {
    UserSession s;
    s.id = text_of(r, "id");
    s.ip_address = text_of(r, "ipAddress");
    if (const auto* clients = r.as_object().if_contains("clients"); clients && clients->is_object())
      for (const auto& [client, name] : clients->get_object())
        if (name.is_string())
          s.client += (s.client.empty() ? "" : ", ") + std::string(name.get_string());
    if (const auto at = number_of(r, "start"); at > 0) s.started_at = from_ms(at);
    if (const auto at = number_of(r, "lastAccess"); at > 0) s.last_used_at = from_ms(at);
    out.push_back(std::move(s));
  }
  co_return out;
}

Task<> KeycloakDirectory::end_session(std::string id, std::string session_id) {
  const auto own = co_await sessions(std::move(id));
  const auto same = [&](const UserSession& s) { return s.id == session_id; };
  if (std::none_of(own.begin(), own.end(), same)) throw not_found("Session not found");
  // 404: it ended by itself meanwhile.
  const KeycloakCall call("DELETE", "/sessions/" + http::percent_encode(session_id));
  co_await admin_->call(call);
}

Task<> KeycloakDirectory::end_sessions(std::string id) {
  const KeycloakCall post("POST", user_path(id) + "/logout");
  const auto answer = co_await admin_->call(post);
  check_user_answer(answer);
}

Task<bool> KeycloakDirectory::reachable() {
  KeycloakCall get("GET", "/roles/" + std::string(realm_roles[0]));
  get.tries = 1;
  get.timeout_ms = 2'000;
  try {
    const auto answer = co_await admin_->call(get);
    co_return answer.ok();
  } catch (const HttpError&) {  // logged where it happened
    co_return false;
  }
}

}  // namespace pulse::identity
