#include <charconv>

#include "alerting/inbox.hpp"
#include "platform/errors.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

bool is_id_of_rule(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
      return false;
  }
  return true;
}

namespace {

const std::string alert_columns = R"sql(
  a.id AS alert_id, a.tenant_id, a.created_at, a.closed_at, a.device_id, r.name AS device_name,
  a.site_id, a.alert_type, a.fingerprint, a.status, a.severity, a.confidence, a.summary, a.details,
  a.silenced_until, a.acknowledged_by, a.acknowledged_at, a.closed_by, a.close_reason,
  a.escalation_level, a.escalated_at, a.next_escalation_at, a.trigger_count, a.last_triggered_at,
  a.rule_id, a.details ->> 'rule_name' AS rule_name
  FROM fleet_alert a LEFT JOIN device_registry r
    ON r.tenant_id = a.tenant_id AND r.device_id = a.device_id
)sql";

/// For LIKE: what would be a wildcard stands for itself.
std::string containing(const std::string& text) {
  std::string out = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  return out + "%";
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

void add_status(pg::Clauses& where, const std::string& status) {
  if (status == "OPEN" || status == "ACKNOWLEDGED" || status == "CLOSED")
    where.add("a.status = '" + status + "'");
  else if (status == "ACTIVE")
    where.add("a.status IN ('OPEN', 'ACKNOWLEDGED')");
  else if (status != "ALL")
    throw bad_request("Invalid status");
}

/// The conditions of a filter or of a query, but for the status.
template <class F>
void add_filter(pg::Clauses& where, const F& f) {
  if (f.severity) where.add("a.severity = ?", *f.severity);
  if (f.min_severity) where.add("a.severity >= ?", *f.min_severity);
  if (f.device_id) where.add("a.device_id = ?", *f.device_id);
  if (f.site_id) where.add("a.site_id = ?", *f.site_id);
  if (f.rule_id) where.add("a.rule_id = ?::uuid", *f.rule_id);
  if (f.type) where.add("a.alert_type = ?", *f.type);
  if (f.since) where.add("a.created_at >= ?", f.since->at);
  if (f.silenced)
    where.add(*f.silenced ? "a.silenced_until > now()"
                          : "(a.silenced_until IS NULL OR a.silenced_until <= now())");
  if (f.q && !f.q->empty()) {
    const auto like = containing(*f.q);
    where.add(
        "(a.summary ILIKE ? OR a.device_id ILIKE ? OR EXISTS (SELECT FROM device_registry d WHERE "
        "d.tenant_id = a.tenant_id AND d.device_id = a.device_id AND d.name ILIKE ?))",
        like, like, like);
  }
}

std::string cursor_after(const Alert& a) {
  return std::to_string(to_us(a.created_at)) + "-" + std::to_string(a.alert_id);
}

void add_cursor(pg::Clauses& where, const std::string& cursor) {
  const auto dash = cursor.find('-');
  if (dash == std::string::npos) throw bad_request("Invalid cursor");
  std::int64_t us = 0, id = 0;
  const auto number = [](std::string_view text, std::int64_t& out) {
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
    return fault == std::errc{} && end == text.data() + text.size() && out >= 0 &&
           out < 100'000'000'000'000'000;
  };
  if (!number(std::string_view(cursor).substr(0, dash), us) ||
      !number(std::string_view(cursor).substr(dash + 1), id))
    throw bad_request("Invalid cursor");
  where.add("(a.created_at, a.id) < (?, ?)", from_us(us).at, id);
}

std::string order_of(const AlertQuery& q) {
  if (!q.sort || *q.sort == "-created_at") return " ORDER BY a.created_at DESC, a.id DESC";
  if (*q.sort == "created_at") return " ORDER BY a.created_at, a.id";
  if (*q.sort == "-severity") return " ORDER BY a.severity DESC, a.created_at DESC, a.id DESC";
  return " ORDER BY a.last_triggered_at DESC, a.id DESC";
}

}  // namespace

Task<AlertPage> alerts_matching(tenancy::TenantDb db, std::string tenant_id, AlertQuery q) {
  AlertPage out;
  out.status_filter = upper(q.status);
  pg::Clauses where(" AND ");
  add_status(where, out.status_filter);
  add_filter(where, q);
  pg::Clauses page = where;
  const bool by_cursor = q.cursor && !q.cursor->empty();
  const bool newest_first = !q.sort || *q.sort == "-created_at";
  if (by_cursor && !newest_first) throw bad_request("cursor goes with the default order only");
  if (by_cursor) add_cursor(page, *q.cursor);
  std::string sql = "SELECT " + alert_columns + page.where() + order_of(q);
  sql += " LIMIT " + page.parameter(q.limit + 1) + " OFFSET " +
         page.parameter(by_cursor ? std::int64_t{0} : q.offset);
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back("SELECT count(*) FROM fleet_alert a" + where.where(), where.params());
  statements.emplace_back(std::move(sql), page.params());
  const auto rows = co_await db.batch(std::move(statements));
  out.tenant_id = std::move(tenant_id);
  out.total = rows[0].int64(0, 0);
  out.alerts = pg::rows_as<Alert>(rows[1]);
  out.limit = q.limit;
  out.offset = q.offset;
  if (static_cast<std::int64_t>(out.alerts.size()) > q.limit) {
    out.alerts.pop_back();
    if (newest_first) out.next_cursor = cursor_after(out.alerts.back());
  }
  co_return out;
}

Task<std::optional<Alert>> find_alert(tenancy::TenantDb db, std::int64_t alert_id) {
  const auto rows =
      co_await db.query("SELECT " + alert_columns + " WHERE a.id = $1", pg::Params::of(alert_id));
  co_return pg::first_as<Alert>(rows);
}

Task<std::vector<std::int64_t>> ids_of_alerts(tenancy::TenantDb db, AlertFilter filter, int most) {
  pg::Clauses where(" AND ");
  add_status(where, upper(filter.status.value_or("ACTIVE")));
  add_filter(where, filter);
  std::string sql = "SELECT a.id FROM fleet_alert a" + where.where() + " ORDER BY a.id";
  sql += " LIMIT " + where.parameter(most);
  const auto rows = co_await db.query(sql, where.params());
  std::vector<std::int64_t> out;
  for (int i = 0; i < rows.rows(); ++i) out.push_back(rows.int64(i, 0));
  co_return out;
}

Task<std::vector<AlertTrendHour>> alert_trend(tenancy::TenantDb db, std::int64_t hours) {
  // Each side by its index: only the alerts of these hours are read.
  const auto rows = co_await db.query(R"sql(
    WITH hours AS (
      SELECT h AS hour FROM generate_series(
        date_trunc('hour', now(), 'UTC') - make_interval(hours => $1::integer - 1),
        date_trunc('hour', now(), 'UTC'), interval '1 hour') AS h
    ), opened AS (
      SELECT date_trunc('hour', created_at, 'UTC') AS hour, count(*) AS n FROM fleet_alert
      WHERE created_at >= (SELECT min(hour) FROM hours) GROUP BY 1
    ), closed AS (
      SELECT date_trunc('hour', closed_at, 'UTC') AS hour, count(*) AS n FROM fleet_alert
      WHERE closed_at >= (SELECT min(hour) FROM hours) GROUP BY 1
    )
    SELECT h.hour, coalesce(o.n, 0) AS opened, coalesce(c.n, 0) AS closed
    FROM hours h LEFT JOIN opened o USING (hour) LEFT JOIN closed c USING (hour)
    ORDER BY h.hour
  )sql",
                                      pg::Params::of(hours));
  co_return pg::rows_as<AlertTrendHour>(rows);
}

Task<std::optional<std::vector<AlertTimelineEntry>>> alert_timeline(tenancy::TenantDb db,
                                                                    std::int64_t alert_id) {
  const auto known =
      co_await db.query("SELECT FROM fleet_alert WHERE id = $1", pg::Params::of(alert_id));
  if (known.empty()) co_return std::nullopt;
  // How it began, and the newest of what happened since.
  const auto rows = co_await db.query(R"sql(
    SELECT * FROM (
      SELECT id AS event_id, event, created_at AS at, actor, details
      FROM alert_events WHERE alert_id = $1 AND event = 'OPEN'
      UNION
      (SELECT id, event, created_at, actor, details
       FROM alert_events WHERE alert_id = $1 ORDER BY id DESC LIMIT 1000)
      UNION ALL
      SELECT NULL, 'REPEATED', last_triggered_at, NULL,
             jsonb_build_object('count', trigger_count - 1)
      FROM fleet_alert WHERE id = $1 AND trigger_count > 1
    ) e ORDER BY at, event_id NULLS LAST
  )sql",
                                      pg::Params::of(alert_id));
  co_return pg::rows_as<AlertTimelineEntry>(rows);
}

}  // namespace pulse::alerting
