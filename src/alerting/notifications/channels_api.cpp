// Where a tenant is told of its alerts.
#include "alerting/mounts.hpp"
#include "alerting/notifications/channels.hpp"

namespace pulse::alerting {

namespace {

using namespace notifications;
using tenancy::AuditLog;
using tenancy::TenantCaller;
using ChannelId = http::Path<"channel_id", std::int32_t>;

struct NotificationChannels {
  std::vector<NotificationChannel> channels;
};
BOOST_DESCRIBE_STRUCT(NotificationChannels, (), (channels))

struct ChannelTestDelivery {
  bool ok = true;
  std::optional<std::int64_t> http_status;
  std::int64_t latency_ms = 0;
};
BOOST_DESCRIBE_STRUCT(ChannelTestDelivery, (), (ok, http_status, latency_ms))
struct ChannelTested {
  std::string status = "ok", message = "Test notification sent successfully";
  std::int64_t channel_id = 0;
  bool test = true;
  ChannelTestDelivery delivery;
};
BOOST_DESCRIBE_STRUCT(ChannelTested, (), (status, message, channel_id, test, delivery))

void tell(const AlertingDeps& d, const TenantCaller& caller, const std::string& action,
          std::int64_t id, std::string message, boost::json::object details = {}) {
  tell_pages(d, caller.tenant(), "notification-channels");
  const auto event = "notification_channel." + action + (action.ends_with("e") ? "d" : "ed");
  d.audit->write(AuditLog::of(caller, event, action, "notification_channel", std::to_string(id),
                              std::move(message), std::move(details)));
}

Task<NotificationChannel> known_channel(tenancy::TenantDb db, std::int64_t id) {
  auto channel = co_await find_channel(db, id);
  if (!channel) throw not_found("Channel not found");
  co_return std::move(*channel);
}

Task<NotificationChannels> list_channels(AlertingDeps, TenantCaller caller) {
  NotificationChannels out;
  out.channels = co_await channels(caller.db);
  co_return out;
}

Task<NotificationChannel> get_channel(AlertingDeps, TenantCaller caller, ChannelId id) {
  co_return co_await known_channel(caller.db, id.value);
}

Task<http::Created<NotificationChannel>> create_channel(AlertingDeps d, TenantCaller caller,
                                                        http::Body<ChannelIn> body) {
  const auto& sender = *sender_of(body->channel_type);
  const auto whole = unmasked(sender, body->config, Config{});
  check_config(send_deps(d), sender, whole);
  auto sealed = seal_config(*d.sealer, caller.tenant(), whole);
  auto channel = body.value;
  channel.config = masked(sender, whole);
  const auto id =
      co_await insert_channel(caller.db, caller.tenant(), std::move(channel), std::move(sealed));
  boost::json::object details{{"channel_type", body->channel_type}};
  tell(d, caller, "create", id, "Notification channel " + body->name + " created",
       std::move(details));
  auto made = co_await known_channel(caller.db, id);
  co_return http::Created<NotificationChannel>{std::move(made)};
}

/// What is stored; empty when it can't be opened any more, so that it is entered anew.
Config stored_config(const AlertingDeps& d, const std::string& tenant, const std::string& sealed) {
  try {
    return open_config(*d.sealer, tenant, sealed);
  } catch (const crypto::Error&) {
    return {};
  }
}

Task<NotificationChannel> change_channel(AlertingDeps d, TenantCaller caller, ChannelId id,
                                         http::Body<ChannelIn> body) {
  const auto known = co_await known_channel(caller.db, id.value);
  const auto sealed = co_await sealed_config_of(caller.db, id.value);
  if (!sealed) throw not_found("Channel not found");
  const auto& sender = *sender_of(body->channel_type);
  // Another type's secrets are not this one's.
  const auto stored = known.channel_type == body->channel_type
                          ? stored_config(d, caller.tenant(), *sealed)
                          : Config{};
  const auto whole = unmasked(sender, body->config, stored);
  check_config(send_deps(d), sender, whole);
  auto sealed_anew = seal_config(*d.sealer, caller.tenant(), whole);
  auto channel = body.value;
  channel.config = masked(sender, whole);
  auto changes =
      co_await update_channel(caller.db, id.value, std::move(channel), std::move(sealed_anew));
  if (!changes) throw not_found("Channel not found");
  if (whole != stored) (*changes)["config_changed"] = true;
  tell(d, caller, "update", id.value, "Notification channel " + body->name + " changed",
       std::move(*changes));
  co_return co_await known_channel(caller.db, id.value);
}

Task<http::NoContent> delete_channel(AlertingDeps d, TenantCaller caller, ChannelId id) {
  const auto name = co_await remove_channel(caller.db, id.value);
  if (!name) throw not_found("Channel not found");
  tell_pages(d, caller.tenant(), "notification-routing-rules");
  tell(d, caller, "delete", id.value, "Notification channel " + *name + " deleted");
  co_return http::NoContent{};
}

Task<ChannelTested> test_channel(AlertingDeps d, TenantCaller caller, ChannelId id) {
  const auto channel = co_await known_channel(caller.db, id.value);
  const auto sealed = co_await sealed_config_of(caller.db, id.value);
  if (!sealed) throw not_found("Channel not found");
  auto config = stored_config(d, caller.tenant(), *sealed);
  if (config.empty())
    throw HttpError(502,
                    "Test send failed: its secrets can't be opened any more: enter them again");
  const auto& sender = *sender_of(channel.channel_type);
  auto notice = test_notice(caller.tenant(), d.ui_base + "/app/notifications");
  const auto begun = steady_ms();
  const auto result = co_await sender.send(send_deps(d), std::move(config), std::move(notice));
  boost::json::object details{{"ok", result.ok}};
  tell(d, caller, "test", id.value, "Notification channel " + channel.name + " tested",
       std::move(details));
  if (!result.ok) throw HttpError(502, "Test send failed: " + result.error);
  ChannelTested out;
  out.channel_id = id.value;
  if (result.http_status) out.delivery.http_status = result.http_status;
  out.delivery.latency_ms = steady_ms() - begun;
  co_return out;
}

}  // namespace

void mount_notification_channels(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/notification-channels", one = base + "/{channel_id}";
  const std::string missing = "Missing required config keys for {type}: [{keys}]",
                    unsealed = "Secrets can't be kept: PULSE_SECRET_KEY is not set";
  const std::string words =
      "What `config` holds depends on the type: slack and teams `webhook_url`; pagerduty "
      "`integration_key`; webhook and http `url`, `method`, `headers`, `secret`; email `smtp` "
      "{host, port, user, password, tls}, `from`, `recipients` {to, cc, bcc}, `subject_template`; "
      "snmp `host`, `port`, `version` 2c (`community`) or 3 (`user`, `auth_protocol`, "
      "`auth_password`, `priv_protocol`, `priv_password`, `engine_id`), `oid_prefix`; mqtt "
      "`broker_host`, `broker_port`, `topic`, `qos`, `retain`, `username`, `password`, `tls`, "
      "`client_id`. Other members are refused. "
      "Secrets are answered as ***, and *** keeps what is stored.";
  api.get(base, http::bound(d, list_channels))
      .customers()
      .tag("Notifications")
      .summary("The tenant's channels, secrets masked");
  api.post(base, http::bound(d, create_channel))
      .needs("notifications.create")
      .tag("Notifications")
      .summary("Add a channel")
      .description(words)
      .example({{"name", "Operations"},
                {"channel_type", "webhook"},
                {"config", {{"url", "https://hooks.example.com/pulse"}, {"secret", "a-secret"}}}})
      .fails(400, missing)
      .fails(403,
             "Notification channel limit reached: tier {name} allows {n} notification "
             "channels. Delete one, or ask for a larger tier.")
      .fails(503, unsealed);
  api.get(one, http::bound(d, get_channel))
      .customers()
      .tag("Notifications")
      .summary("One channel")
      .fails(404, "Channel not found");
  api.put(one, http::bound(d, change_channel))
      .needs("notifications.update")
      .tag("Notifications")
      .summary("Change a channel")
      .description(words)
      .fails(400, missing)
      .fails(404, "Channel not found")
      .fails(503, unsealed);
  api.del(one, http::bound(d, delete_channel))
      .needs("notifications.delete")
      .tag("Notifications")
      .summary("Delete a channel, with its routing rules and jobs")
      .fails(404, "Channel not found");
  api.post(one + "/test", http::bound(d, test_channel))
      .needs("notifications.test")
      .tag("Notifications")
      .summary("Send a test message by a channel, and tell how it went")
      .fails(404, "Channel not found")
      .fails(502, "Test send failed: {reason}");
}

}  // namespace pulse::alerting
