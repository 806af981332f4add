// Whether and to whom a digest of alerts is sent.
#include "alerting/mounts.hpp"
#include "platform/email.hpp"
#include "platform/errors.hpp"
#include "platform/json/rules.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct AlertDigestSettings {
  std::string frequency = "daily", email;
  std::optional<Time> last_sent_at;
  std::string timezone = "UTC";
};
BOOST_DESCRIBE_STRUCT(AlertDigestSettings, (), (frequency, email, last_sent_at, timezone))

struct AlertDigestSettingsUpdate {
  std::string frequency;
  std::optional<std::string> email, timezone;
};
BOOST_DESCRIBE_STRUCT(AlertDigestSettingsUpdate, (), (frequency, email, timezone))
inline auto constraints(json::As<AlertDigestSettingsUpdate>) {
  using U = AlertDigestSettingsUpdate;
  return json::rules<U>()
      .one_of(&U::frequency, {"daily", "weekly", "disabled"})
      .length(&U::email, 0, 320)
      .length(&U::timezone, 1, 64)
      .describe(&U::email, "Empty: the address of who saves it")
      .describe(&U::timezone,
                "Of the IANA database. Until one is given: that of who saves it, by their "
                "preferences, or else the organization's")
      .check("email", [](const U& u) {
        return u.email && !u.email->empty() ? email_fault(*u.email) : std::string();
      });
}

struct DigestSaved {
  bool ok = true;
};
BOOST_DESCRIBE_STRUCT(DigestSaved, (), (ok))

// Where nothing is set: as it would be were the caller to set it.
constexpr const char* select_settings = R"sql(
  SELECT coalesce(s.frequency, 'daily') AS frequency, coalesce(s.email, '') AS email,
    s.last_sent_at, coalesce(s.timezone, p.timezone, t.timezone) AS timezone
  FROM tenants t LEFT JOIN alert_digest_settings s ON s.tenant_id = t.tenant_id
  LEFT JOIN user_preferences p ON p.tenant_id = t.tenant_id
    AND p.user_id = CASE WHEN s.tenant_id IS NULL THEN $2 ELSE s.user_id END
  WHERE t.tenant_id = $1
)sql";

Task<AlertDigestSettings> get_settings(AlertingDeps, TenantCaller caller) {
  const auto rows = co_await caller.db.query(select_settings,
                                             pg::Params::of(caller.tenant(), caller.who.user_id));
  AlertDigestSettings out;
  if (!rows.empty()) out = pg::row_as<AlertDigestSettings>(rows, 0);
  co_return out;
}

Task<DigestSaved> put_settings(AlertingDeps d, TenantCaller caller,
                               http::Body<AlertDigestSettingsUpdate> body) {
  auto email = body->email.value_or("");
  if (email.empty()) email = caller.who.email;
  if (email.empty() && body->frequency != "disabled")
    throw ValidationError({"body", "email"}, "is required: the caller has no address", "missing");
  if (body->timezone) {
    const auto known = co_await caller.db.query("SELECT FROM pg_timezone_names WHERE name = $1",
                                                pg::Params::of(*body->timezone));
    if (known.empty())
      throw ValidationError({"body", "timezone"},
                            "must be a name of the IANA time zone database, such as Europe/Berlin",
                            "value_error");
  }
  // `updated_at` is when digests of these settings begin: what was due before is told by the next.
  // Ended and begun again, they don't tell of the time between.
  auto params =
      pg::Params::of(caller.tenant(), body->frequency, email, body->timezone, caller.who.user_id);
  co_await caller.db.query(R"sql(
    INSERT INTO alert_digest_settings AS s (tenant_id, frequency, email, timezone, user_id)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id) DO UPDATE SET frequency = excluded.frequency, email = excluded.email,
      timezone = coalesce(excluded.timezone, s.timezone), user_id = excluded.user_id,
      updated_at = now(),
      covered_until = CASE WHEN excluded.frequency <> 'disabled' THEN s.covered_until END
  )sql",
                           std::move(params));
  tell_pages(d, caller.tenant(), "alert-digest");
  boost::json::object details{{"frequency", body->frequency}, {"email", email}};
  d.audit->write(AuditLog::of(caller, "alert_digest.updated", "update", "alert_digest",
                              caller.tenant(), "Digest of alerts: " + body->frequency,
                              std::move(details)));
  co_return DigestSaved{};
}

}  // namespace

void mount_digests(http::Router& api, const AlertingDeps& d) {
  const std::string path = "/api/v1/customer/alert-digest-settings";
  api.get(path, http::bound(d, get_settings))
      .customers()
      .tag("Alerts")
      .summary("How often a digest of alerts is sent, and to whom");
  api.put(path, http::bound(d, put_settings))
      .needs("alerts.digest.write")
      .tag("Alerts")
      .summary("Set the digest of alerts: daily, or weekly on Mondays, at 8:00")
      .example({{"frequency", "daily"}, {"email", "shift@example.com"}});
}

}  // namespace pulse::alerting
