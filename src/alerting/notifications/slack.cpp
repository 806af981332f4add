// Slack by an incoming webhook: https://api.slack.com/messaging/webhooks
#include "alerting/notifications/outbound.hpp"

namespace pulse::alerting::notifications {

namespace {

/// Slack's own marks (&, <, >) as text.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

boost::json::object field(const char* title, std::string value, bool is_short) {
  return {{"title", title}, {"value", std::move(value)}, {"short", is_short}};
}

std::string fault(const SendDeps& deps, const Config& config) {
  return url_fault(deps, text_in(config, "webhook_url"), true);
}

std::string destination(const Config&) { return {}; }  // the address is the secret

Task<SendResult> send(SendDeps deps, Config config, Notice notice) {
  boost::json::object attachment{
      {"color", colour_of(notice)},
      {"title", "Open in Pulse"},
      {"title_link", notice.link},
      {"fallback", escaped(text_of(notice))},
      {"fields",
       boost::json::array{field("Summary", escaped(text_of(notice)), false),
                          field("Time", iso8601(notice.at.value_or(notice.triggered_at)), true)}}};
  boost::json::object body{{"text", "*[" + label_of(notice) + "]* " + escaped(headline_of(notice))},
                           {"attachments", boost::json::array{std::move(attachment)}}};
  auto url = text_in(config, "webhook_url");
  boost::json::value json = std::move(body);
  co_return co_await post_json(deps, std::move(url), std::move(json), notice.idempotency_key);
}

}  // namespace

const Sender& slack() {
  static const Sender sender{"slack", {"webhook_url"}, {"webhook_url"}, {}, fault, destination,
                             send};
  return sender;
}

}  // namespace pulse::alerting::notifications
