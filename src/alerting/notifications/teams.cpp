// Microsoft Teams: an Adaptive Card for webhooks of workflows, a MessageCard for those of
// connectors.
#include "alerting/notifications/outbound.hpp"

namespace pulse::alerting::notifications {

namespace {

/// Connectors answer at office.com; everything newer is a workflow.
bool wants_message_card(const Config& config) {
  const auto card = text_in(config, "card", "auto");
  if (card != "auto") return card == "message";
  const auto origin = origin_of(text_in(config, "webhook_url"));
  return origin.find(".office.com:") != std::string::npos;
}

std::string fault(const SendDeps& deps, const Config& config) {
  const auto card = text_in(config, "card", "auto");
  if (card != "auto" && card != "message" && card != "adaptive")
    return "card must be one of auto, message, adaptive";
  return url_fault(deps, text_in(config, "webhook_url"), true);
}

std::string destination(const Config&) { return {}; }  // the address is the secret

boost::json::object fact(const char* key, const char* name, std::string value) {
  return {{key, name}, {"value", std::move(value)}};
}

boost::json::array facts(const char* key, const Notice& n) {
  boost::json::array out;
  if (!n.device_id.empty()) out.push_back(fact(key, "Device", n.device_id));
  if (!n.site_id.empty()) out.push_back(fact(key, "Site", n.site_id));
  out.push_back(
      fact(key, "Severity",
           std::string(severity_word(n.severity)) + " (" + std::to_string(n.severity) + ")"));
  out.push_back(fact(key, "Time", iso8601(n.at.value_or(n.triggered_at))));
  return out;
}

boost::json::object message_card(const Notice& n) {
  const auto title = "[" + label_of(n) + "] " + headline_of(n);
  boost::json::object section{{"activityTitle", title},
                              {"text", text_of(n)},
                              {"facts", facts("name", n)},
                              {"markdown", false}};
  boost::json::object target{{"os", "default"}, {"uri", n.link}};
  boost::json::object open{{"@type", "OpenUri"},
                           {"name", "Open in Pulse"},
                           {"targets", boost::json::array{std::move(target)}}};
  return {{"@type", "MessageCard"},
          {"@context", "https://schema.org/extensions"},
          {"themeColor", colour_of(n).substr(1)},
          {"summary", title},
          {"sections", boost::json::array{std::move(section)}},
          {"potentialAction", boost::json::array{std::move(open)}}};
}

boost::json::object adaptive_card(const Notice& n) {
  const char* colour = n.event_type == "CLOSED" ? "Good"
                       : n.severity >= 5        ? "Attention"
                       : n.severity >= 3        ? "Warning"
                                                : "Accent";
  boost::json::object title{
      {"type", "TextBlock"}, {"size", "Medium"},
      {"weight", "Bolder"},  {"wrap", true},
      {"color", colour},     {"text", "[" + label_of(n) + "] " + headline_of(n)}};
  boost::json::object text{{"type", "TextBlock"}, {"wrap", true}, {"text", text_of(n)}};
  boost::json::object set{{"type", "FactSet"}, {"facts", facts("title", n)}};
  boost::json::object open{{"type", "Action.OpenUrl"}, {"title", "Open in Pulse"}, {"url", n.link}};
  boost::json::object card{
      {"type", "AdaptiveCard"},
      {"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
      {"version", "1.4"},
      {"body", boost::json::array{std::move(title), std::move(text), std::move(set)}},
      {"actions", boost::json::array{std::move(open)}}};
  boost::json::object attachment{{"contentType", "application/vnd.microsoft.card.adaptive"},
                                 {"contentUrl", nullptr},
                                 {"content", std::move(card)}};
  return {{"type", "message"}, {"attachments", boost::json::array{std::move(attachment)}}};
}

Task<SendResult> send(SendDeps deps, Config config, Notice notice) {
  auto url = text_in(config, "webhook_url");
  const bool connector = wants_message_card(config);
  boost::json::value body = connector ? message_card(notice) : adaptive_card(notice);
  http::ClientResponse answer;
  auto result =
      co_await post_json(deps, std::move(url), std::move(body), notice.idempotency_key, &answer);
  // Connectors say 200 for what they could not pass on, and the reason in the text.
  if (connector && result.ok && answer.body.find("HTTP error") != std::string::npos)
    result = SendResult::failed("Teams did not take the message", result.http_status);
  co_return result;
}

}  // namespace

const Sender& teams() {
  static const Sender sender{
      "teams", {"webhook_url"}, {"webhook_url"}, {"card"}, fault, destination, send};
  return sender;
}

}  // namespace pulse::alerting::notifications
