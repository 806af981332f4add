#pragma once
// Live data for browsers: the telemetry stream by WebSocket and SSE, and the older channel.
#include <memory>
#include <string>

#include "platform/http/router.hpp"
#include "telemetry/live_hub.hpp"
#include "tenancy/authenticator.hpp"

namespace pulse::telemetry {

/// Single-use tickets, valid for 30 s on every gateway: signed, and announced on NATS once used.
/// Shared by all loops.
class TicketOffice {
 public:
  TicketOffice(nats::Client& nats, boost::asio::any_io_executor executor, std::string key);
  ~TicketOffice();
  std::string issue(const tenancy::Caller& caller);
  /// The caller whose ticket this is, once; nothing for a used, expired or changed one.
  std::optional<tenancy::Caller> redeem(const std::string& ticket);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

struct LiveDeps {
  std::shared_ptr<LiveHub> hub;                    ///< of the loop
  std::shared_ptr<tenancy::Authenticator> tokens;  ///< of the loop
  std::shared_ptr<TicketOffice> tickets;           ///< of the process
  std::vector<std::string> origins;  ///< whose pages may open a WebSocket with a session cookie
};

/// /api/v1/customer/telemetry/stream, its SSE twin and status.
void mount_stream(http::Router& api, LiveDeps deps);
/// /api/ws-ticket and /api/v2/ws.
void mount_channel(http::Router& api, LiveDeps deps);

/// True when a page of this origin may use the caller's cookies: our own, or one that is listed.
bool allowed_origin(const http::Request& request, const std::vector<std::string>& origins);

/// Runs a WebSocket: `on_text` for each message, the outbox's messages out, until either side ends
/// or the token does. `expires_at_s` may grow meanwhile (a fresh token came).
Task<> converse(http::WebSocket& socket, LiveOutbox& outbox, const std::int64_t& expires_at_s,
                long push_interval_ms, std::string ping,
                std::function<Task<>(std::string)> on_text);

}  // namespace pulse::telemetry
