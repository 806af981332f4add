// Messages as HTTP requests: {url, method: POST|PUT, headers, secret}.
#include <algorithm>

#include "platform/crypto/crypto.hpp"
#include "platform/json/write.hpp"
#include "routing/destination.hpp"

namespace pulse::routing {

namespace {

constexpr long timeout_ms = 10'000;
constexpr std::size_t most_headers = 20, longest_header = 2'000;
// Ours, or what frames the request.
constexpr std::string_view own_headers[] = {
    "host",           "content-length",  "transfer-encoding",  "connection",
    "content-type",   "idempotency-key", "x-signature-256",    "x-signature-timestamp",
    "x-signature-v2", "expect",          "proxy-authorization"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

std::string fault_of_headers(const boost::json::value& headers) {
  const auto* o = headers.if_object();
  if (!o) return "headers must be an object of names and texts";
  if (o->size() > most_headers) return "headers: at most " + std::to_string(most_headers);
  for (const auto& [name, value] : *o) {
    const auto known = lower(name);
    if (!is_token(name) || !value.is_string())
      return "headers: names of letters, digits, '-' and '_', with texts";
    const std::string_view text(value.get_string());
    if (text.size() > longest_header ||
        std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 32 || c == 127; }))
      return "headers: " + std::string(name) + " has a value that no header may have";
    if (std::find(std::begin(own_headers), std::end(own_headers), known) != std::end(own_headers))
      return "headers: " + std::string(name) + " is set by Pulse";
  }
  return {};
}

std::string fault(const RouteTarget& target, const DestinationTools& tools) {
  const auto& config = target.config;
  for (const auto& [name, value] : config)
    if (name != "url" && name != "method" && name != "headers" && name != "secret")
      return "Unknown config key for webhook: " + std::string(name);
  const auto url = text_of(config, "url");
  if (url.empty()) return "Missing required config keys for webhook: ['url']";
  try {
    const auto parts = http::parse_url(url);
    if (parts.scheme != "https" && parts.scheme != "http") return "url must be http or https";
    const auto& host = parts.host;
    if (!may_be_private(tools, host, parts.port)) {
      const bool address = host.find(':') != std::string::npos ||
                           host.find_first_not_of("0123456789.") == std::string::npos;
      if (host == "localhost" || (address && !http::is_public_address(host)))
        return "url must lead to a public address";
    }
  } catch (const http::ClientError&) {
    return "url is no URL";
  }
  if (const auto* method = config.if_contains("method"))
    if (*method != "POST" && *method != "PUT") return "method must be POST or PUT";
  if (const auto* secret = config.if_contains("secret"))
    if (!secret->is_string() || secret->get_string().size() > 500)
      return "secret must be a text of at most 500 bytes";
  if (const auto* headers = config.if_contains("headers")) return fault_of_headers(*headers);
  return {};
}

/// Our own words: libcurl's may repeat the address, which may carry a key.
std::string words_of(http::ClientError::Kind kind) {
  using Kind = http::ClientError::Kind;
  switch (kind) {
    case Kind::bad_url:
      return "The address is no URL";
    case Kind::resolve:
      return "The destination's name has no address";
    case Kind::connect:
      return "Nobody answers at the destination's address";
    case Kind::forbidden:
      return "The destination's address is not a public one";
    case Kind::tls:
      return "The destination's certificate can't be verified";
    case Kind::timeout:
      return "The destination did not answer in time";
    case Kind::too_large:
      return "The destination's answer is too large";
    default:
      return "The connection to the destination broke";
  }
}

std::string body_of(const RouteTarget& route, const OutgoingMessage& m) {
  std::string out = "{\"message_id\":";
  json::write(out, m.message_id);
  out += ",\"route_id\":" + std::to_string(route.route_id) + ",\"tenant_id\":";
  json::write(out, route.tenant_id);
  out += ",\"device_id\":";
  json::write(out, m.device_id);
  out += ",\"topic\":";
  json::write(out, m.topic);
  out += ",\"received_at\":";
  json::write(out, m.received_at);
  return out.append(",\"payload\":").append(m.payload).append("}");
}

class Webhook : public Destination {
 public:
  Webhook(DestinationTools tools, RouteTarget target)
      : tools_(std::move(tools)), target_(std::move(target)) {
    url_ = text_of(target_.config, "url");
    if (const auto method = text_of(target_.config, "method"); !method.empty()) method_ = method;
    secret_ = text_of(target_.config, "secret");
    try {
      const auto parts = http::parse_url(url_);
      private_ = may_be_private(tools_, parts.host, parts.port);
    } catch (const http::ClientError&) {
      private_ = false;  // the request tells it
    }
  }

  Task<std::vector<Sent>> send(std::vector<OutgoingMessage> messages) override {
    std::vector<Sent> out;
    for (const auto& m : messages) {
      auto sent = co_await send_one(m);
      out.push_back(std::move(sent));
    }
    co_return out;
  }

 private:
  http::OutboundOptions options_for(const OutgoingMessage& m, const std::string& body) const {
    http::OutboundOptions options;
    options.timeout_ms = timeout_ms;
    options.max_response_bytes = 64 * 1024;
    options.allow_private = private_;
    if (const auto* headers = target_.config.if_contains("headers"))
      for (const auto& [name, value] : headers->get_object())
        options.headers.set(std::string(name), std::string(value.get_string()));
    options.headers.set("Content-Type", "application/json");
    options.headers.set("User-Agent", "Pulse");
    options.headers.set("Idempotency-Key", m.message_id);
    if (!secret_.empty()) {
      // The first covers the body; the second its time too, so that an old one can be told.
      const auto time = std::to_string(now_ms() / 1'000);
      options.headers.set("X-Signature-256",
                          "sha256=" + crypto::hex(crypto::hmac_sha256(secret_, body)));
      options.headers.set("X-Signature-Timestamp", time);
      options.headers.set("X-Signature-V2",
                          "sha256=" + crypto::hex(crypto::hmac_sha256(secret_, time + "." + body)));
    }
    return options;
  }

  Task<Sent> send_one(const OutgoingMessage& m) {
    Sent sent;
    std::string body = body_of(target_, m);
    auto options = options_for(m, body);
    std::string method = method_, url = url_;
    try {
      const auto answer = co_await tools_.http->request(std::move(method), std::move(url),
                                                        std::move(body), std::move(options));
      sent.status = answer.status;
      if (answer.status < 200 || answer.status > 299)
        sent.error = "The destination answered " + std::to_string(answer.status);
    } catch (const http::ClientError& e) {
      sent.error = words_of(e.kind);
    }
    co_return sent;
  }

  DestinationTools tools_;
  RouteTarget target_;
  std::string url_, method_ = "POST", secret_;
  bool private_ = false;
};

std::unique_ptr<Destination> make(DestinationTools tools, RouteTarget target) {
  return std::make_unique<Webhook>(std::move(tools), std::move(target));
}

}  // namespace

const DestinationKind webhook_kind{"webhook", fault, {"secret", "headers"}, {"url"}, make};

}  // namespace pulse::routing
