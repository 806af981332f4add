#include "alerting/notifications/notice.hpp"

#include "platform/ids.hpp"

namespace pulse::alerting::notifications {

std::string_view severity_word(std::int64_t severity) {
  if (severity >= 5) return "CRITICAL";
  return severity >= 3 ? "WARNING" : "INFO";
}

std::string label_of(const Notice& notice) {
  if (notice.event_type == "OPEN" || notice.event_type == "SUMMARY")
    return std::string(severity_word(notice.severity));
  return notice.event_type;
}

std::string headline_of(const Notice& notice) {
  if (notice.event_type == "SUMMARY") return "Many alerts at once";
  return notice.device_id + " — " + notice.alert_type;
}

std::string colour_of(const Notice& notice) {
  if (notice.event_type == "CLOSED") return "#2e7d32";
  if (notice.severity >= 5) return "#c62828";
  return notice.severity >= 3 ? "#ef6c00" : "#1565c0";
}

std::string text_of(const Notice& notice) {
  return notice.note ? *notice.note + "\n" + notice.message : notice.message;
}

std::string json_of(const Notice& n) {
  boost::json::object o{{"alert_id", n.alert_id},     {"alert_type", n.alert_type},
                        {"severity", n.severity},     {"device_id", n.device_id},
                        {"site_id", n.site_id},       {"tenant_id", n.tenant_id},
                        {"message", n.message},       {"details", n.details},
                        {"event_type", n.event_type}, {"triggered_at", iso8601(n.triggered_at)}};
  if (n.note) o["note"] = *n.note;
  return json::to_text(o);
}

std::string filled(std::string pattern, const Notice& n) {
  const std::pair<std::string_view, std::string> places[] = {
      {"{tenant_id}", n.tenant_id},   {"{severity}", std::to_string(n.severity)},
      {"{site_id}", n.site_id},       {"{device_id}", n.device_id},
      {"{alert_type}", n.alert_type}, {"{alert_id}", std::to_string(n.alert_id)}};
  std::string out;
  for (std::size_t at = 0; at < pattern.size();) {
    const auto rest = std::string_view(pattern).substr(at);
    std::size_t taken = 0;
    for (const auto& [name, value] : places)
      if (rest.starts_with(name)) {
        out += value;
        taken = name.size();
        break;
      }
    if (!taken) out += rest.front();
    at += taken ? taken : 1;
  }
  return out;
}

Notice test_notice(const std::string& tenant_id, const std::string& link) {
  Notice n;
  n.alert_type = "TEST";
  n.severity = 1;
  n.device_id = "test-device";
  n.site_id = "test-site";
  n.tenant_id = tenant_id;
  n.message = "This is a test message. Alerts that are routed here look like it.";
  n.triggered_at = now();
  n.at = n.triggered_at;
  n.event_type = "TEST";
  n.idempotency_key = uuid7();
  n.link = link;
  return n;
}

std::string shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  auto end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text;
}

}  // namespace pulse::alerting::notifications
