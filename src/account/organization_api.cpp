// What an organization says of itself, and what its tier allows.
#include "account/deps.hpp"
#include "account/people.hpp"
#include "account/tier.hpp"
#include "platform/email.hpp"
#include "platform/errors.hpp"
#include "platform/pg/row_change.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::account {

namespace {

using tenancy::TenantCaller;
using Text = std::optional<std::string>;

struct Organization {
  std::string tenant_id, name;
  Text legal_name, contact_email, contact_name, phone, industry, company_size, address_line1,
      address_line2, city, state_province, postal_code, country, data_residency_region,
      support_tier;
  std::optional<double> sla_level;
  Text billing_email;
  std::string timezone;
  Text logo;
  boost::json::object metadata;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(Organization, (),
                      (tenant_id, name, legal_name, contact_email, contact_name, phone, industry,
                       company_size, address_line1, address_line2, city, state_province,
                       postal_code, country, data_residency_region, support_tier, sla_level,
                       billing_email, timezone, logo, metadata, created_at, updated_at))

struct UpdateOrganization {
  Text name;
  json::Patch<std::string> legal_name, contact_email, contact_name, phone, industry, company_size,
      address_line1, address_line2, city, state_province, postal_code, country, billing_email, logo;
  Text timezone;
};
BOOST_DESCRIBE_STRUCT(UpdateOrganization, (),
                      (name, legal_name, contact_email, contact_name, phone, industry, company_size,
                       address_line1, address_line2, city, state_province, postal_code, country,
                       billing_email, logo, timezone))

std::string optional_email_fault(const json::Patch<std::string>& email) {
  return email.value && !email.value->empty() ? email_fault(*email.value) : std::string();
}

inline auto constraints(json::As<UpdateOrganization>) {
  using U = UpdateOrganization;
  return json::rules<U>()
      .length(&U::name, 1, 200)
      .length(&U::legal_name, 0, 200)
      .length(&U::contact_email, 0, 254)
      .length(&U::contact_name, 0, 200)
      .length(&U::phone, 0, 50)
      .length(&U::industry, 0, 100)
      .length(&U::company_size, 0, 50)
      .length(&U::address_line1, 0, 200)
      .length(&U::address_line2, 0, 200)
      .length(&U::city, 0, 100)
      .length(&U::state_province, 0, 100)
      .length(&U::postal_code, 0, 20)
      .length(&U::country, 0, 2)
      .length(&U::billing_email, 0, 254)
      .length(&U::logo, 0, 100'000)
      .length(&U::timezone, 1, 64)
      .check("contact_email", [](const U& u) { return optional_email_fault(u.contact_email); })
      .check("billing_email", [](const U& u) { return optional_email_fault(u.billing_email); })
      .check("logo",
             [](const U& u) -> std::string {
               // An SVG could carry script; pictures of these kinds can't.
               for (const auto* kind : {"data:image/png;base64,", "data:image/jpeg;base64,",
                                        "data:image/webp;base64,"})
                 if (!u.logo.value || u.logo.value->empty() || u.logo.value->starts_with(kind))
                   return {};
               return "must be a PNG, JPEG or WebP picture as a data URL";
             })
      .check("timezone", [](const U& u) -> std::string {
        return !u.timezone || known_timezone(*u.timezone)
                   ? std::string()
                   : "must be a name of the IANA time zone database, such as Europe/Berlin";
      });
}

const std::string select_organization =
    "SELECT tenant_id, name, legal_name, contact_email, contact_name, phone, industry, "
    "company_size, address_line1, address_line2, city, state_province, postal_code, country, "
    "data_residency_region, support_tier, sla_level, billing_email, timezone, logo, metadata, "
    "created_at, updated_at FROM tenants";

Task<Organization> get_organization(AccountDeps, TenantCaller caller) {
  const auto rows = co_await caller.db.query(select_organization);
  if (rows.empty()) throw not_found("Organization not found");
  co_return pg::row_as<Organization>(rows, 0);
}

Task<Organization> put_organization(AccountDeps d, TenantCaller caller,
                                    http::Body<UpdateOrganization> body) {
  pg::RowChange change;
  const auto put = [&](const char* column, const json::Patch<std::string>& member) {
    if (member) change.set(column, member.value, "nullif(?, '')");
  };
  if (body->name) change.set("name", *body->name);
  put("legal_name", body->legal_name);
  put("contact_email", body->contact_email);
  put("contact_name", body->contact_name);
  put("phone", body->phone);
  put("industry", body->industry);
  put("company_size", body->company_size);
  put("address_line1", body->address_line1);
  put("address_line2", body->address_line2);
  put("city", body->city);
  put("state_province", body->state_province);
  put("postal_code", body->postal_code);
  put("country", body->country);
  put("billing_email", body->billing_email);
  put("logo", body->logo);
  if (body->timezone) change.set("timezone", *body->timezone);
  if (change.empty()) throw bad_request("No fields to update");
  change.also("updated_at = now()");
  auto statement = change.in("tenants", "tenant_id = ?", caller.tenant());
  const auto changed = co_await caller.db.query(statement.first, statement.second);
  if (changed.empty()) throw not_found("Organization not found");
  auto event =
      tenancy::AuditLog::of(caller, "organization.updated", "update", "organization",
                            caller.tenant(), "Organization changed", pg::RowChange::told(changed));
  d.audit->write(std::move(event));
  const auto rows = co_await caller.db.query(select_organization);
  if (rows.empty()) throw not_found("Organization not found");
  co_return pg::row_as<Organization>(rows, 0);
}

}  // namespace

void mount_organization(http::Router& api, const AccountDeps& d) {
  const std::string base = "/api/v1/customer/";
  api.get(base + "organization", http::bound(d, get_organization))
      .customers()
      .tag("Organization")
      .summary("The caller's organization")
      .fails(404, "Organization not found");
  // Who may change the contract with us may change what the organization is called.
  api.put(base + "organization", http::bound(d, put_organization))
      .needs("subscriptions.write")
      .tag("Organization")
      .summary("Change the organization; what is absent stays, null clears")
      .max_body(256 * 1024)
      .example({{"legal_name", "Demo GmbH"}, {"country", "DE"}})
      .fails(400, "No fields to update")
      .fails(404, "Organization not found");
  api.get(base + "limits", http::bound(d, use_of_tier))
      .customers()
      .tag("Organization")
      .summary("What the tier allows, and what is used of it")
      .fails(502, "Directory error");
}

}  // namespace pulse::account
