#include "tenancy/membership.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <mutex>
#include <unordered_map>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"
#include "platform/limits.hpp"

namespace pulse::tenancy {

namespace {

constexpr const char* changed_subject = "pulse.access.changed";
// What a lost announcement may leave standing.
constexpr std::int64_t fresh_ms = 30'000;

constexpr const char* membership_of_user = R"sql(
  WITH first_sight AS (
    INSERT INTO user_role_assignments (tenant_id, user_id, role_id, assigned_by)
    SELECT $1, $2, r.id, 'system' FROM roles r
    WHERE $3::boolean AND r.is_system AND r.name = 'Viewer'
      AND EXISTS (SELECT FROM tenants WHERE tenant_id = $1)
      AND NOT EXISTS (SELECT FROM user_role_assignments WHERE user_id = $2)
    ON CONFLICT DO NOTHING RETURNING role_id
  ), held AS (
    SELECT role_id FROM user_role_assignments WHERE user_id = $2
    UNION SELECT role_id FROM first_sight
  )
  SELECT t.status, coalesce(t.account_tier_id, '') AS tier_id,
         coalesce((a.limits ->> 'api_requests_per_minute')::bigint, 0) AS api_requests,
         coalesce((SELECT array_agg(DISTINCT r.name ORDER BY r.name)
                   FROM held JOIN roles r ON r.id = held.role_id), '{}') AS roles,
         coalesce((SELECT array_agg(DISTINCT p.action COLLATE "C" ORDER BY p.action COLLATE "C")
                   FROM held JOIN role_permissions rp ON rp.role_id = held.role_id
                   JOIN permissions p ON p.id = rp.permission_id), '{}') AS permissions
  FROM tenants t LEFT JOIN account_tiers a ON a.tier_id = t.account_tier_id
  WHERE t.tenant_id = $1
)sql";

/// Tenant ids hold no slash, so the two can't be mixed up.
std::string key_of(const std::string& tenant_id, const std::string& user_id) {
  return tenant_id + "/" + user_id;
}

}  // namespace

bool Membership::allows(std::string_view permission) const {
  return std::binary_search(permissions.begin(), permissions.end(), permission);
}

struct Memberships::Impl {
  struct Entry {
    std::shared_ptr<const Membership> membership;
    std::int64_t read_ms = 0;
  };
  nats::Client* nats = nullptr;
  std::mutex mutex;
  std::unordered_map<std::string, Entry> entries;
  std::uint64_t changes = 0;
  std::unique_ptr<nats::Subscription> subscription;

  void forget(const std::string& tenant_id, const std::string& user_id) {
    const std::lock_guard lock(mutex);
    ++changes;
    if (tenant_id.empty()) {
      entries.clear();
    } else if (user_id.empty()) {
      std::erase_if(entries, [&](const auto& e) { return e.first.starts_with(tenant_id + "/"); });
    } else {
      entries.erase(key_of(tenant_id, user_id));
    }
  }
};

Memberships::Memberships(nats::Client& nats, boost::asio::any_io_executor executor)
    : impl_(std::make_shared<Impl>()) {
  impl_->nats = &nats;
  std::weak_ptr<Impl> weak = impl_;
  impl_->subscription =
      nats.subscribe(changed_subject, "", std::move(executor), [weak](nats::Message message) {
        const auto self = weak.lock();
        boost::system::error_code ec;
        const auto told = boost::json::parse(message.data, ec);
        if (!self) return;
        // What can't be read may have meant anyone.
        if (ec || !told.is_array() || told.as_array().size() != 2 || !told.at(0).is_string() ||
            !told.at(1).is_string())
          return self->forget({}, {});
        self->forget(std::string(told.at(0).as_string()), std::string(told.at(1).as_string()));
      });
}
Memberships::~Memberships() = default;

Task<std::shared_ptr<const Membership>> Memberships::find(pg::Pool& pool, std::string tenant_id,
                                                          std::string user_id, bool first_sight) {
  auto& self = *impl_;
  const auto key = key_of(tenant_id, user_id);
  std::uint64_t seen = 0;
  {
    const std::lock_guard lock(self.mutex);
    seen = self.changes;
    const auto it = self.entries.find(key);
    if (it != self.entries.end() && steady_ms() - it->second.read_ms < fresh_ms)
      co_return it->second.membership;
  }
  const auto asked_ms = steady_ms();
  pg::Scope scope("pulse_app", {{"app.tenant_id", tenant_id}});
  const auto rows = co_await pool.query(scope, membership_of_user,
                                        pg::Params::of(tenant_id, user_id, first_sight));
  auto made = std::make_shared<Membership>();
  if (!rows.empty()) {
    made->tenant_status = std::string(rows.text(0, 0));
    made->tier_id = std::string(rows.text(0, 1));
    made->api_requests_per_minute = rows.int64(0, 2);
    made->roles = pg::parse_text_array(rows.text(0, 3));
    made->permissions = pg::parse_text_array(rows.text(0, 4));
  }
  const std::lock_guard lock(self.mutex);
  // What changed while we asked may not be in the answer: then it serves this once.
  if (seen == self.changes) {
    if (self.entries.size() >= limits::membership_entries) self.entries.clear();
    self.entries[key] = {made, asked_ms};
  }
  co_return made;
}

Task<bool> give_system_role(pg::Pool& pool, std::string tenant_id, std::string user_id,
                            std::string role) {
  pg::Scope scope("pulse_app", {{"app.tenant_id", tenant_id}});
  const auto rows = co_await pool.query(
      scope,
      "WITH wanted AS (SELECT id FROM roles WHERE is_system AND name = $3), given AS ("
      "INSERT INTO user_role_assignments (tenant_id, user_id, role_id, assigned_by) "
      "SELECT $1, $2, id, 'system' FROM wanted ON CONFLICT DO NOTHING) "
      "SELECT 1 FROM wanted",
      pg::Params::of(tenant_id, user_id, role));
  co_return !rows.empty();
}

void Memberships::changed(const std::string& tenant_id, const std::string& user_id) {
  impl_->forget(tenant_id, user_id);
  impl_->nats->publish(changed_subject, json::to_text(boost::json::array{tenant_id, user_id}));
}

}  // namespace pulse::tenancy
