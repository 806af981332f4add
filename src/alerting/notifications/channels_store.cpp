#include "alerting/notifications/channels.hpp"
#include "alerting/notifications/outbound.hpp"
#include "platform/pg/described.hpp"

namespace pulse::alerting::notifications {

namespace {

std::string place_of(const std::string& tenant_id) {
  return "notification_channels.config:" + tenant_id;
}

/// Calls `f` with each secret of a config: its member, and the stored config's (or null).
template <class F>
void each_secret(const Sender& sender, Config& config, const Config* stored, F f) {
  for (const auto path : sender.secrets) {
    const auto dot = path.find('.');
    Config* in = &config;
    const Config* stored_in = stored;
    if (dot != std::string_view::npos) {
      auto* outer = config.if_contains(path.substr(0, dot));
      if (!outer || !outer->is_object()) continue;
      in = &outer->get_object();
      if (stored) stored_in = &object_in(*stored, path.substr(0, dot));
    }
    const auto name = dot == std::string_view::npos ? path : path.substr(dot + 1);
    for (auto& member : *in)
      if ((name == "*" || member.key() == name) && member.value().is_string() &&
          !member.value().get_string().empty())
        f(std::string(member.key()), member.value(),
          stored_in ? stored_in->if_contains(member.key()) : nullptr);
  }
}

/// The member that the sender does not know, as "a.b"; empty: it knows all. What nobody knows may
/// be a misspelt secret, and would be kept in clear.
std::string unknown_member(const Sender& sender, const Config& config,
                           const std::string& inside = {}) {
  const auto knows = [&](const std::string& name) {
    for (const auto* names : {&sender.required, &sender.secrets, &sender.others})
      for (const auto known : *names)
        if (known == name || known == inside + "*") return true;
    return false;
  };
  const auto has_parts = [&](const std::string& prefix) {
    for (const auto* names : {&sender.secrets, &sender.others})
      for (const auto known : *names)
        if (known.starts_with(prefix)) return true;
    return false;
  };
  for (const auto& member : config) {
    const auto name = inside + std::string(member.key());
    const bool parts = has_parts(name + ".");
    if (!knows(name) && !parts) return name;
    if (!parts || !member.value().is_object()) continue;
    if (auto wrong = unknown_member(sender, member.value().get_object(), name + ".");
        !wrong.empty())
      return wrong;
  }
  return {};
}

const std::string select_channels =
    "SELECT channel_id, tenant_id, name, channel_type, config, is_enabled, max_per_minute, "
    "created_at, updated_at FROM notification_channels ";

}  // namespace

Config masked(const Sender& sender, Config config) {
  each_secret(sender, config, nullptr,
              [](const std::string&, boost::json::value& value, const boost::json::value*) {
                value = mask;
              });
  return config;
}

Config unmasked(const Sender& sender, Config sent, const Config& stored) {
  const bool same = sender.destination(sent) == sender.destination(stored);
  each_secret(
      sender, sent, &stored,
      [&](const std::string& name, boost::json::value& value, const boost::json::value* kept) {
        if (value.get_string() != mask) return;
        if (!kept) throw bad_request("There is no stored " + name + " to keep");
        if (!same)
          throw bad_request("Enter " + name + " again when you change the address it is sent to");
        value = *kept;
      });
  return sent;
}

void check_config(const SendDeps& deps, const Sender& sender, const Config& config) {
  std::string missing;
  for (const auto name : sender.required) {
    const auto* member = config.if_contains(name);
    const bool there = member && !member->is_null() &&
                       !(member->is_string() && member->get_string().empty()) &&
                       !(member->is_object() && member->get_object().empty());
    if (!there) missing += (missing.empty() ? "'" : ", '") + std::string(name) + "'";
  }
  if (!missing.empty())
    throw bad_request("Missing required config keys for " + std::string(sender.type) + ": [" +
                      missing + "]");
  if (const auto unknown = unknown_member(sender, config); !unknown.empty())
    throw bad_request("Invalid config for " + std::string(sender.type) + ": '" + unknown +
                      "' is not known; leave it out, or see the documentation for its name");
  if (const auto wrong = sender.fault(deps, config); !wrong.empty())
    throw bad_request("Invalid config for " + std::string(sender.type) + ": " + wrong);
}

std::string seal_config(const crypto::Sealer& sealer, const std::string& tenant_id,
                        const Config& config) {
  if (!sealer.ready()) throw HttpError(503, "Secrets can't be kept: PULSE_SECRET_KEY is not set");
  return sealer.seal(json::to_text(config), place_of(tenant_id));
}

Config open_config(const crypto::Sealer& sealer, const std::string& tenant_id,
                   const std::string& sealed) {
  return json::parse_text(sealer.open(sealed, place_of(tenant_id))).as_object();
}

Task<std::vector<NotificationChannel>> channels(tenancy::TenantDb db) {
  const auto rows = co_await db.query(select_channels + "ORDER BY lower(name), channel_id");
  co_return pg::rows_as<NotificationChannel>(rows);
}

Task<std::optional<NotificationChannel>> find_channel(tenancy::TenantDb db, std::int64_t id) {
  const auto rows =
      co_await db.query(select_channels + "WHERE channel_id = $1", pg::Params::of(id));
  co_return pg::first_as<NotificationChannel>(rows);
}

Task<std::optional<std::string>> sealed_config_of(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(
      "SELECT sealed_config FROM notification_channels WHERE channel_id = $1", pg::Params::of(id));
  if (rows.empty()) co_return std::nullopt;
  co_return std::string(rows.text(0, 0));
}

Task<std::int64_t> insert_channel(tenancy::TenantDb db, std::string tenant_id, ChannelIn channel,
                                  std::string sealed) {
  auto tx = co_await db.begin();
  co_await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('channels:' || $1, 0))",
                    pg::Params::of(tenant_id));
  const auto room = co_await tx.query(R"sql(
    SELECT (SELECT count(*) FROM notification_channels), a.name,
           CASE WHEN jsonb_typeof(a.limits -> 'notification_channels') = 'number'
                THEN trunc((a.limits -> 'notification_channels')::numeric)::bigint END
    FROM tenants t LEFT JOIN account_tiers a ON a.tier_id = t.account_tier_id
  )sql");
  if (!room.null(0, 2) && room.int64(0, 0) >= room.int64(0, 2))
    throw forbidden("Notification channel limit reached: tier " + std::string(room.text(0, 1)) +
                    " allows " + std::to_string(room.int64(0, 2)) +
                    " notification channels. Delete one, or ask for a larger tier.");
  const std::vector<std::pair<std::string, std::string>> also{{"tenant_id", tenant_id},
                                                              {"sealed_config", sealed}};
  auto statement = pg::insert_of("notification_channels", channel, also, "RETURNING channel_id");
  const auto rows = co_await tx.query(statement.first, statement.second);
  const auto id = rows.int64(0, 0);
  co_await tx.commit();
  co_return id;
}

Task<std::optional<boost::json::object>> update_channel(tenancy::TenantDb db, std::int64_t id,
                                                        ChannelIn channel, std::string sealed) {
  pg::RowChange change;
  change.set("name", channel.name)
      .set("channel_type", channel.channel_type)
      .set("config", json::to_text(channel.config), "?::jsonb")
      .set("is_enabled", channel.is_enabled)
      .set("max_per_minute", channel.max_per_minute)
      .also("updated_at = now()");
  // Sealed anew each time, so it says nothing of what changed; it is told as the masked config.
  auto statement = change.in("notification_channels", "channel_id = ?", id);
  std::vector<pg::Statement> both;
  both.push_back(std::move(statement));
  both.emplace_back("UPDATE notification_channels SET sealed_config = $2 WHERE channel_id = $1",
                    pg::Params::of(id, sealed));
  const auto results = co_await db.batch(std::move(both));
  if (results[0].empty()) co_return std::nullopt;
  co_return pg::RowChange::told(results[0]);
}

Task<std::optional<std::string>> remove_channel(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(
      "DELETE FROM notification_channels WHERE channel_id = $1 RETURNING name", pg::Params::of(id));
  if (rows.empty()) co_return std::nullopt;
  co_return std::string(rows.text(0, 0));
}

}  // namespace pulse::alerting::notifications
