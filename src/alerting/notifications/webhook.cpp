#include "alerting/notifications/webhook.hpp"

#include "alerting/notifications/outbound.hpp"
#include "alerting/notifications/signature.hpp"

namespace pulse::alerting::notifications {

namespace {

bool token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string header_fault(std::string_view name, const boost::json::value& value) {
  for (const char c : name)
    if (!token_char(c)) return "'" + std::string(name) + "' is no name of a header";
  if (name.empty() || name.size() > 100) return "a header's name has 1 to 100 characters";
  for (const char* ours : {"Host", "Content-Length", "Transfer-Encoding", "Connection"})
    if (http::iequals(name, ours)) return "the header " + std::string(ours) + " can't be set";
  if (!value.is_string() || value.get_string().size() > 4'000 ||
      std::string_view(value.get_string()).find_first_of("\r\n") != std::string_view::npos)
    return "the header " + std::string(name) + " must be a text of one line";
  return {};
}

}  // namespace

std::string webhook_fault(const SendDeps& deps, const Config& config) {
  if (auto wrong = texts_fault(config, {"url", "method", "secret"}); !wrong.empty()) return wrong;
  const auto method = text_in(config, "method", "POST");
  if (method != "POST" && method != "PUT" && method != "PATCH")
    return "method must be one of POST, PUT, PATCH";
  if (const auto* headers = config.if_contains("headers"); headers && !headers->is_null()) {
    if (!headers->is_object() || headers->get_object().size() > 20)
      return "headers must be an object of at most 20 texts";
    for (const auto& [name, value] : headers->get_object())
      if (auto wrong = header_fault(name, value); !wrong.empty()) return wrong;
  }
  return url_fault(deps, text_in(config, "url"), false);
}

std::string webhook_destination(const Config& config) { return origin_of(text_in(config, "url")); }

Task<SendResult> send_webhook(SendDeps deps, Config config, Notice notice) {
  auto body = json_of(notice);
  http::Headers headers;
  headers.set("Content-Type", "application/json");
  for (const auto& [name, value] : object_in(config, "headers"))
    headers.set(std::string(name), std::string(value.get_string()));
  headers.set("Idempotency-Key", notice.idempotency_key);
  if (const auto secret = text_in(config, "secret"); !secret.empty()) sign(headers, secret, body);
  auto method = text_in(config, "method", "POST"), url = text_in(config, "url");
  co_return co_await call(deps, std::move(method), std::move(url), std::move(headers),
                          std::move(body));
}

const Sender& webhook() {
  static const Sender sender{"webhook",   {"url"},       {"secret", "headers.*"},
                             {"method"},  webhook_fault, webhook_destination,
                             send_webhook};
  return sender;
}

}  // namespace pulse::alerting::notifications
