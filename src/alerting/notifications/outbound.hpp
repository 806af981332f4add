#pragma once
// What several senders share: members of a config, guarded addresses, HTTP calls, blocking work.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>

#include "alerting/notifications/sender.hpp"

namespace pulse::alerting::notifications {

/// A member as text; `otherwise` when it is not there.
std::string text_in(const Config& config, std::string_view name, std::string otherwise = {});
std::int64_t number_in(const Config& config, std::string_view name, std::int64_t otherwise);
bool flag_in(const Config& config, std::string_view name, bool otherwise);
/// A member that is an object; an empty one when it is not there.
const Config& object_in(const Config& config, std::string_view name);
/// What is wrong with members that should be texts (or integers, booleans) when they are there.
std::string texts_fault(const Config& config, std::initializer_list<std::string_view> names);
std::string range_fault(const Config& config, std::string_view name, std::int64_t lo,
                        std::int64_t hi);
std::string flag_fault(const Config& config, std::string_view name);

/// Whether the operator lets this address be a private one, and without encryption.
bool listed_private(const SendDeps& deps, const std::string& host, std::int64_t port);
/// What is wrong with an address for HTTP; `https_only` lets plain http through for listed hosts
/// alone.
std::string url_fault(const SendDeps& deps, const std::string& url, bool https_only);
/// Scheme, host and port.
std::string origin_of(const std::string& url);
/// What is wrong with a host of another protocol: a private address that is not listed.
std::string host_fault(const SendDeps& deps, const std::string& host, std::int64_t port);

/// Our own words for why there was no answer: libcurl's may repeat the address.
std::string words_of(http::ClientError::Kind kind);

/// A request, and how its answer is to be taken: 2xx is done, 408, 425, 429 and 5xx are tried again
/// (when Retry-After says), everything else is final. `answer` gets what came, when something did.
Task<SendResult> call(SendDeps deps, std::string method, std::string url, http::Headers headers,
                      std::string body, http::ClientResponse* answer = nullptr);
/// The same with JSON by POST, and the notice's Idempotency-Key.
Task<SendResult> post_json(SendDeps deps, std::string url, boost::json::value body,
                           std::string idempotency_key, http::ClientResponse* answer = nullptr);

/// The IP address to connect to, or why not in `result`.
Task<std::optional<std::string>> guarded_address(SendDeps deps, std::string host, std::int64_t port,
                                                 SendResult* result);

template <class T>
Task<T> as_task(std::function<T()> work) {
  co_return work();
}
/// Runs what blocks on a thread for it; goes on where the caller was.
template <class T>
Task<T> off_loop(const SendDeps& deps, std::function<T()> work) {
  return boost::asio::co_spawn(*deps.threads, as_task<T>(std::move(work)),
                               boost::asio::use_awaitable);
}

}  // namespace pulse::alerting::notifications
