#pragma once
// Live data for browsers: the telemetry stream by WebSocket and SSE, and the older channel.
#include <functional>
#include <memory>
#include <optional>
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
  /// Throws HttpError when the caller may not go on: tenancy::check_standing.
  std::function<Task<>(tenancy::Caller, std::string client_address)> standing;
  std::vector<std::string> origins;  ///< whose pages may open a WebSocket with a session cookie
};

/// Why a live connection is closed: the code (messages.md, "Live") and words.
struct Closing {
  std::uint16_t code = 0;
  std::string reason;
};
/// How often a live connection asks whether it may go on.
inline constexpr std::int64_t closing_check_ms = 1'000;
/// Nothing: the caller may go on. A check that can't be made now (PostgreSQL is away) ends nothing.
Task<std::optional<Closing>> closing_for(const LiveDeps& d, const tenancy::Caller& who,
                                         std::string client_address);

/// /api/v1/customer/telemetry/stream, its SSE twin and status.
void mount_stream(http::Router& api, LiveDeps deps);
/// /api/ws-ticket and /api/v2/ws.
void mount_channel(http::Router& api, LiveDeps deps);

/// True when a page of this origin may use the caller's cookies: our own, or one that is listed.
bool allowed_origin(const http::Request& request, const std::vector<std::string>& origins);

struct Conversation {
  long push_interval_ms = 0;  ///< what comes within it leaves together
  std::string ping;           ///< type of the message after silence; empty: none
  std::function<Task<>(std::string)> on_text;
  /// Asked every `closing_check_ms`, also while there is ever more to send: why to end.
  std::function<Task<std::optional<Closing>>()> closing;
};
/// Runs a WebSocket: the outbox's messages out, until either side ends or `closing` says so.
Task<> converse(http::WebSocket& socket, LiveOutbox& outbox, Conversation how);

}  // namespace pulse::telemetry
