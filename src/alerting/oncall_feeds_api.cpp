// Calendars of on-call shifts under secret links. The token is stored as its SHA-256 and shown
// once.
#include "alerting/icalendar.hpp"
#include "alerting/mounts.hpp"
#include "alerting/oncall_schedules.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using ScheduleId = http::Path<"schedule_id", std::int64_t>;
using FeedId = http::Path<"feed_id", std::int64_t>;

constexpr std::chrono::hours day{24};
constexpr int most_feeds = 100;  // of a schedule
constexpr int days_back = 14, days_ahead = 90;

struct OncallFeed {
  std::int64_t feed_id = 0;
  std::optional<std::string> responder, created_by;
  Time created_at;
  std::optional<Time> last_used_at;
};
BOOST_DESCRIBE_STRUCT(OncallFeed, (), (feed_id, responder, created_by, created_at, last_used_at))
struct OncallFeedList {
  std::vector<OncallFeed> feeds;
};
BOOST_DESCRIBE_STRUCT(OncallFeedList, (), (feeds))
struct NewOncallFeed : OncallFeed {
  std::string url;  ///< shown once
};
BOOST_DESCRIBE_STRUCT(NewOncallFeed, (OncallFeed), (url))
struct CreateOncallFeed {
  std::optional<std::string> responder;
};
BOOST_DESCRIBE_STRUCT(CreateOncallFeed, (), (responder))
inline auto constraints(json::As<CreateOncallFeed>) {
  return json::rules<CreateOncallFeed>()
      .length(&CreateOncallFeed::responder, 1, 254)
      .describe(&CreateOncallFeed::responder, "Only this person's shifts; absent: everybody's");
}

const std::string feed_columns = "feed_id, responder, created_by, created_at, last_used_at";

Task<std::string> name_of_schedule(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(
      "SELECT name FROM oncall_schedules WHERE schedule_id = $1::bigint", pg::Params::of(id));
  if (rows.empty()) throw not_found("Schedule not found");
  co_return std::string(rows.text(0, 0));
}

Task<OncallFeedList> list_feeds(AlertingDeps, TenantCaller caller, ScheduleId id) {
  co_await name_of_schedule(caller.db, id.value);
  const auto rows =
      co_await caller.db.query("SELECT " + feed_columns +
                                   " FROM oncall_feeds WHERE schedule_id = $1::bigint "
                                   "ORDER BY created_at, feed_id",
                               pg::Params::of(id.value));
  OncallFeedList out;
  out.feeds = pg::rows_as<OncallFeed>(rows);
  co_return out;
}

Task<http::Created<NewOncallFeed>> create_feed(AlertingDeps d, TenantCaller caller, ScheduleId id,
                                               http::Body<CreateOncallFeed> body) {
  const auto name = co_await name_of_schedule(caller.db, id.value);
  const auto token = crypto::random_token(32);
  const auto rows = co_await caller.db.query(
      "INSERT INTO oncall_feeds (tenant_id, schedule_id, responder, token_hash, created_by) "
      "SELECT $1, $2::bigint, $3, $4, $5 "
      "WHERE (SELECT count(*) FROM oncall_feeds WHERE schedule_id = $2::bigint) < $6 RETURNING " +
          feed_columns,
      pg::Params::of(caller.tenant(), id.value, body->responder, crypto::sha256_hex(token),
                     caller.who.username, most_feeds));
  if (rows.empty())
    throw bad_request("A schedule has at most " + std::to_string(most_feeds) +
                      " calendar links: revoke one first");
  NewOncallFeed out;
  static_cast<OncallFeed&>(out) = pg::row_as<OncallFeed>(rows, 0);
  out.url = d.ui_base + "/api/v1/calendar/" + token + "/oncall.ics";
  tell_pages(d, caller.tenant(), "oncall-feeds");
  d.audit->write(AuditLog::of(caller, "oncall_feed.created", "create", "oncall_schedule",
                              std::to_string(id.value), "Calendar link of " + name + " made"));
  co_return http::Created<NewOncallFeed>{std::move(out)};
}

Task<http::NoContent> revoke_feed(AlertingDeps d, TenantCaller caller, ScheduleId id,
                                  FeedId feed_id) {
  const auto rows = co_await caller.db.query(
      "DELETE FROM oncall_feeds WHERE schedule_id = $1::bigint AND feed_id = $2::bigint "
      "RETURNING feed_id",
      pg::Params::of(id.value, feed_id.value));
  if (rows.empty()) throw not_found("Calendar link not found");
  tell_pages(d, caller.tenant(), "oncall-feeds");
  d.audit->write(AuditLog::of(caller, "oncall_feed.revoked", "revoke", "oncall_schedule",
                              std::to_string(id.value), "Calendar link revoked"));
  co_return http::NoContent{};
}

struct KnownFeed {
  std::string tenant_id;
  std::int64_t schedule_id = 0;
  std::optional<std::string> responder;
};
BOOST_DESCRIBE_STRUCT(KnownFeed, (), (tenant_id, schedule_id, responder))

// The use is noted once a minute.
constexpr const char* find_feed = R"sql(
  WITH found AS (
    SELECT f.feed_id, f.tenant_id, f.schedule_id, f.responder, f.last_used_at
    FROM oncall_feeds f JOIN tenants t ON t.tenant_id = f.tenant_id AND t.status = 'ACTIVE'
    WHERE f.token_hash = $1
  ), used AS (
    UPDATE oncall_feeds f SET last_used_at = now() FROM found
    WHERE f.feed_id = found.feed_id
      AND (found.last_used_at IS NULL OR found.last_used_at < now() - interval '1 minute')
  )
  SELECT tenant_id, schedule_id, responder FROM found
)sql";

std::vector<CalendarEvent> events_of(const PlannedSchedule& planned, const KnownFeed& feed, Time at,
                                     const std::string& ui_base) {
  std::vector<CalendarEvent> out;
  const auto from = at.at - days_back * day, to = at.at + days_ahead * day;
  for (const auto& slot : oncall::final_slots(planned.plan, from, to)) {
    if (feed.responder && slot.responder != *feed.responder) continue;
    CalendarEvent event;
    event.start = Time{slot.start};
    event.end = Time{slot.end};
    event.uid = "oncall-" + std::to_string(feed.schedule_id) + "-" +
                std::to_string(to_ms(event.start) / 1000) + "@pulse";
    event.summary = (feed.responder ? "On call" : slot.responder + " is on call") + ": " +
                    planned.schedule.name;
    event.url = ui_base + "/app/oncall";
    event.description = slot.is_override ? "Override" : slot.layer_name;
    out.push_back(std::move(event));
  }
  return out;
}

Task<http::Response> read_feed(AlertingDeps d, http::Path<"token"> token) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto rows =
      co_await d.pool->query(scope, find_feed, pg::Params::of(crypto::sha256_hex(token.value)));
  const auto feed = pg::first_as<KnownFeed>(rows);
  if (!feed) throw not_found("Calendar not found");
  const auto at = now();
  const auto since = Time{at.at - days_back * day};
  const auto db = tenancy::TenantDb::for_worker(*d.pool, feed->tenant_id, "a calendar's link");
  const auto planned = co_await planned_schedules(db, feed->schedule_id, since);
  if (planned.empty()) throw not_found("Calendar not found");
  http::Response out;
  out.headers.add("Content-Type", "text/calendar; charset=utf-8");
  out.headers.add("Content-Disposition", "inline; filename=\"oncall.ics\"");
  out.body = calendar("On call: " + planned.front().schedule.name,
                      events_of(planned.front(), *feed, at, d.ui_base), at);
  co_return out;
}

}  // namespace

void mount_oncall_feeds(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/oncall-schedules/{schedule_id}/feeds";
  api.get(base, http::bound(d, list_feeds))
      .customers()
      .tag("On-call")
      .summary("Calendar links of a schedule")
      .fails(404, "Schedule not found");
  api.post(base, http::bound(d, create_feed))
      .needs("oncall.update")
      .tag("On-call")
      .summary("Make a calendar link")
      .description("Whoever has the link reads the calendar; it is shown once.")
      .secret()
      .fails(400, "A schedule has at most 100 calendar links: revoke one first")
      .fails(404, "Schedule not found")
      .example({{"responder", "ada"}});
  api.del(base + "/{feed_id}", http::bound(d, revoke_feed))
      .needs("oncall.update")
      .tag("On-call")
      .summary("Revoke a calendar link")
      .fails(404, "Calendar link not found");
  api.get("/api/v1/calendar/{token}/oncall.ics", http::bound(d, read_feed))
      .open("the link itself is the secret")
      .tag("On-call")
      .summary("On-call shifts as a calendar to subscribe to")
      .description("The final schedule, from two weeks ago to 90 days ahead.")
      .produces("text/calendar")
      .fails(404, "Calendar not found");
}

}  // namespace pulse::alerting
