#include "alerting/escalation_webhooks.hpp"

#include "alerting/evaluator_store.hpp"
#include "alerting/notifications/direct.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

namespace {

// An address with more behind its host than a slash (notifications::shown_webhook).
constexpr const char* in_clear = R"sql(
  SELECT tenant_id, level_id, notify_webhook AS url FROM escalation_levels
  WHERE sealed_webhook IS NULL AND notify_webhook ~ '^[^:]+://[^/?]+[/?].'
    AND NOT notify_webhook LIKE '%/***'
  ORDER BY tenant_id, level_id LIMIT 500
)sql";

constexpr const char* seal_one = R"sql(
  UPDATE escalation_levels SET notify_webhook = $4, sealed_webhook = $5
  WHERE tenant_id = $1 AND level_id = $2 AND notify_webhook = $3 AND sealed_webhook IS NULL
)sql";

struct ClearWebhook {
  std::string tenant_id;
  std::int64_t level_id = 0;
  std::string url;
};
BOOST_DESCRIBE_STRUCT(ClearWebhook, (), (tenant_id, level_id, url))

}  // namespace

Task<int> seal_older_webhooks(pg::Pool& pool, const crypto::Sealer& sealer) {
  int sealed = 0;
  while (sealer.ready()) {
    const auto found = co_await pool.query(worker_scope(), in_clear);
    const auto webhooks = pg::rows_as<ClearWebhook>(found);
    for (const auto& w : webhooks) {
      auto values =
          pg::Params::of(w.tenant_id, w.level_id, w.url, notifications::shown_webhook(w.url),
                         notifications::seal_webhook(sealer, w.tenant_id, w.url));
      const auto done = co_await pool.query(worker_scope(), seal_one, std::move(values));
      sealed += static_cast<int>(done.affected());
    }
    if (webhooks.empty()) break;
  }
  co_return sealed;
}

}  // namespace pulse::alerting
