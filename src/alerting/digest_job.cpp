#include "alerting/digests.hpp"
#include "platform/clock.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/log.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

struct DueDigest {
  std::string tenant_id, organization, frequency, email, timezone;
  Time since, due;                ///< what happened from the one until before the other is told
  std::string day, begins, ends;  ///< `due`, `since` and `due` by the clock of `timezone`
};
BOOST_DESCRIBE_STRUCT(DueDigest, (),
                      (tenant_id, organization, frequency, email, timezone, since, due, day, begins,
                       ends))

struct DigestFigures {
  std::int64_t opened = 0, closed = 0, open = 0, acknowledged = 0, critical = 0;
};
BOOST_DESCRIBE_STRUCT(DigestFigures, (), (opened, closed, open, acknowledged, critical))

struct DigestAlert {
  std::int64_t id = 0, severity = 0;
  std::string device_id, summary, opened_at;
};
BOOST_DESCRIBE_STRUCT(DigestAlert, (), (id, severity, device_id, summary, opened_at))

// Due when its end is later than what was told and than the settings. A minute late, so that what
// transactions of before have written is seen: it bears the time at which they began.
constexpr const char* due_digests = R"sql(
  SELECT s.tenant_id, t.name AS organization, s.frequency, s.email, z.timezone, d.due, b.since,
    to_char(d.due AT TIME ZONE z.timezone, 'YYYY-MM-DD') AS day,
    to_char(b.since AT TIME ZONE z.timezone, 'YYYY-MM-DD HH24:MI') AS begins,
    to_char(d.due AT TIME ZONE z.timezone, 'YYYY-MM-DD HH24:MI') AS ends
  FROM alert_digest_settings s JOIN tenants t USING (tenant_id)
  LEFT JOIN user_preferences p ON p.tenant_id = s.tenant_id AND p.user_id = s.user_id
  CROSS JOIN LATERAL (SELECT coalesce(s.timezone, p.timezone, t.timezone) AS timezone) z
  CROSS JOIN LATERAL (
    SELECT pulse_digest_due(s.frequency, z.timezone, now() - interval '1 minute') AS due) d
  CROSS JOIN LATERAL (
    SELECT coalesce(s.covered_until, pulse_digest_before(s.frequency, z.timezone, d.due)) AS since) b
  WHERE s.frequency <> 'disabled' AND s.email <> '' AND t.status = 'ACTIVE'
    AND d.due > coalesce(s.covered_until, '-infinity') AND d.due > s.updated_at
  ORDER BY d.due LIMIT 500
)sql";

pg::Scope worker_scope() {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  return scope;
}

std::string html_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string many(std::int64_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

mail::Email digest_email(const DueDigest& due, const DigestFigures& f,
                         const std::vector<DigestAlert>& alerts, const std::string& ui_base) {
  mail::Email out;
  out.to = due.email;
  out.id = crypto::sha256_hex(due.tenant_id + "/" + due.email + "/" + iso8601(due.due));
  out.subject =
      "Alerts of " + due.organization + ", " + due.day + ": " + many(f.open, "open alert");
  const std::string figures = std::string(due.frequency == "weekly" ? "Weekly" : "Daily") +
                              " digest, " + due.begins + " to " + due.ends + " (" + due.timezone +
                              "): " + many(f.opened, "alert") + " opened and " +
                              std::to_string(f.closed) + " closed. Now " + std::to_string(f.open) +
                              " are open (" + std::to_string(f.critical) + " critical) and " +
                              std::to_string(f.acknowledged) + " acknowledged.";
  const std::string all = ui_base + "/app/alerts";
  const std::string settings = ui_base + "/app/settings/notifications";
  out.text = figures + "\n\n";
  out.html = "<!doctype html><html lang=\"en\"><body>\n<p>" + html_text(figures) + "</p>\n";
  if (!alerts.empty()) {
    out.text += "The worst that are open:\n";
    out.html += "<p>The worst that are open:</p>\n<ul>\n";
    for (const auto& a : alerts) {
      const std::string line = "severity " + std::to_string(a.severity) + ", " + a.device_id +
                               ": " + a.summary + " (since " + a.opened_at + ")";
      const std::string link = all + "?alert=" + std::to_string(a.id);
      out.text += "- " + line + "\n  " + link + "\n";
      out.html += "<li><a href=\"" + html_text(link) + "\">" + html_text(line) + "</a></li>\n";
    }
    out.text += "\n";
    out.html += "</ul>\n";
  }
  out.text += "All alerts: " + all + "\nChange or end these emails: " + settings + "\n";
  out.html += "<p><a href=\"" + html_text(all) + "\">All alerts</a> &middot; <a href=\"" +
              html_text(settings) + "\">Change or end these emails</a></p></body></html>\n";
  return out;
}

/// What is told of a tenant.
Task<mail::Email> compose(pg::Pool& pool, DueDigest due, std::string ui_base) {
  const auto counted = co_await pool.query(worker_scope(), R"sql(
    SELECT (SELECT count(*) FROM fleet_alert WHERE tenant_id = $1 AND created_at >= $2
              AND created_at < $3) AS opened,
           (SELECT count(*) FROM fleet_alert WHERE tenant_id = $1 AND closed_at >= $2
              AND closed_at < $3) AS closed,
           count(*) FILTER (WHERE status = 'OPEN') AS open,
           count(*) FILTER (WHERE status = 'ACKNOWLEDGED') AS acknowledged,
           count(*) FILTER (WHERE status = 'OPEN' AND severity = 5) AS critical
    FROM fleet_alert WHERE tenant_id = $1 AND status IN ('OPEN', 'ACKNOWLEDGED')
  )sql",
                                           pg::Params::of(due.tenant_id, due.since.at, due.due.at));
  const auto worst = co_await pool.query(worker_scope(), R"sql(
    SELECT id, severity, device_id, summary,
           to_char(created_at AT TIME ZONE $2, 'YYYY-MM-DD HH24:MI') AS opened_at
    FROM fleet_alert WHERE tenant_id = $1 AND status = 'OPEN'
    ORDER BY severity DESC, created_at LIMIT 10
  )sql",
                                         pg::Params::of(due.tenant_id, due.timezone));
  const auto figures = pg::row_as<DigestFigures>(counted, 0);
  const auto alerts = pg::rows_as<DigestAlert>(worst);
  co_return digest_email(due, figures, alerts, ui_base);
}

}  // namespace

Task<int> send_due_digests(pg::Pool& pool, std::shared_ptr<mail::Mailer> mailer,
                           std::string ui_base) {
  const auto rows = co_await pool.query(worker_scope(), due_digests);
  const auto due = pg::rows_as<DueDigest>(rows);
  int sent = 0;
  for (const auto& one : due) {
    auto email = co_await compose(pool, one, ui_base);
    std::string problem;
    try {
      co_await mailer->send(std::move(email));
    } catch (const HttpError& e) {
      problem = e.what();
    }
    if (!problem.empty()) {
      log::error_throttled("digest of alerts not sent, trying again",
                           {{"tenant_id", one.tenant_id}, {"error", problem}}, 60);
      continue;
    }
    // The next one begins where this one ended, not when it was sent.
    co_await pool.query(worker_scope(), R"sql(
      UPDATE alert_digest_settings SET last_sent_at = now(), covered_until =
        CASE WHEN frequency <> 'disabled' THEN greatest(covered_until, $2) END
      WHERE tenant_id = $1
    )sql",
                        pg::Params::of(one.tenant_id, one.due.at));
    ++sent;
  }
  co_return sent;
}

}  // namespace pulse::alerting
