#pragma once
// Tenants as platform staff see them.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "identity/directory.hpp"
#include "platform/clock.hpp"
#include "platform/email.hpp"
#include "platform/json/rules.hpp"
#include "tenancy/caller.hpp"

namespace pulse::operations {

using Text = std::optional<std::string>;

struct Tenant {
  std::string tenant_id, name, status;
  Text contact_email, contact_name, legal_name, phone, industry, company_size, address_line1,
      address_line2, city, state_province, postal_code, country, data_residency_region,
      support_tier;
  std::optional<double> sla_level;
  Text stripe_customer_id, billing_email, account_tier_id;
  boost::json::object metadata;
  Time created_at, updated_at;
  std::optional<Time> deleted_at, purge_after;
};
BOOST_DESCRIBE_STRUCT(Tenant, (),
                      (tenant_id, name, status, contact_email, contact_name, legal_name, phone,
                       industry, company_size, address_line1, address_line2, city, state_province,
                       postal_code, country, data_residency_region, support_tier, sla_level,
                       stripe_customer_id, billing_email, account_tier_id, metadata, created_at,
                       updated_at, deleted_at, purge_after))

/// What an operator may say of a tenant, at creation and later; null clears.
struct TenantFields {
  json::Patch<std::string> contact_email, contact_name, legal_name, phone, industry, company_size,
      address_line1, address_line2, city, state_province, postal_code, country,
      data_residency_region, support_tier, billing_email, stripe_customer_id, account_tier_id;
  json::Patch<double> sla_level;
  json::Patch<boost::json::object> metadata;
};
BOOST_DESCRIBE_STRUCT(TenantFields, (),
                      (contact_email, contact_name, legal_name, phone, industry, company_size,
                       address_line1, address_line2, city, state_province, postal_code, country,
                       data_residency_region, support_tier, billing_email, stripe_customer_id,
                       account_tier_id, sla_level, metadata))

struct CreateTenant : TenantFields {
  std::string tenant_id, name;
};
BOOST_DESCRIBE_STRUCT(CreateTenant, (TenantFields), (tenant_id, name))

struct UpdateTenant : TenantFields {
  Text name, status;
};
BOOST_DESCRIBE_STRUCT(UpdateTenant, (TenantFields), (name, status))

template <class T>
json::Rules<T> tenant_rules() {
  const auto email = [](const json::Patch<std::string>& e) {
    return e.value && !e.value->empty() ? email_fault(*e.value) : std::string();
  };
  json::Rules<T> r;
  r.length(&T::name, 1, 200)
      .check("contact_email", [email](const T& t) { return email(t.contact_email); })
      .check("billing_email", [email](const T& t) { return email(t.billing_email); })
      .check("sla_level", [](const T& t) -> std::string {
        return !t.sla_level.value || (*t.sla_level.value >= 0 && *t.sla_level.value <= 100)
                   ? std::string()
                   : "must be between 0 and 100";
      });
  const auto text = [&r](const char* name, json::Patch<std::string> TenantFields::*m,
                         std::size_t most) {
    r.check(name, [m, most](const T& t) -> std::string {
      const auto& v = t.*m;
      return !v.value || json::utf8_length(*v.value) <= most
                 ? std::string()
                 : "must have at most " + std::to_string(most) + " characters";
    });
  };
  text("legal_name", &TenantFields::legal_name, 200);
  text("contact_name", &TenantFields::contact_name, 200);
  text("phone", &TenantFields::phone, 50);
  text("industry", &TenantFields::industry, 100);
  text("company_size", &TenantFields::company_size, 50);
  text("address_line1", &TenantFields::address_line1, 200);
  text("address_line2", &TenantFields::address_line2, 200);
  text("city", &TenantFields::city, 100);
  text("state_province", &TenantFields::state_province, 100);
  text("postal_code", &TenantFields::postal_code, 20);
  text("country", &TenantFields::country, 2);
  text("data_residency_region", &TenantFields::data_residency_region, 50);
  text("support_tier", &TenantFields::support_tier, 20);
  text("stripe_customer_id", &TenantFields::stripe_customer_id, 100);
  text("account_tier_id", &TenantFields::account_tier_id, 50);
  return r;
}
inline auto constraints(json::As<CreateTenant>) { return tenant_rules<CreateTenant>(); }
inline auto constraints(json::As<UpdateTenant>) {
  return tenant_rules<UpdateTenant>().one_of(&UpdateTenant::status, {"ACTIVE", "SUSPENDED"});
}

struct TenantSummary {
  std::string tenant_id, name, status;
  std::int64_t device_count = 0, online_count = 0, open_alerts = 0;
  std::optional<std::int64_t> user_count;  ///< where the directory can count at once
  std::optional<Time> last_activity;
  Time created_at;
};
BOOST_DESCRIBE_STRUCT(TenantSummary, (),
                      (tenant_id, name, status, device_count, online_count, open_alerts, user_count,
                       last_activity, created_at))

struct DeviceNumbers {
  std::int64_t total = 0, active = 0, online = 0, stale = 0;
};
BOOST_DESCRIBE_STRUCT(DeviceNumbers, (), (total, active, online, stale))
struct AlertNumbers {
  std::int64_t open = 0, closed = 0, last_24h = 0;
};
BOOST_DESCRIBE_STRUCT(AlertNumbers, (), (open, closed, last_24h))
struct PartNumbers {
  std::int64_t total = 0, active = 0;
};
BOOST_DESCRIBE_STRUCT(PartNumbers, (), (total, active))
struct Numbers {
  DeviceNumbers devices;
  AlertNumbers alerts;
  PartNumbers integrations, rules;
  std::int64_t users = 0, sites = 0, roles = 0, api_tokens = 0;
  std::optional<Time> last_device_activity, last_alert;
};
BOOST_DESCRIBE_STRUCT(Numbers, (),
                      (devices, alerts, integrations, rules, users, sites, roles, api_tokens,
                       last_device_activity, last_alert))
struct TenantStats {
  std::string tenant_id, name, status;
  Numbers stats;
};
BOOST_DESCRIBE_STRUCT(TenantStats, (), (tenant_id, name, status, stats))

struct TenantListQuery {
  std::string status = "ACTIVE";  ///< "ALL" for any
  std::optional<std::string> search;
  std::int64_t limit = 100, offset = 0;
};
BOOST_DESCRIBE_STRUCT(TenantListQuery, (), (status, search, limit, offset))
inline auto constraints(json::As<TenantListQuery>) {
  return json::rules<TenantListQuery>()
      .length(&TenantListQuery::search, 0, 200)
      .range(&TenantListQuery::limit, 1, 500)
      .range(&TenantListQuery::offset, 0, 1'000'000);
}
struct TenantList {
  std::vector<Tenant> tenants;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(TenantList, (), (tenants, total, limit, offset))

using tenancy::OperatorDb;
Task<TenantList> tenants_matching(OperatorDb db, TenantListQuery query);
Task<std::optional<Tenant>> find_tenant(OperatorDb db, std::string tenant_id);
Task<std::vector<TenantSummary>> summaries_of_tenants(OperatorDb db);
Task<std::optional<TenantStats>> stats_of_tenant(OperatorDb db, std::string tenant_id);
/// False when the id is taken. Throws HttpError 400 for an unknown tier.
Task<bool> insert_tenant(OperatorDb db, CreateTenant tenant);
/// Undoes the creation of a tenant that nobody has seen yet.
Task<> take_back_tenant(tenancy::OperatorDb db, std::string tenant_id);
/// False when there is no such tier.
Task<bool> set_tier(tenancy::OperatorDb db, std::string tenant_id, std::string tier_id);
/// False when there is no such tenant that is not deleted.
Task<bool> update_tenant(OperatorDb db, std::string tenant_id, UpdateTenant changes);
/// Marks it deleted; its data goes `undo_days` later.
inline constexpr int undo_days = 30;
Task<bool> delete_tenant(OperatorDb db, std::string tenant_id);
/// False when it is not deleted, or its data is gone.
Task<bool> restore_tenant(OperatorDb db, std::string tenant_id);
/// Ends the time to undo now. False when it is not deleted.
Task<bool> hasten_purge(OperatorDb db, std::string tenant_id);
/// Removes the people, the organization, the files (by `remove_files`) and the data of tenants
/// whose time to undo is over; returns their ids. One that can't be removed now is logged, and
/// tried again the next time. For the ops role.
using RemoveFiles = std::function<Task<>(std::string tenant_id)>;
Task<std::vector<std::string>> purge_deleted_tenants(pg::Pool& pool, identity::Directory& directory,
                                                     RemoveFiles remove_files);

}  // namespace pulse::operations
