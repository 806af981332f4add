// What the organization's devices are subscribed to, and how that came about. Reads fleet's
// device_subscriptions, and subscription_audit.
#include "account/deps.hpp"
#include "platform/errors.hpp"
#include "platform/json/rules.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"
#include "tenancy/caller.hpp"

namespace pulse::account {

namespace {

using tenancy::TenantCaller;

struct Subscription {
  std::string subscription_id, device_id, plan_id, status;
  Time term_start;
  std::optional<Time> term_end, grace_end;
  std::optional<std::string> stripe_subscription_id;
  Time created_at;
  std::string plan_name;
  std::int64_t monthly_price_cents = 0;
};
BOOST_DESCRIBE_STRUCT(Subscription, (),
                      (subscription_id, device_id, plan_id, status, term_start, term_end, grace_end,
                       stripe_subscription_id, created_at, plan_name, monthly_price_cents))

/// Of all that are not over, whatever page is asked for; `by_status` counts those that are, too.
struct SubscriptionSummary {
  std::int64_t total_subscriptions = 0, active_subscriptions = 0;
  std::optional<std::string> worst_status;
  std::optional<std::int64_t> earliest_expiry_days;
  std::int64_t monthly_price_cents = 0;
  boost::json::object by_status;
};
BOOST_DESCRIBE_STRUCT(SubscriptionSummary, (),
                      (total_subscriptions, active_subscriptions, worst_status,
                       earliest_expiry_days, monthly_price_cents, by_status))

struct SubscriptionList {
  std::vector<Subscription> subscriptions;
  SubscriptionSummary summary;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(SubscriptionList, (), (subscriptions, summary, total))

struct ListQuery {
  bool include_expired = false;
  std::optional<std::string> status, q;
  std::optional<std::int64_t> limit;
  std::int64_t offset = 0;
};
BOOST_DESCRIBE_STRUCT(ListQuery, (), (include_expired, status, q, limit, offset))
inline auto constraints(json::As<ListQuery>) {
  return json::rules<ListQuery>()
      .one_of(&ListQuery::status, {"TRIAL", "ACTIVE", "GRACE", "SUSPENDED", "EXPIRED", "CANCELLED"})
      .length(&ListQuery::q, 0, 200)
      .range(&ListQuery::limit, 1, 1'000)
      .range(&ListQuery::offset, 0, 10'000'000)
      .describe(&ListQuery::include_expired, "Also those that are over: expired or cancelled")
      .describe(&ListQuery::q, "Part of the device's id")
      .describe(&ListQuery::limit, "All of them when absent");
}

struct SubscriptionDetail {
  std::string subscription_id, device_id, plan_id, plan_name, status;
  Time term_start;
  std::optional<Time> term_end, grace_end;
  std::optional<std::int64_t> days_until_expiry;  ///< below 0: past its end
  std::int64_t monthly_price_cents = 0;
  boost::json::object plan_limits, plan_features;
  std::optional<std::string> stripe_subscription_id;
  std::optional<Time> cancelled_at;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(SubscriptionDetail, (),
                      (subscription_id, device_id, plan_id, plan_name, status, term_start, term_end,
                       grace_end, days_until_expiry, monthly_price_cents, plan_limits,
                       plan_features, stripe_subscription_id, cancelled_at, created_at, updated_at))

struct SubscriptionHistoryQuery {
  std::int64_t limit = 50, offset = 0;
};
BOOST_DESCRIBE_STRUCT(SubscriptionHistoryQuery, (), (limit, offset))
inline auto constraints(json::As<SubscriptionHistoryQuery>) {
  return json::rules<SubscriptionHistoryQuery>()
      .range(&SubscriptionHistoryQuery::limit, 1, 200)
      .range(&SubscriptionHistoryQuery::offset, 0, 10'000'000);
}

struct SubscriptionEvent {
  std::int64_t id = 0;
  std::string event_type;
  Time event_timestamp;
  std::optional<std::string> actor_type, actor_id;
  std::optional<boost::json::object> previous_state, new_state, details;
};
BOOST_DESCRIBE_STRUCT(SubscriptionEvent, (),
                      (id, event_type, event_timestamp, actor_type, actor_id, previous_state,
                       new_state, details))
struct SubscriptionHistory {
  std::vector<SubscriptionEvent> events;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(SubscriptionHistory, (), (events, total, limit, offset))

constexpr const char* summary_of_all = R"sql(
  SELECT count(*) AS total_subscriptions,
         count(*) FILTER (WHERE s.status IN ('TRIAL', 'ACTIVE')) AS active_subscriptions,
         (array_agg(s.status ORDER BY array_position(
           ARRAY['SUSPENDED', 'GRACE', 'TRIAL', 'ACTIVE'], s.status)))[1] AS worst_status,
         floor(extract(epoch FROM min(s.term_end) - now()) / 86400)::bigint
           AS earliest_expiry_days,
         coalesce(sum(p.monthly_price_cents), 0) AS monthly_price_cents,
         (SELECT coalesce(jsonb_object_agg(status, number), '{}')
          FROM (SELECT status, count(*) AS number FROM device_subscriptions GROUP BY status) c)
           AS by_status
  FROM device_subscriptions s JOIN device_plans p USING (plan_id)
  WHERE s.status NOT IN ('EXPIRED', 'CANCELLED')
)sql";

Task<SubscriptionList> list_subscriptions(AccountDeps, TenantCaller caller,
                                          http::Query<ListQuery> query) {
  pg::Clauses where(" AND ");
  if (!query->include_expired && !query->status)
    where.add("s.status NOT IN ('EXPIRED', 'CANCELLED')");
  if (query->status) where.add("s.status = ?", *query->status);
  if (query->q) where.add("position(lower(?) IN lower(s.device_id)) > 0", *query->q);
  const auto condition = where.where();
  const auto of_condition = where.params();
  const auto limit = where.parameter(query->limit), offset = where.parameter(query->offset);
  std::vector<pg::Statement> asked;
  asked.emplace_back(
      "SELECT s.subscription_id, s.device_id, s.plan_id, s.status, s.term_start, s.term_end, "
      "s.grace_end, s.stripe_subscription_id, s.created_at, p.name AS plan_name, "
      "p.monthly_price_cents "
      "FROM device_subscriptions s JOIN device_plans p USING (plan_id)" +
          where.where() + " ORDER BY s.created_at DESC, s.subscription_id LIMIT " + limit +
          "::bigint OFFSET " + offset + "::bigint",
      where.params());
  asked.emplace_back("SELECT count(*) FROM device_subscriptions s" + condition, of_condition);
  asked.emplace_back(summary_of_all, pg::Params{});
  const auto answers = co_await caller.db.batch(std::move(asked));
  SubscriptionList out;
  out.subscriptions = pg::rows_as<Subscription>(answers[0]);
  out.total = answers[1].int64(0, 0);
  out.summary = pg::row_as<SubscriptionSummary>(answers[2], 0);
  co_return out;
}

Task<SubscriptionDetail> get_subscription(AccountDeps, TenantCaller caller,
                                          http::Path<"subscription_id"> id) {
  const auto rows = co_await caller.db.query(
      "SELECT s.*, p.name AS plan_name, p.monthly_price_cents, p.limits AS plan_limits, "
      "p.features AS plan_features, "
      "floor(extract(epoch FROM s.term_end - now()) / 86400)::bigint AS days_until_expiry "
      "FROM device_subscriptions s JOIN device_plans p USING (plan_id) "
      "WHERE s.subscription_id = $1",
      pg::Params::of(id.value));
  if (rows.empty()) throw not_found("Subscription not found");
  co_return pg::row_as<SubscriptionDetail>(rows, 0);
}

Task<SubscriptionHistory> subscription_history(AccountDeps, TenantCaller caller,
                                               http::Query<SubscriptionHistoryQuery> query) {
  std::vector<pg::Statement> asked;
  asked.emplace_back(
      "SELECT id, event_type, event_timestamp, actor_type, actor_id, previous_state, new_state, "
      "details FROM subscription_audit ORDER BY event_timestamp DESC, id DESC LIMIT $1 OFFSET $2",
      pg::Params::of(query->limit, query->offset));
  asked.emplace_back("SELECT count(*) FROM subscription_audit", pg::Params{});
  const auto answers = co_await caller.db.batch(std::move(asked));
  SubscriptionHistory out;
  out.events = pg::rows_as<SubscriptionEvent>(answers[0]);
  out.total = answers[1].int64(0, 0);
  out.limit = query->limit;
  out.offset = query->offset;
  co_return out;
}

}  // namespace

void mount_subscriptions(http::Router& api, const AccountDeps& d) {
  const std::string base = "/api/v1/customer/";
  api.get(base + "subscriptions", http::bound(d, list_subscriptions))
      .customers()
      .tag("Subscriptions")
      .summary("What the devices are subscribed to, newest first");
  api.get(base + "subscriptions/{subscription_id}", http::bound(d, get_subscription))
      .customers()
      .tag("Subscriptions")
      .summary("One subscription with its plan")
      .fails(404, "Subscription not found");
  api.get(base + "subscription/audit", http::bound(d, subscription_history))
      .customers()
      .tag("Subscriptions")
      .summary("What the subscriptions went through, newest first");
}

}  // namespace pulse::account
