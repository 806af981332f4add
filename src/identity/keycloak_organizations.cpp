#include <algorithm>

#include "identity/keycloak_directory.hpp"
#include "platform/errors.hpp"
#include "platform/http/message.hpp"

namespace pulse::identity {

namespace {

constexpr std::int64_t organizations_per_request = 500;

Organization organization_in(const boost::json::value& r) {
  Organization o;
  o.id = text_of(r, "id");
  o.name = text_of(r, "name");
  o.alias = text_of(r, "alias");
  const auto* enabled = r.is_object() ? r.get_object().if_contains("enabled") : nullptr;
  o.enabled = !enabled || !enabled->is_bool() || enabled->get_bool();
  if (o.id.empty()) throw HttpError(502, "Directory answers what it should not");
  return o;
}

std::vector<Organization> organizations_in(const boost::json::value& body) {
  if (!body.is_array()) throw HttpError(502, "Directory answers what it should not");
  std::vector<Organization> out;
  for (const auto& r : body.get_array()) out.push_back(organization_in(r));
  return out;
}

bool has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace

/// Keycloak finds an alias by its query for attributes. The id is kept: it never changes, and one
/// that is gone is noticed when it is used.
Task<std::optional<std::string>> KeycloakDirectory::organization_of(std::string tenant_id) {
  if (const auto known = organization_ids_.find(tenant_id); known != organization_ids_.end())
    co_return known->second;
  const auto found = co_await organization(tenant_id);
  if (found.is_null()) co_return std::nullopt;
  co_return text_of(found, "id");
}

/// The whole representation, or null.
Task<boost::json::value> KeycloakDirectory::organization(std::string tenant_id) {
  const KeycloakCall get("GET", "/organizations?q=" + http::percent_encode("alias:" + tenant_id));
  const auto answer = co_await admin_->call(get);
  organization_ids_.erase(tenant_id);
  if (!answer.body.is_array()) throw HttpError(502, "Directory answers what it should not");
  for (const auto& r : answer.body.get_array())
    if (const auto o = organization_in(r); o.alias == tenant_id) {
      organization_ids_[tenant_id] = o.id;
      co_return r;
    }
  co_return nullptr;
}

Task<std::vector<Organization>> KeycloakDirectory::organizations() {
  std::vector<Organization> out;
  for (std::int64_t first = 0;; first += organizations_per_request) {
    const KeycloakCall get(
        "GET", "/organizations?briefRepresentation=true&first=" + std::to_string(first) +
                   "&max=" + std::to_string(organizations_per_request));
    const auto answer = co_await admin_->call(get);
    auto some = organizations_in(answer.body);
    const bool last = static_cast<std::int64_t>(some.size()) < organizations_per_request;
    std::move(some.begin(), some.end(), std::back_inserter(out));
    if (last) break;
  }
  const auto by_alias = [](const Organization& a, const Organization& b) {
    return a.alias < b.alias;
  };
  std::sort(out.begin(), out.end(), by_alias);
  co_return out;
}

/// Makes it, or writes it when it has an id.
Task<> KeycloakDirectory::save_organization(boost::json::value organization,
                                            std::string tenant_id) {
  const auto id = text_of(organization, "id");
  const auto path = "/organizations" + (id.empty() ? std::string() : "/" + id);
  const KeycloakCall call(id.empty() ? "POST" : "PUT", path, organization);
  const auto answer = co_await admin_->call(call);
  if (answer.ok()) co_return;
  if (answer.status == 400) throw bad_request(answer.complaint());
  if (answer.status == 404) throw not_found("Organization not found");
  // Somebody else made it meanwhile, or the try before did: as good.
  const auto there = co_await this->organization(tenant_id);
  if (there.is_null()) throw conflict("Organization name already exists");
}

/// Names are unique in Keycloak, and tenants' need not be: a taken one is told apart by the
/// tenant's id.
Task<std::string> KeycloakDirectory::free_name(std::string name, std::string tenant_id) {
  const KeycloakCall get("GET", "/organizations?exact=true&search=" + http::percent_encode(name));
  const auto answer = co_await admin_->call(get);
  const auto found = organizations_in(answer.body);
  const auto taken = [&](const Organization& o) { return o.name == name && o.alias != tenant_id; };
  if (std::any_of(found.begin(), found.end(), taken)) name += " (" + tenant_id + ")";
  co_return name;
}

Task<> KeycloakDirectory::ensure_organization(std::string tenant_id, std::string name) {
  auto known = co_await organization(tenant_id);
  name = co_await free_name(std::move(name), tenant_id);
  if (known.is_null()) {
    // Keycloak wants a domain; .invalid (RFC 2606) is nobody's.
    const boost::json::object domain{{"name", tenant_id + ".pulse.invalid"}};
    boost::json::object fresh{{"alias", tenant_id}, {"enabled", true}};
    fresh["domains"] = boost::json::array{domain};
    known = std::move(fresh);
  }
  if (text_of(known, "name") == name) co_return;
  known.as_object()["name"] = name;
  co_await save_organization(std::move(known), std::move(tenant_id));
}

Task<> KeycloakDirectory::set_organization_enabled(std::string tenant_id, bool enabled) {
  auto known = co_await organization(tenant_id);
  if (known.is_null()) throw not_found("Organization not found");
  known.as_object()["enabled"] = enabled;
  co_await save_organization(std::move(known), std::move(tenant_id));
}

Task<> KeycloakDirectory::remove_organization(std::string tenant_id) {
  const auto known = co_await organization(tenant_id);
  if (known.is_null()) co_return;
  organization_ids_.erase(tenant_id);
  // 404: it went meanwhile.
  const KeycloakCall call("DELETE", "/organizations/" + text_of(known, "id"));
  co_await admin_->call(call);
}

Task<std::vector<Organization>> KeycloakDirectory::organizations_of(std::string id) {
  const auto path = user_path(id).substr(std::string_view("/users").size());
  const KeycloakCall get("GET", "/organizations/members" + path + "/organizations");
  const auto answer = co_await admin_->call(get);
  check_user_answer(answer);
  co_return organizations_in(answer.body);
}

/// Out first, in last: nobody is ever in two tenants.
Task<> KeycloakDirectory::put_organizations(std::string id, std::vector<std::string> wanted) {
  const auto path = user_path(id).substr(std::string_view("/users").size());
  std::vector<std::string> now;
  const auto current = co_await organizations_of(id);
  for (const auto& o : current) now.push_back(o.id);
  for (const auto& organization : now) {
    if (has(wanted, organization)) continue;
    // 404 and 400: no member any more.
    const KeycloakCall call("DELETE", "/organizations/" + organization + "/members" + path);
    co_await admin_->call(call);
  }
  for (const auto& organization : wanted) {
    if (has(now, organization)) continue;
    const KeycloakCall call("POST", "/organizations/" + organization + "/members",
                            boost::json::value(id));
    const auto answer = co_await admin_->call(call);
    if (answer.ok() || answer.status == 409) continue;  // 409: a member already
    organization_ids_.clear();                          // one that we remembered is gone
    throw not_found(answer.status == 404 ? "Organization not found" : "User not found");
  }
}

}  // namespace pulse::identity
