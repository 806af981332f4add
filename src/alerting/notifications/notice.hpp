#pragma once
// What is told, whatever tells it.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/read.hpp"
#include "platform/json/write.hpp"

namespace pulse::alerting::notifications {

/// What happened to an alert, as `notification_jobs.payload_json` keeps it. `event_type` is OPEN,
/// ACKNOWLEDGED, CLOSED, ESCALATED, SUMMARY (of many at once) or TEST.
struct NoticeBody {
  std::int64_t alert_id = 0;
  std::string alert_type;
  std::int64_t severity = 1;
  std::string device_id, site_id, tenant_id, message;
  boost::json::object details;
  Time triggered_at;
  std::string event_type;
  std::optional<Time> at;  ///< of the event
  std::optional<std::string> actor, note;
  /// What PagerDuty knows the incident by, where it is no alert's.
  std::optional<std::string> dedup_key;
  /// Of several recipients those who do not have it yet; none: all.
  std::optional<std::vector<std::string>> only_to;
};
BOOST_DESCRIBE_STRUCT(NoticeBody, (),
                      (alert_id, alert_type, severity, device_id, site_id, tenant_id, message,
                       details, triggered_at, event_type, at, actor, note, dedup_key, only_to))

struct Notice : NoticeBody {
  Notice() = default;
  /// The same in each attempt to deliver it.
  std::string idempotency_key;
  std::string link;  ///< to the alert's page
};

/// CRITICAL, WARNING or INFO.
std::string_view severity_word(std::int64_t severity);
/// What stands in front: the severity of an alert that is open, else what became of it.
std::string label_of(const Notice& notice);
/// "device — type", or what a summary is of.
std::string headline_of(const Notice& notice);
/// Green for what is over, else by severity: "#rrggbb".
std::string colour_of(const Notice& notice);
/// The message, with the note above it when there is one.
std::string text_of(const Notice& notice);
/// At most `most` bytes of a text, cut between characters.
std::string shortened(std::string text, std::size_t most);
/// The JSON that webhooks and MQTT brokers receive.
std::string json_of(const Notice& notice);
/// `pattern` with {tenant_id}, {severity}, {site_id}, {device_id}, {alert_id}, {alert_type} filled
/// in.
std::string filled(std::string pattern, const Notice& notice);
/// A message of no alert, to try a channel with.
Notice test_notice(const std::string& tenant_id, const std::string& link);

}  // namespace pulse::alerting::notifications
