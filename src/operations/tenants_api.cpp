#include "operations/deps.hpp"
#include "operations/tenants.hpp"
#include "platform/errors.hpp"
#include "platform/json/changes.hpp"
#include "platform/log.hpp"

namespace pulse::operations {

namespace {

using tenancy::OperatorCaller;

struct AssignTier {
  std::string tier_id;
};
BOOST_DESCRIBE_STRUCT(AssignTier, (), (tier_id))
inline auto constraints(json::As<AssignTier>) {
  return json::rules<AssignTier>().length(&AssignTier::tier_id, 1, 50);
}
struct TenantTier {
  std::string tenant_id, account_tier_id;
};
BOOST_DESCRIBE_STRUCT(TenantTier, (), (tenant_id, account_tier_id))

struct Told {
  std::string tenant_id, status;
};
BOOST_DESCRIBE_STRUCT(Told, (), (tenant_id, status))
struct SummaryList {
  std::vector<TenantSummary> tenants;
};
BOOST_DESCRIBE_STRUCT(SummaryList, (), (tenants))
struct InviteAdmin {
  std::string email;
  Text first_name, last_name, role;
};
BOOST_DESCRIBE_STRUCT(InviteAdmin, (), (email, first_name, last_name, role))
inline auto constraints(json::As<InviteAdmin>) {
  return json::rules<InviteAdmin>()
      .length(&InviteAdmin::email, 3, 254)
      .length(&InviteAdmin::first_name, 0, 100)
      .length(&InviteAdmin::last_name, 0, 100)
      .one_of(&InviteAdmin::role, {"customer", "tenant-admin"})
      .check("email", [](const InviteAdmin& i) { return email_fault(i.email); });
}
struct Invited {
  std::string id, username, email, message;
};
BOOST_DESCRIBE_STRUCT(Invited, (), (id, username, email, message))

/// Lower-case letters, digits and inner hyphens, 2 to 64: it stands in topics, subjects and URLs.
void require_tenant_id(const std::string& id) {
  if (id.size() > 64) throw bad_request("tenant_id must be 64 characters or less");
  bool good = id.size() >= 2 && id.front() != '-' && id.back() != '-';
  for (const char c : id)
    good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
  if (!good)
    throw bad_request(
        "tenant_id must be lowercase alphanumeric with hyphens, cannot start/end with hyphen");
}

/// What is done to a tenant stands in the tenant's own audit log too.
Task<> tell(OperationsDeps d, OperatorCaller caller, std::string tenant, std::string type,
            std::string action, std::string message, boost::json::object details = {}) {
  auto event = tenancy::AuditLog::security(caller.who, caller.client_address, caller.request_id,
                                           tenant, std::move(type), std::move(action), "tenant",
                                           tenant, std::move(message), std::move(details));
  co_await d.audit->record(std::move(event));
}

Task<TenantList> list_tenants(OperationsDeps, OperatorCaller caller,
                              http::Query<TenantListQuery> query) {
  return tenants_matching(caller.db, query.value);
}

Task<SummaryList> list_summaries(OperationsDeps d, OperatorCaller caller) {
  SummaryList out;
  out.tenants = co_await summaries_of_tenants(caller.db);
  const auto people = co_await d.directory->users_of_tenants();
  if (people)
    for (auto& tenant : out.tenants) {
      const auto known = people->find(tenant.tenant_id);
      tenant.user_count = known == people->end() ? 0 : known->second;
    }
  co_return out;
}

Task<Tenant> get_tenant(OperationsDeps, OperatorCaller caller, http::Path<"tenant_id"> id) {
  auto tenant = co_await find_tenant(caller.db, id.value);
  if (!tenant) throw not_found("Tenant not found");
  co_return std::move(*tenant);
}

Task<TenantStats> get_stats(OperationsDeps d, OperatorCaller caller, http::Path<"tenant_id"> id) {
  auto stats = co_await stats_of_tenant(caller.db, id.value);
  if (!stats) throw not_found("Tenant not found");
  identity::UserQuery people;
  people.tenant_id = id.value;
  people.limit = 1;
  stats->stats.users = (co_await d.directory->users(std::move(people))).total;
  co_return std::move(*stats);
}

Task<http::Created<Told>> create_tenant(OperationsDeps d, OperatorCaller caller,
                                        http::Body<CreateTenant> body) {
  require_tenant_id(body->tenant_id);
  const bool made = co_await insert_tenant(caller.db, body.value);
  if (!made) throw conflict("Tenant already exists");
  // A tenant without its organization could not take people: it is whole or not there.
  std::exception_ptr undone;
  try {
    co_await d.directory->ensure_organization(body->tenant_id, body->name);
  } catch (...) {  // thrown on below
    undone = std::current_exception();
  }
  if (undone) {
    try {
      co_await take_back_tenant(caller.db, body->tenant_id);
    } catch (const pg::Error& e) {
      log::error("a tenant without its organization stays: delete it",
                 {{"tenant", body->tenant_id}, {"error", e.what()}});
    }
    std::rethrow_exception(undone);
  }
  co_await tell(d, caller, body->tenant_id, "tenant.created", "create", "Tenant " + body->name);
  Told told{body->tenant_id, "created"};
  co_return http::Created<Told>{std::move(told)};
}

/// Here first, where every request is judged; a try that the directory stopped can be made again.
Task<Told> change_tenant(OperationsDeps d, OperatorCaller caller, http::Path<"tenant_id"> id,
                         http::Body<UpdateTenant> body) {
  const auto before = co_await find_tenant(caller.db, id.value);
  const bool known = co_await update_tenant(caller.db, id.value, body.value);
  if (!before || !known) throw not_found("Tenant not found");
  const auto after = co_await find_tenant(caller.db, id.value);
  d.memberships->changed(id.value);
  std::string message = "Tenant changed";
  if (body->status) message = "Tenant is now " + *body->status;
  boost::json::object details;
  if (after) details = json::changes_of(*before, *after);
  co_await tell(d, caller, id.value, "tenant.updated", "update", message, std::move(details));
  if (body->name) co_await d.directory->ensure_organization(id.value, *body->name);
  if (body->status)
    co_await d.directory->set_organization_enabled(id.value, *body->status == "ACTIVE");
  co_return Told{id.value, "updated"};
}

Task<TenantTier> assign_tier(OperationsDeps d, OperatorCaller caller, http::Path<"tenant_id"> id,
                             http::Body<AssignTier> body) {
  const auto before = co_await find_tenant(caller.db, id.value);
  if (!before || before->status == "DELETED") throw not_found("Tenant not found");
  const bool known = co_await set_tier(caller.db, id.value, body->tier_id);
  if (!known) throw not_found("Account tier not found");
  d.memberships->changed(id.value);
  auto details =
      json::changes_between({{"account_tier_id", boost::json::value_from(before->account_tier_id)}},
                            {{"account_tier_id", body->tier_id}});
  co_await tell(d, caller, id.value, "tenant.updated", "assign_tier",
                "Tier is now " + body->tier_id, std::move(details));
  co_return TenantTier{id.value, body->tier_id};
}

/// The directory first, here and for the way back: what is done is not done again, so what stopped
/// midway must be what can be.
Task<Told> remove_tenant(OperationsDeps d, OperatorCaller caller, http::Path<"tenant_id"> id) {
  const auto before = co_await find_tenant(caller.db, id.value);
  if (!before || before->status == "DELETED")
    throw not_found("Tenant not found or already deleted");
  co_await d.directory->set_organization_enabled(id.value, false);
  const bool known = co_await delete_tenant(caller.db, id.value);
  if (!known) throw not_found("Tenant not found or already deleted");
  d.memberships->changed(id.value);
  co_await tell(d, caller, id.value, "tenant.deleted", "delete",
                "Tenant deleted; it can be restored for " + std::to_string(undo_days) + " days");
  co_return Told{id.value, "deleted"};
}

Task<Told> bring_back(OperationsDeps d, OperatorCaller caller, http::Path<"tenant_id"> id) {
  const auto before = co_await find_tenant(caller.db, id.value);
  if (!before || before->status != "DELETED") throw not_found("Tenant not found or not deleted");
  co_await d.directory->set_organization_enabled(id.value, true);
  const bool known = co_await restore_tenant(caller.db, id.value);
  if (!known) {  // the time for it is over
    co_await d.directory->set_organization_enabled(id.value, false);
    throw not_found("Tenant not found or not deleted");
  }
  d.memberships->changed(id.value);
  co_await tell(d, caller, id.value, "tenant.restored", "restore", "Tenant restored");
  co_return Told{id.value, "restored"};
}

Task<Told> purge_now(OperationsDeps d, OperatorCaller caller, http::Path<"tenant_id"> id) {
  const bool known = co_await hasten_purge(caller.db, id.value);
  if (!known) throw not_found("Tenant not found or not deleted");
  co_await tell(d, caller, id.value, "tenant.purge_hastened", "purge",
                "The time to undo the deletion was ended");
  co_return Told{id.value, "purging"};
}

Task<Invited> invite(OperationsDeps d, OperatorCaller caller, http::Path<"tenant_id"> id,
                     http::Body<InviteAdmin> body) {
  const auto tenant = co_await find_tenant(caller.db, id.value);
  if (!tenant || tenant->status == "DELETED") throw not_found("Tenant not found");
  const auto known = co_await d.directory->user_of_email(body->email);
  if (known) throw conflict("User with this email already exists");
  co_await caller.db.about("user", body->email).write("invite_user", id.value, "SELECT 1");
  identity::CreateUser user;
  user.email = body->email;
  user.username = co_await identity::free_username(*d.directory, body->email);
  user.first_name = body->first_name.value_or("");
  user.last_name = body->last_name.value_or("");
  user.tenant_id = id.value;
  user.roles = {"customer"};
  if (body->role.value_or("tenant-admin") == "tenant-admin")
    user.roles.emplace_back("tenant-admin");
  co_await d.directory->ensure_organization(id.value, tenant->name);
  const auto user_id = co_await d.directory->create(user);
  co_await identity::invite_or_remove(*d.directory, user_id, caller.who.username);
  co_await tell(d, caller, id.value, "user.invited", "invite", "Invited " + user.email);
  Invited out{user_id, user.username, user.email,
              "User invited successfully. Password reset email sent."};
  co_return out;
}

}  // namespace

void mount_tenants(http::Router& api, const OperationsDeps& d) {
  const std::string base = "/api/v1/operator/tenants", one = base + "/{tenant_id}";
  const auto staff = [](http::Endpoint e) { return e.operators().tag("Tenants"); };
  const auto admin = [](http::Endpoint e) {
    return e.operators("operator-admin").tag("Tenants").fails(502, "Directory error");
  };
  staff(api.get(base, http::bound(d, list_tenants))
            .summary("Tenants; status=ALL shows suspended and deleted ones too"));
  staff(api.get(base + "/stats/summary", http::bound(d, list_summaries))
            .summary("Every tenant with its devices"));
  staff(api.get(one, http::bound(d, get_tenant)).summary("One tenant"))
      .fails(404, "Tenant not found");
  staff(api.get(one + "/stats", http::bound(d, get_stats)).summary("A tenant in numbers"))
      .fails(404, "Tenant not found");
  admin(
      api.post(base, http::bound(d, create_tenant)).summary("Create a tenant and its organization"))
      .example({{"tenant_id", "acme"}, {"name", "Acme Cold Chain"}, {"account_tier_id", "growth"}})
      .fails(400,
             "tenant_id must be lowercase alphanumeric with hyphens, cannot start/end with "
             "hyphen")
      .fails(409, "Tenant already exists");
  admin(api.patch(one, http::bound(d, change_tenant)).summary("Change, suspend or re-activate"))
      .example({{"status", "SUSPENDED"}})
      .fails(400, "No fields to update")
      .fails(404, "Tenant not found");
  admin(api.patch(one + "/tier", http::bound(d, assign_tier)).summary("Give a tenant another tier"))
      .example({{"tier_id", "growth"}})
      .fails(404, "Tenant not found")
      .fails(404, "Account tier not found");
  admin(api.del(one, http::bound(d, remove_tenant))
            .summary("Delete; the data goes after 30 days, until then it can be restored"))
      .fails(404, "Tenant not found or already deleted");
  admin(api.post(one + "/restore", http::bound(d, bring_back)).summary("Undo a deletion"))
      .fails(404, "Tenant not found or not deleted");
  admin(api.post(one + "/purge", http::bound(d, purge_now))
            .summary("End the time to undo a deletion; the data goes within the hour"))
      .fails(404, "Tenant not found or not deleted");
  admin(api.post(one + "/invite", http::bound(d, invite))
            .summary("Invite an administrator of the tenant by email"))
      .example({{"email", "kay@acme.example"}})
      .fails(404, "Tenant not found")
      .fails(409, "User with this email already exists");
}

}  // namespace pulse::operations
