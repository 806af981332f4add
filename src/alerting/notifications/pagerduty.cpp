// PagerDuty by its Events API v2: an alert's incident is triggered, acknowledged and resolved by
// one dedup_key.
#include "alerting/notifications/outbound.hpp"

namespace pulse::alerting::notifications {

namespace {

constexpr const char* events_api = "https://events.pagerduty.com/v2/enqueue";
constexpr std::size_t longest_summary = 1'024;

std::string_view severity_of(std::int64_t severity) {
  if (severity >= 5) return "critical";
  if (severity == 4) return "error";
  return severity == 3 ? "warning" : "info";
}

std::string fault(const SendDeps& deps, const Config& config) {
  if (text_in(config, "integration_key").empty()) return "integration_key must be a text";
  if (auto wrong = texts_fault(config, {"api_url"}); !wrong.empty()) return wrong;
  return url_fault(deps, text_in(config, "api_url", events_api), true);
}

std::string destination(const Config& config) {
  return origin_of(text_in(config, "api_url", events_api));
}

Task<SendResult> send(SendDeps deps, Config config, Notice notice) {
  const char* action = notice.event_type == "ACKNOWLEDGED" ? "acknowledge"
                       : notice.event_type == "CLOSED"     ? "resolve"
                                                           : "trigger";
  std::string key = "alert-" + std::to_string(notice.alert_id);
  if (notice.event_type == "SUMMARY" || notice.event_type == "TEST")
    key = "pulse-" + notice.idempotency_key;
  if (notice.dedup_key) key = *notice.dedup_key;
  boost::json::object details{{"alert_type", notice.alert_type},
                              {"device_id", notice.device_id},
                              {"site_id", notice.site_id},
                              {"tenant_id", notice.tenant_id},
                              {"details", notice.details}};
  boost::json::object payload{
      {"summary", shortened(headline_of(notice) + ": " + text_of(notice), longest_summary)},
      {"severity", severity_of(notice.severity)},
      {"source", notice.device_id.empty() ? "pulse" : notice.device_id},
      {"timestamp", iso8601(notice.triggered_at)},
      {"component", notice.site_id},
      {"class", notice.alert_type},
      {"custom_details", std::move(details)}};
  boost::json::object link{{"href", notice.link}, {"text", "Open in Pulse"}};
  boost::json::object body{{"routing_key", text_in(config, "integration_key")},
                           {"event_action", action},
                           {"dedup_key", std::move(key)},
                           {"client", "Pulse"},
                           {"client_url", notice.link},
                           {"payload", std::move(payload)},
                           {"links", boost::json::array{std::move(link)}}};
  auto url = text_in(config, "api_url", events_api);
  boost::json::value json = std::move(body);
  co_return co_await post_json(deps, std::move(url), std::move(json), notice.idempotency_key);
}

}  // namespace

const Sender& pagerduty() {
  static const Sender sender{
      "pagerduty", {"integration_key"}, {"integration_key"}, {"api_url"}, fault, destination, send};
  return sender;
}

}  // namespace pulse::alerting::notifications
