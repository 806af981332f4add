#pragma once
// A tenant's channels. What is secret in a config is sealed at rest and never answered.
#include <optional>
#include <string>
#include <vector>

#include "alerting/notifications/sender.hpp"
#include "platform/json/rules.hpp"
#include "tenancy/caller.hpp"

namespace pulse::alerting::notifications {

/// Stands where a secret is; sent back, it keeps the stored one.
inline constexpr const char* mask = "***";

struct ChannelIn {
  std::string name, channel_type;
  boost::json::object config;
  bool is_enabled = true;
  std::int64_t max_per_minute = 30;
};
BOOST_DESCRIBE_STRUCT(ChannelIn, (), (name, channel_type, config, is_enabled, max_per_minute))
inline std::vector<std::string_view> optional_members(json::As<ChannelIn>) {
  return {"is_enabled", "max_per_minute"};
}
inline auto constraints(json::As<ChannelIn>) {
  using T = ChannelIn;
  return json::rules<T>()
      .length(&T::name, 1, 200)
      .one_of(&T::channel_type, channel_types())
      .range(&T::max_per_minute, 1, 1000)
      .describe(&T::max_per_minute,
                "More messages than this in a minute become one summary at its end.");
}

/// As callers see it.
struct NotificationChannel {
  std::int64_t channel_id = 0;
  std::string tenant_id, name, channel_type;
  boost::json::object config;
  bool is_enabled = true;
  std::int64_t max_per_minute = 30;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(NotificationChannel, (),
                      (channel_id, tenant_id, name, channel_type, config, is_enabled,
                       max_per_minute, created_at, updated_at))

/// A config with *** where the type has secrets.
Config masked(const Sender& sender, Config config);
/// What was sent, with the stored secrets where it says ***. Throws 400 when there is none to keep,
/// or when it would be told to somebody else than before.
Config unmasked(const Sender& sender, Config sent, const Config& stored);
/// Throws 400 with what is wrong with it.
void check_config(const SendDeps& deps, const Sender& sender, const Config& config);

/// Throws 503 without a key to seal with.
std::string seal_config(const crypto::Sealer& sealer, const std::string& tenant_id,
                        const Config& config);
/// Throws crypto::Error when no key of this installation opens it.
Config open_config(const crypto::Sealer& sealer, const std::string& tenant_id,
                   const std::string& sealed);

Task<std::vector<NotificationChannel>> channels(tenancy::TenantDb db);
Task<std::optional<NotificationChannel>> find_channel(tenancy::TenantDb db, std::int64_t id);
/// The sealed config.
Task<std::optional<std::string>> sealed_config_of(tenancy::TenantDb db, std::int64_t id);
/// Throws 403 when the tier has no room. `channel.config` is masked.
Task<std::int64_t> insert_channel(tenancy::TenantDb db, std::string tenant_id, ChannelIn channel,
                                  std::string sealed);
/// What changed; nothing when there is no such channel.
Task<std::optional<boost::json::object>> update_channel(tenancy::TenantDb db, std::int64_t id,
                                                        ChannelIn channel, std::string sealed);
/// Its name; nothing when there is none.
Task<std::optional<std::string>> remove_channel(tenancy::TenantDb db, std::int64_t id);

}  // namespace pulse::alerting::notifications
