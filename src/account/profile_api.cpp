// The caller's own: permissions, preferences, sessions.
#include <filesystem>

#include "account/deps.hpp"
#include "account/people.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"
#include "platform/pg/rows.hpp"
#include "tenancy/permissions.hpp"

namespace pulse::account {

namespace {

using tenancy::SignedIn;
using tenancy::TenantDb;

struct MyPermissions {
  std::vector<std::string> permissions, roles;
};
BOOST_DESCRIBE_STRUCT(MyPermissions, (), (permissions, roles))

/// A session's own tenant scope; people without a tenant (operators) have the rows of tenant "".
TenantDb own_db(const AccountDeps& d, const tenancy::Caller& who) {
  return TenantDb::for_worker(*d.pool, who.tenant_id, "a caller's own rows");
}

Task<MyPermissions> my_permissions(AccountDeps d, SignedIn caller) {
  MyPermissions out;
  const auto& who = caller.who;
  if (who.is_operator()) {
    out.permissions = {"*"};
    out.roles = {"operator"};
    co_return out;
  }
  if (who.tenant_id.empty()) co_return out;
  const auto membership =
      co_await d.memberships->find(*d.pool, who.tenant_id, who.user_id, who.by_api_token.empty());
  out.permissions = tenancy::held_by(who, membership.get());
  out.roles = membership->roles;
  if (who.is_tenant_admin() && out.roles.empty()) out.roles = {"Full Admin"};
  co_return out;
}

struct Preferences {
  std::string tenant_id, user_id;
  std::optional<std::string> display_name;
  std::string timezone = "UTC";
  boost::json::object notification_prefs, appearance;
  std::optional<Time> created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(Preferences, (),
                      (tenant_id, user_id, display_name, timezone, notification_prefs, appearance,
                       created_at, updated_at))
struct SavedPreferences : Preferences {
  std::string message = "Preferences saved";
};
BOOST_DESCRIBE_STRUCT(SavedPreferences, (Preferences), (message))

struct UpdatePreferences {
  json::Patch<std::string> display_name;
  std::optional<std::string> timezone;
  std::optional<boost::json::object> notification_prefs, appearance;
};
BOOST_DESCRIBE_STRUCT(UpdatePreferences, (),
                      (display_name, timezone, notification_prefs, appearance))
/// Objects of the application's own choosing, small enough to be no store.
std::string small_object(const std::optional<boost::json::object>& o) {
  return o && json::to_text(*o).size() > 16 * 1024 ? "must have at most 16 KiB" : std::string();
}
/// Escalations read this member: whoever misspells it would be told by nothing they chose.
std::string fault_of_notification_prefs(const std::optional<boost::json::object>& prefs) {
  if (auto wrong = small_object(prefs); !wrong.empty()) return wrong;
  const auto* ids = prefs ? prefs->if_contains("oncall_channel_ids") : nullptr;
  if (!ids) return {};
  bool good = ids->is_array() && ids->get_array().size() <= 10;
  if (good)
    for (const auto& id : ids->get_array()) good = good && id.is_int64();
  return good ? "" : "oncall_channel_ids must be a list of at most 10 ids of channels";
}
inline auto constraints(json::As<UpdatePreferences>) {
  return json::rules<UpdatePreferences>()
      .length(&UpdatePreferences::display_name, 0, 100)
      .length(&UpdatePreferences::timezone, 1, 50)
      .check("notification_prefs",
             [](const UpdatePreferences& u) {
               return fault_of_notification_prefs(u.notification_prefs);
             })
      .check("appearance", [](const UpdatePreferences& u) { return small_object(u.appearance); });
}

const std::string preference_columns =
    "tenant_id, user_id, display_name, timezone, notification_prefs, appearance, created_at, "
    "updated_at";

Task<Preferences> get_preferences(AccountDeps d, SignedIn caller) {
  const auto db = own_db(d, caller.who);
  const auto rows =
      co_await db.query("SELECT " + preference_columns +
                            " FROM user_preferences WHERE tenant_id = $1 AND user_id = $2",
                        pg::Params::of(caller.who.tenant_id, caller.who.user_id));
  if (!rows.empty()) co_return pg::row_as<Preferences>(rows, 0);
  Preferences out;
  out.tenant_id = caller.who.tenant_id;
  out.user_id = caller.who.user_id;
  co_return out;
}

Task<SavedPreferences> put_preferences(AccountDeps d, SignedIn caller,
                                       http::Body<UpdatePreferences> body) {
  if (body->timezone && !known_timezone(*body->timezone))
    throw bad_request("Invalid timezone: " + *body->timezone +
                      ". Must be one of the supported IANA timezones.");
  std::optional<std::string> prefs, appearance;
  if (body->notification_prefs) prefs = json::to_text(*body->notification_prefs);
  if (body->appearance) appearance = json::to_text(*body->appearance);
  const auto db = own_db(d, caller.who);
  const auto rows = co_await db.query(
      "INSERT INTO user_preferences AS p (tenant_id, user_id, "
      "display_name, timezone, notification_prefs, appearance) "
      "VALUES ($1, $2, $3, coalesce($4, 'UTC'), coalesce($5::jsonb, '{}'), "
      "coalesce($6::jsonb, '{}')) ON CONFLICT (tenant_id, user_id) "
      "DO UPDATE SET display_name = CASE WHEN $7 THEN $3 ELSE "
      "p.display_name END, timezone = coalesce($4, p.timezone), "
      "notification_prefs = coalesce($5::jsonb, p.notification_prefs), "
      "appearance = coalesce($6::jsonb, p.appearance), updated_at = now() "
      "RETURNING " +
          preference_columns,
      pg::Params::of(caller.who.tenant_id, caller.who.user_id, body->display_name.value,
                     body->timezone, prefs, appearance, body->display_name.present));
  SavedPreferences out;
  static_cast<Preferences&>(out) = pg::row_as<Preferences>(rows, 0);
  // What was set, not to what: it is the person's own.
  boost::json::array set;
  if (body->display_name.present) set.emplace_back("display_name");
  if (body->timezone) set.emplace_back("timezone");
  if (body->notification_prefs) set.emplace_back("notification_prefs");
  if (body->appearance) set.emplace_back("appearance");
  boost::json::object details{{"set", std::move(set)}};
  auto event = tenancy::AuditLog::security(caller.who, caller.client_address, caller.request_id,
                                           caller.who.tenant_id, "user.preferences_updated",
                                           "update", "user", caller.who.user_id,
                                           "Preferences changed", std::move(details));
  event.category = "user";
  d.audit->write(std::move(event));
  co_return out;
}

struct OwnSession : identity::UserSession {
  bool current = false;
};
BOOST_DESCRIBE_STRUCT(OwnSession, (identity::UserSession), (current))
struct SessionList {
  std::vector<OwnSession> sessions;
};
BOOST_DESCRIBE_STRUCT(SessionList, (), (sessions))

void require_person(const tenancy::Caller& who) {
  if (!who.by_api_token.empty()) throw forbidden("Sign in to manage sessions");
}

Task<SessionList> my_sessions(AccountDeps d, SignedIn caller) {
  require_person(caller.who);
  SessionList out;
  auto sessions = co_await d.directory->sessions(caller.who.user_id);
  for (auto& s : sessions) {
    OwnSession mine;
    static_cast<identity::UserSession&>(mine) = std::move(s);
    mine.current = mine.id == caller.who.session_id;
    out.sessions.push_back(std::move(mine));
  }
  co_return out;
}

Task<> tell_ended(AccountDeps d, SignedIn caller, std::string what) {
  auto event = tenancy::AuditLog::security(caller.who, caller.client_address, caller.request_id,
                                           caller.who.tenant_id, "session.ended", "end_session",
                                           "user", caller.who.user_id, std::move(what));
  co_await d.audit->record(std::move(event));
}

Task<http::NoContent> end_my_session(AccountDeps d, SignedIn caller,
                                     http::Path<"session_id"> session_id) {
  require_person(caller.who);
  co_await d.directory->end_session(caller.who.user_id, session_id.value);
  co_await d.revocations->end_session(*d.pool, session_id.value);
  co_await tell_ended(d, caller, "A session was signed out");
  co_return http::NoContent{};
}

Task<http::NoContent> end_my_other_sessions(AccountDeps d, SignedIn caller) {
  require_person(caller.who);
  const auto sessions = co_await d.directory->sessions(caller.who.user_id);
  for (const auto& s : sessions) {
    if (s.id == caller.who.session_id) continue;
    co_await d.directory->end_session(caller.who.user_id, s.id);
    co_await d.revocations->end_session(*d.pool, s.id);
  }
  co_await tell_ended(d, caller, "All other sessions were signed out");
  co_return http::NoContent{};
}

}  // namespace

bool known_timezone(const std::string& name) {
  // Names of the IANA database are paths under zoneinfo; what could leave that folder is none.
  if (name.empty() || name.front() == '/' || name.find("..") != std::string::npos) return false;
  for (const unsigned char c : name)
    if (!std::isalnum(c) && c != '/' && c != '_' && c != '-' && c != '+') return false;
  if (name == "UTC") return true;
  if (name.starts_with("posix") || name.starts_with("right")) return false;
  std::error_code ec;
  return std::filesystem::is_regular_file("/usr/share/zoneinfo/" + name, ec) &&
         std::isupper(static_cast<unsigned char>(name.front()));
}

void mount_profile(http::Router& api, const AccountDeps& d) {
  const std::string base = "/api/v1/customer/";
  api.get(base + "me/permissions", http::bound(d, my_permissions))
      .signed_in()
      .tag("Profile")
      .summary("What the caller may do");
  api.get(base + "preferences", http::bound(d, get_preferences))
      .signed_in()
      .tag("Profile")
      .summary("The caller's preferences");
  api.put(base + "preferences", http::bound(d, put_preferences))
      .signed_in()
      .tag("Profile")
      .summary("Change preferences; what is absent stays")
      .example({{"display_name", "Kay"}, {"timezone", "Europe/Berlin"}})
      .fails(400, "Invalid timezone: {timezone}. Must be one of the supported IANA timezones.");
  api.get(base + "sessions", http::bound(d, my_sessions))
      .signed_in()
      .tag("Profile")
      .summary("Where the caller is signed in")
      .fails(403, "Sign in to manage sessions")
      .fails(502, "Directory error");
  api.del(base + "sessions/{session_id}", http::bound(d, end_my_session))
      .signed_in()
      .tag("Profile")
      .summary("Sign one of the caller's sessions out")
      .fails(403, "Sign in to manage sessions")
      .fails(404, "Session not found")
      .fails(502, "Directory error");
  api.del(base + "sessions", http::bound(d, end_my_other_sessions))
      .signed_in()
      .tag("Profile")
      .summary("Sign all other sessions of the caller out")
      .fails(403, "Sign in to manage sessions")
      .fails(502, "Directory error");
}

}  // namespace pulse::account
