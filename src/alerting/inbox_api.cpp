#include <algorithm>
#include <charconv>

#include "alerting/alert_outbox.hpp"
#include "alerting/inbox.hpp"
#include "alerting/mounts.hpp"
#include "platform/errors.hpp"

namespace pulse::alerting {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

constexpr int most_at_once = 10'000;

struct AlertDetail {
  std::string tenant_id;
  Alert alert;
};
BOOST_DESCRIBE_STRUCT(AlertDetail, (), (tenant_id, alert))

struct TrendQuery {
  std::int64_t hours = 24;
};
BOOST_DESCRIBE_STRUCT(TrendQuery, (), (hours))
inline auto constraints(json::As<TrendQuery>) {
  return json::rules<TrendQuery>().range(&TrendQuery::hours, 1, 168);
}
struct AlertTrend {
  std::vector<AlertTrendHour> trend;
};
BOOST_DESCRIBE_STRUCT(AlertTrend, (), (trend))

struct AlertTimeline {
  std::int64_t alert_id = 0;
  std::vector<AlertTimelineEntry> events;
};
BOOST_DESCRIBE_STRUCT(AlertTimeline, (), (alert_id, events))

struct AcknowledgedAlert {
  std::int64_t alert_id = 0;
  std::string status = "ACKNOWLEDGED", acknowledged_by;
};
BOOST_DESCRIBE_STRUCT(AcknowledgedAlert, (), (alert_id, status, acknowledged_by))
struct ClosedAlert {
  std::int64_t alert_id = 0;
  std::string status = "CLOSED";
};
BOOST_DESCRIBE_STRUCT(ClosedAlert, (), (alert_id, status))
struct SilencedAlert {
  std::int64_t alert_id = 0;
  Time silenced_until;
};
BOOST_DESCRIBE_STRUCT(SilencedAlert, (), (alert_id, silenced_until))

struct SilenceRequest {
  std::int64_t minutes = 0;
};
BOOST_DESCRIBE_STRUCT(SilenceRequest, (), (minutes))
inline auto constraints(json::As<SilenceRequest>) {
  return json::rules<SilenceRequest>().range(&SilenceRequest::minutes, 1, 1440);
}

struct CommentRequest {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(CommentRequest, (), (text))
inline auto constraints(json::As<CommentRequest>) {
  return json::rules<CommentRequest>().length(&CommentRequest::text, 1, 4000);
}

struct BulkAlertRequest {
  std::string action;
  std::optional<std::vector<std::int64_t>> ids;
  std::optional<AlertFilter> filter;
  std::optional<std::int64_t> minutes;
};
BOOST_DESCRIBE_STRUCT(BulkAlertRequest, (), (action, ids, filter, minutes))
inline auto constraints(json::As<BulkAlertRequest>) {
  using B = BulkAlertRequest;
  return json::rules<B>()
      .one_of(&B::action, {"acknowledge", "close", "silence"})
      .items(&B::ids, 1, 1000)
      .range(&B::minutes, 1, 1440)
      .check("ids",
             [](const B& b) -> std::string {
               return b.ids.has_value() != b.filter.has_value() ? std::string()
                                                                : "give either ids or a filter";
             })
      .check("minutes", [](const B& b) -> std::string {
        return b.action != "silence" || b.minutes ? std::string() : "is required for silence";
      });
}
struct BulkAlertResult {
  std::string action;
  std::int64_t matched = 0, changed = 0;
};
BOOST_DESCRIBE_STRUCT(BulkAlertResult, (), (action, matched, changed))

std::optional<std::int64_t> number_of(const std::string& text) {
  std::int64_t id = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return id;
}

std::int64_t required_id(const std::string& text) {
  const auto id = number_of(text);
  if (!id) throw bad_request("Invalid alert_id");
  return *id;
}

/// How an alert's history names who did something.
std::string name_of(const TenantCaller& caller) {
  const auto& who = caller.who;
  return !who.username.empty() ? who.username : !who.email.empty() ? who.email : who.user_id;
}

Task<AlertPage> list_alerts(AlertingDeps, TenantCaller caller, http::Query<AlertQuery> query) {
  co_return co_await alerts_matching(caller.db, caller.tenant(), query.value);
}

Task<AlertTrend> get_trend(AlertingDeps, TenantCaller caller, http::Query<TrendQuery> query) {
  AlertTrend out;
  out.trend = co_await alert_trend(caller.db, query->hours);
  co_return out;
}

Task<AlertDetail> get_alert(AlertingDeps, TenantCaller caller, http::Path<"alert_id"> id) {
  const auto number = number_of(id.value);
  if (!number) throw not_found("Alert not found");
  auto alert = co_await find_alert(caller.db, *number);
  if (!alert) throw not_found("Alert not found");
  co_return AlertDetail{caller.tenant(), std::move(*alert)};
}

Task<AlertTimeline> get_timeline(AlertingDeps, TenantCaller caller, http::Path<"alert_id"> id) {
  const auto number = number_of(id.value);
  if (!number) throw not_found("Alert not found");
  auto events = co_await alert_timeline(caller.db, *number);
  if (!events) throw not_found("Alert not found");
  co_return AlertTimeline{*number, std::move(*events)};
}

/// Tells of a change of one alert, once it is committed.
void tell(const AlertingDeps& d, const TenantCaller& caller, std::int64_t id,
          const std::string& past, const std::string& action, boost::json::object details = {}) {
  alerts_changed(*d.nats);
  const auto text = std::to_string(id);
  d.audit->write(AuditLog::of(caller, "alert." + past, action, "alert", text,
                              "Alert " + text + " " + past, std::move(details)));
}

/// The change of one alert; nothing when it can't be done to it.
Task<std::optional<AlertChange>> change_one(TenantCaller caller, AlertAction action,
                                            std::int64_t id, std::int64_t minutes) {
  std::vector<std::int64_t> ids{id};
  auto changed =
      co_await change_alerts(caller.db, action, std::move(ids), name_of(caller), minutes);
  if (changed.empty()) co_return std::nullopt;
  co_return changed.front();
}

Task<AcknowledgedAlert> acknowledge_alert(AlertingDeps d, TenantCaller caller,
                                          http::Path<"alert_id"> id) {
  const auto number = required_id(id.value);
  const auto done = co_await change_one(caller, AlertAction::acknowledge, number, 0);
  if (!done) throw not_found("Alert not found or not OPEN");
  tell(d, caller, number, "acknowledged", "acknowledge");
  AcknowledgedAlert out;
  out.alert_id = number;
  out.acknowledged_by = name_of(caller);
  co_return out;
}

Task<ClosedAlert> close_alert(AlertingDeps d, TenantCaller caller, http::Path<"alert_id"> id) {
  const auto number = required_id(id.value);
  const auto done = co_await change_one(caller, AlertAction::close, number, 0);
  if (!done) throw not_found("Alert not found or already closed");
  tell(d, caller, number, "closed", "close");
  ClosedAlert out;
  out.alert_id = number;
  co_return out;
}

Task<SilencedAlert> silence_alert(AlertingDeps d, TenantCaller caller, http::Path<"alert_id"> id,
                                  http::Body<SilenceRequest> body) {
  const auto number = required_id(id.value);
  const auto done = co_await change_one(caller, AlertAction::silence, number, body->minutes);
  if (!done || !done->silenced_until) throw not_found("Alert not found or closed");
  boost::json::object details{{"minutes", body->minutes}};
  tell(d, caller, number, "silenced", "silence", std::move(details));
  co_return SilencedAlert{number, *done->silenced_until};
}

Task<http::Created<AlertTimelineEntry>> add_comment(AlertingDeps d, TenantCaller caller,
                                                    http::Path<"alert_id"> id,
                                                    http::Body<CommentRequest> body) {
  const auto number = required_id(id.value);
  auto made = co_await comment_on_alert(caller.db, number, body->text, name_of(caller));
  if (!made) throw not_found("Alert not found");
  tell(d, caller, number, "commented", "comment");
  tell_pages(d, caller.tenant(), "alert:" + std::to_string(number));
  co_return http::Created<AlertTimelineEntry>{std::move(*made)};
}

/// By what it does: the permission, and which alerts it may be done to.
struct BulkKind {
  AlertAction action;
  const char* permission;
  const char* status;
  const char* past;
};
BulkKind kind_of(const std::string& action) {
  if (action == "acknowledge")
    return {AlertAction::acknowledge, "alerts.acknowledge", "OPEN", "acknowledged"};
  if (action == "close") return {AlertAction::close, "alerts.close", "ACTIVE", "closed"};
  return {AlertAction::silence, "alerts.silence", "ACTIVE", "silenced"};
}

Task<BulkAlertResult> bulk_change(AlertingDeps d, TenantCaller caller,
                                  http::Body<BulkAlertRequest> body) {
  const auto kind = kind_of(body->action);
  if (!caller.may(kind.permission))
    throw forbidden(std::string("Permission required: ") + kind.permission);
  std::vector<std::int64_t> ids;
  if (body->ids) {
    ids = *body->ids;
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  } else {
    auto filter = *body->filter;
    if (!filter.status) filter.status = kind.status;
    ids = co_await ids_of_alerts(caller.db, std::move(filter), most_at_once + 1);
    if (ids.size() > most_at_once)
      throw bad_request("The filter finds more than 10000 alerts: narrow it");
  }
  const auto changed = co_await change_alerts(caller.db, kind.action, ids, name_of(caller),
                                              body->minutes.value_or(0));
  BulkAlertResult out;
  out.action = body->action;
  out.matched = static_cast<std::int64_t>(ids.size());
  out.changed = static_cast<std::int64_t>(changed.size());
  if (changed.empty()) co_return out;
  alerts_changed(*d.nats);
  boost::json::array named;
  for (const auto& c : changed) {
    if (named.size() == 100) break;
    named.emplace_back(c.alert_id);
  }
  boost::json::object details{{"changed", out.changed}, {"alerts", std::move(named)}};
  if (body->filter) details["filter"] = boost::json::parse(json::to_text(*body->filter));
  if (body->minutes) details["minutes"] = *body->minutes;
  const auto words = std::to_string(out.changed) + (out.changed == 1 ? " alert " : " alerts ");
  d.audit->write(AuditLog::of(caller, "alert.bulk_" + std::string(kind.past),
                              "bulk_" + body->action, "alert", "", words + kind.past,
                              std::move(details)));
  co_return out;
}

}  // namespace

void mount_inbox(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/alerts", one = base + "/{alert_id}";
  api.get(base, http::bound(d, list_alerts))
      .customers()
      .tag("Alerts")
      .summary("List alerts")
      .description(
          "The newest first. Page by `offset`, or by `cursor` from `next_cursor`, which stays fast "
          "however far it goes and skips nothing when alerts open meanwhile.")
      .fails(400, "Invalid status");
  api.get(base + "/trend", http::bound(d, get_trend))
      .customers()
      .tag("Alerts")
      .summary("Alerts opened and closed in each of the last hours");
  api.post(base + "/bulk", http::bound(d, bulk_change))
      .customers()
      .tag("Alerts")
      .summary("Acknowledge, close or silence many alerts")
      .description(
          "Those named by `ids` (at most 1000), or those that a `filter` finds (at most 10,000). "
          "Alerts that it can't be done to are left alone. Needs `alerts.acknowledge`, "
          "`alerts.close` or `alerts.silence`; silence takes `minutes`.")
      .fails(400, "The filter finds more than 10000 alerts: narrow it")
      .fails(403, "Permission required: alerts.close")
      .example({{"action", "acknowledge"}, {"filter", {{"site_id", "warehouse-7"}}}});
  api.get(one, http::bound(d, get_alert))
      .customers()
      .tag("Alerts")
      .summary("One alert")
      .fails(404, "Alert not found");
  api.get(one + "/timeline", http::bound(d, get_timeline))
      .customers()
      .tag("Alerts")
      .summary("Everything that happened to an alert, oldest first")
      .description(
          "`event`: OPEN, REPEATED (all repeats as one, at the last of them), TOLD, ESCALATED, "
          "SILENCED, ACKNOWLEDGED, COMMENTED, CLOSED; `details` say more: why it was closed, whom "
          "was told by what and with which result, the text of a comment. Beyond 1,000 the oldest "
          "are left out, but for the first.")
      .fails(404, "Alert not found");
  api.patch(one + "/acknowledge", http::bound(d, acknowledge_alert))
      .needs("alerts.acknowledge")
      .tag("Alerts")
      .summary("Acknowledge an open alert: escalation ends")
      .fails(400, "Invalid alert_id")
      .fails(404, "Alert not found or not OPEN");
  api.patch(one + "/close", http::bound(d, close_alert))
      .needs("alerts.close")
      .tag("Alerts")
      .summary("Close an alert")
      .fails(400, "Invalid alert_id")
      .fails(404, "Alert not found or already closed");
  api.patch(one + "/silence", http::bound(d, silence_alert))
      .needs("alerts.silence")
      .tag("Alerts")
      .summary("Silence an alert for some minutes: nobody is told, and it does not open again")
      .fails(400, "Invalid alert_id")
      .fails(404, "Alert not found or closed")
      .example({{"minutes", 60}});
  api.post(one + "/comments", http::bound(d, add_comment))
      .needs("alerts.acknowledge")
      .tag("Alerts")
      .summary("Comment on an alert")
      .fails(400, "Invalid alert_id")
      .fails(404, "Alert not found")
      .example({{"text", "Fan replaced, watching it"}});
}

}  // namespace pulse::alerting
