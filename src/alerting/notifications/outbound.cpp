#include "alerting/notifications/outbound.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>

#include "platform/http/address.hpp"

namespace pulse::alerting::notifications {

namespace {

constexpr long timeout_ms = 10'000;
constexpr long longest_retry_after_s = 3'600;

/// Seconds that a Retry-After header asks for, as a number or a date (RFC 9110, 10.2.3); an hour at
/// most, since who asks for more may be wrong, and a message that late helps nobody.
long retry_after(const http::ClientResponse& answer) {
  const std::string text(answer.headers.get("Retry-After"));
  long seconds = 0;
  const auto* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, seconds);
  if (error == std::errc::result_out_of_range && end == last)
    seconds = longest_retry_after_s;
  else if (error != std::errc() || end != last)
    seconds = 0;
  if (const auto date = curl_getdate(text.c_str(), nullptr); seconds == 0 && date > 0)
    seconds = static_cast<long>(date - now_ms() / 1'000);
  return std::clamp(seconds, 0L, longest_retry_after_s);
}

}  // namespace

bool listed_private(const SendDeps& deps, const std::string& host, std::int64_t port) {
  const auto name = host + ":" + std::to_string(port);
  return std::find(deps.private_hosts.begin(), deps.private_hosts.end(), name) !=
         deps.private_hosts.end();
}

std::string text_in(const Config& config, std::string_view name, std::string otherwise) {
  const auto* member = config.if_contains(name);
  return member && member->is_string() ? std::string(member->get_string()) : std::move(otherwise);
}
std::int64_t number_in(const Config& config, std::string_view name, std::int64_t otherwise) {
  const auto* member = config.if_contains(name);
  return member && member->is_int64() ? member->get_int64() : otherwise;
}
bool flag_in(const Config& config, std::string_view name, bool otherwise) {
  const auto* member = config.if_contains(name);
  return member && member->is_bool() ? member->get_bool() : otherwise;
}
const Config& object_in(const Config& config, std::string_view name) {
  static const Config none;
  const auto* member = config.if_contains(name);
  return member && member->is_object() ? member->get_object() : none;
}

std::string texts_fault(const Config& config, std::initializer_list<std::string_view> names) {
  for (const auto name : names)
    if (const auto* member = config.if_contains(name);
        member && (!member->is_string() || member->get_string().size() > 2'000))
      return std::string(name) + " must be a text of at most 2000 bytes";
  return {};
}
std::string range_fault(const Config& config, std::string_view name, std::int64_t lo,
                        std::int64_t hi) {
  const auto* member = config.if_contains(name);
  if (!member || (member->is_int64() && member->get_int64() >= lo && member->get_int64() <= hi))
    return {};
  return std::string(name) + " must be an integer between " + std::to_string(lo) + " and " +
         std::to_string(hi);
}
std::string flag_fault(const Config& config, std::string_view name) {
  const auto* member = config.if_contains(name);
  return !member || member->is_bool() ? std::string()
                                      : std::string(name) + " must be true or false";
}

std::string host_fault(const SendDeps& deps, const std::string& host, std::int64_t port) {
  if (host.empty() || host.size() > 253 || host.find_first_of(" /@?#\\\r\n\t") != std::string::npos)
    return "'" + host + "' is no host name";
  const auto address = http::plain_address(host);
  if (address && !http::is_public_address(*address) && !listed_private(deps, host, port))
    return host + " is not a public address";
  return {};
}

std::string url_fault(const SendDeps& deps, const std::string& url, bool https_only) {
  try {
    const auto parts = http::parse_url(url);
    if (https_only && parts.scheme != "https" && !listed_private(deps, parts.host, parts.port))
      return "the address must begin with https";
    return host_fault(deps, parts.host, parts.port);
  } catch (const http::ClientError&) {
    return "the address is no URL";
  }
}

std::string origin_of(const std::string& url) {
  try {
    const auto parts = http::parse_url(url);
    return parts.scheme + "://" + parts.host + ":" + std::to_string(parts.port);
  } catch (const http::ClientError&) {
    return {};
  }
}

std::string words_of(http::ClientError::Kind kind) {
  using Kind = http::ClientError::Kind;
  switch (kind) {
    case Kind::bad_url:
      return "the address is no URL";
    case Kind::resolve:
      return "the host's name has no address";
    case Kind::connect:
      return "nobody answers at the address";
    case Kind::forbidden:
      return "the address is not a public one";
    case Kind::tls:
      return "the server's certificate can't be verified";
    case Kind::timeout:
      return "no answer in time";
    case Kind::too_large:
      return "the answer is too large";
    default:
      return "the connection broke";
  }
}

Task<SendResult> call(SendDeps deps, std::string method, std::string url, http::Headers headers,
                      std::string body, http::ClientResponse* answer) {
  using Kind = http::ClientError::Kind;
  http::OutboundOptions options;
  options.headers = std::move(headers);
  options.headers.set("User-Agent", "Pulse");
  options.timeout_ms = timeout_ms;
  options.max_response_bytes = 64 << 10;
  http::ClientResponse got;
  std::optional<Kind> trouble;
  try {
    const auto parts = http::parse_url(url);
    options.allow_private = listed_private(deps, parts.host, parts.port);
    got = co_await deps.http->request(std::move(method), std::move(url), std::move(body),
                                      std::move(options));
  } catch (const http::ClientError& e) {
    trouble = e.kind;
  }
  // An answer that is too large to read is an answer nevertheless; whatever else is tried again.
  if (trouble == Kind::bad_url || trouble == Kind::forbidden)
    co_return SendResult::refused(words_of(*trouble));
  if (trouble) co_return SendResult::failed(words_of(*trouble));
  const int status = got.status;
  SendResult result;
  if (status >= 200 && status < 300) {
    result = SendResult::done(status);
  } else if (status == 408 || status == 425 || status == 429 || status >= 500) {
    result = SendResult::failed("HTTP " + std::to_string(status), status);
    result.retry_after_s = retry_after(got);
  } else {
    result = SendResult::refused("HTTP " + std::to_string(status), status);
  }
  if (answer) *answer = std::move(got);
  co_return result;
}

Task<SendResult> post_json(SendDeps deps, std::string url, boost::json::value body,
                           std::string idempotency_key, http::ClientResponse* answer) {
  http::Headers headers;
  headers.set("Content-Type", "application/json");
  headers.set("Idempotency-Key", std::move(idempotency_key));
  std::string text = json::to_text(body), method = "POST";
  co_return co_await call(std::move(deps), std::move(method), std::move(url), std::move(headers),
                          std::move(text), answer);
}

Task<std::optional<std::string>> guarded_address(SendDeps deps, std::string host, std::int64_t port,
                                                 SendResult* result) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::ip::tcp::resolver resolver(executor);
  boost::system::error_code error;
  const auto service = std::to_string(port);
  const auto found = co_await resolver.async_resolve(
      host, service, boost::asio::redirect_error(boost::asio::use_awaitable, error));
  if (error || found.empty()) {
    *result = SendResult::failed("the host's name has no address");
    co_return std::nullopt;
  }
  // IPv4 first: what has both is reached by it everywhere.
  auto chosen = found.begin()->endpoint().address();
  for (const auto& entry : found)
    if (entry.endpoint().address().is_v4()) {
      chosen = entry.endpoint().address();
      break;
    }
  auto text = chosen.to_string();
  if (!listed_private(deps, host, port) && !http::is_public_address(text)) {
    *result = SendResult::refused("the address is not a public one");
    co_return std::nullopt;
  }
  co_return std::optional<std::string>(std::move(text));
}

}  // namespace pulse::alerting::notifications
