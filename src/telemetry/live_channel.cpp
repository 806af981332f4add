// The older live channel: /api/v2/ws, opened with a ticket.
#include <mutex>

#include "platform/clock.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"
#include "platform/limits.hpp"
#include "telemetry/live_api.hpp"
#include "tenancy/guard.hpp"

namespace pulse::telemetry {

namespace {

namespace bj = boost::json;

constexpr std::int64_t ticket_life_s = 30;
constexpr const char* used_subject = "pulse.ticket.used";

std::string text_of(const bj::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::int64_t number_of(const bj::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_int64() ? v->get_int64() : 0;
}

}  // namespace

struct TicketOffice::Impl {
  std::string key;
  nats::Client* nats = nullptr;
  std::unique_ptr<nats::Subscription> subscription;
  std::mutex mutex;
  std::map<std::string, std::int64_t> used;  // nonce -> epoch s after which it is forgotten

  /// True the first time.
  bool mark(const std::string& nonce) {
    const std::lock_guard lock(mutex);
    const auto now_s = now_ms() / 1000;
    std::erase_if(used, [&](const auto& e) { return e.second < now_s; });
    return used.emplace(nonce, now_s + 2 * ticket_life_s).second;
  }
};

TicketOffice::TicketOffice(nats::Client& nats, boost::asio::any_io_executor executor,
                           std::string key)
    : impl_(std::make_shared<Impl>()) {
  impl_->key = crypto::hmac_sha256(key, "pulse websocket tickets");
  impl_->nats = &nats;
  impl_->subscription =
      nats.subscribe(used_subject, "", executor, [weak = std::weak_ptr(impl_)](nats::Message m) {
        if (const auto self = weak.lock()) self->mark(m.data);
      });
}
TicketOffice::~TicketOffice() = default;

std::string TicketOffice::issue(const tenancy::Caller& c) {
  bj::array roles;
  for (const auto& r : c.roles) roles.emplace_back(r);
  const bj::object content{{"sub", c.user_id},
                           {"tenant", c.tenant_id},
                           {"roles", std::move(roles)},
                           {"exp", now_ms() / 1000 + ticket_life_s},
                           {"session_exp", c.expires_at_s},
                           {"iat_ms", c.issued_at_ms},
                           {"sid", c.session_id},
                           {"api_token_hash", c.api_token_hash},
                           {"nonce", crypto::random_token(12)}};
  const auto body = crypto::base64url(bj::serialize(content));
  return body + "." + crypto::base64url(crypto::hmac_sha256(impl_->key, body));
}

std::optional<tenancy::Caller> TicketOffice::redeem(const std::string& ticket) {
  const auto dot = ticket.find('.');
  if (dot == std::string::npos) return std::nullopt;
  const auto body = ticket.substr(0, dot);
  const auto mac = crypto::from_base64(std::string_view(ticket).substr(dot + 1));
  if (!mac || !crypto::equal(*mac, crypto::hmac_sha256(impl_->key, body))) return std::nullopt;
  const auto bytes = crypto::from_base64(body);
  boost::system::error_code ec;
  const auto json = bytes ? bj::parse(*bytes, ec) : bj::value();
  if (!bytes || ec || !json.is_object()) return std::nullopt;
  const auto& o = json.get_object();
  if (number_of(o, "exp") < now_ms() / 1000) return std::nullopt;
  const auto nonce = text_of(o, "nonce");
  if (!impl_->mark(nonce)) return std::nullopt;
  impl_->nats->publish(used_subject, nonce);
  tenancy::Caller c;
  c.user_id = text_of(o, "sub");
  c.tenant_id = text_of(o, "tenant");
  c.expires_at_s = number_of(o, "session_exp");
  c.issued_at_ms = number_of(o, "iat_ms");
  c.session_id = text_of(o, "sid");
  c.api_token_hash = text_of(o, "api_token_hash");
  if (const auto* roles = o.if_contains("roles"); roles && roles->is_array())
    for (const auto& r : roles->get_array())
      if (r.is_string()) c.roles.emplace_back(r.get_string());
  return c;
}

namespace {

/// Puts what a client of the channel subscribed to into its outbox.
class ChannelSink : public LiveSink {
 public:
  explicit ChannelSink(LiveOutbox& outbox) : outbox_(outbox) {}
  std::set<std::string> devices;

  void telemetry(const std::shared_ptr<const LiveRow>& row) override {
    if (!devices.contains(row->device_id)) return;
    bj::object data;
    if (const auto* ts = row->fields.if_contains("ts")) data["time"] = *ts;
    if (const auto* metrics = row->fields.if_contains("metrics")) data["metrics"] = *metrics;
    const bj::object out{
        {"type", "telemetry"}, {"device_id", row->device_id}, {"data", std::move(data)}};
    outbox_.put(json::to_text(out), row->device_id);
  }
  void notice(const bj::object&) override {}
  void fleet(const std::string& summary) override { outbox_.put(summary, "fleet summary"); }
  void alerts(const std::string& list) override { outbox_.put(list, "open alerts"); }

 private:
  LiveOutbox& outbox_;
};

/// Does what a message asks; the answer.
std::string answer_to(const bj::object& o, ChannelSink& sink, LiveHub::Handle& handle) {
  const auto action = text_of(o, "action"), type = text_of(o, "type");
  const auto device = text_of(o, "device_id");
  const bool on = action == "subscribe";
  const auto error = [](const std::string& text) {
    return "{\"type\":\"error\",\"message\":" + json::to_text(text) + "}";
  };
  if (!on && action != "unsubscribe") return error("Unknown action: " + action);
  bj::object reply{{"type", on ? "subscribed" : "unsubscribed"}, {"channel", type}};
  if (type == "device") {
    if (device.empty()) return error("device_id is missing");
    if (on && sink.devices.size() >= limits::live_subscriptions_per_client)
      return error("Too many subscriptions");
    if (on)
      sink.devices.insert(device);
    else
      sink.devices.erase(device);
    reply["device_id"] = device;
  } else if (type == "fleet") {
    handle.want_fleet(on);
  } else if (type == "alerts") {
    handle.want_alerts(on);
  } else {
    return error("Unknown channel: " + type);
  }
  return json::to_text(reply);
}

Task<> run_channel(LiveDeps d, std::string ticket, std::string address, http::WebSocket& socket) {
  const auto who = d.tickets->redeem(ticket);
  if (!who) {
    co_await socket.close(4008, "Missing, invalid or expired ticket");
    co_return;
  }
  const bool customer = who->has_role("customer") || who->has_role("tenant-admin");
  auto closing = co_await closing_for(d, *who, address);
  if (!customer) closing = Closing{4003, "Customer role required"};
  if (closing) {
    co_await socket.close(closing->code, closing->reason);
    co_return;
  }
  LiveOutbox outbox(d.hub->executor());
  ChannelSink sink(outbox);
  const auto membership = d.hub->join(who->tenant_id, sink);
  if (!membership) {
    co_await socket.close(4029, "Too many connections");
    co_return;
  }
  Conversation how;
  how.push_interval_ms = limits::live_push_interval_ms;
  how.closing = [&] { return closing_for(d, *who, address); };
  how.on_text = [&](std::string text) -> Task<> {
    boost::system::error_code ec;
    const auto json = bj::parse(text, ec);
    if (ec || !json.is_object())
      outbox.put("{\"type\":\"error\",\"message\":\"Invalid JSON\"}");
    else
      outbox.put(answer_to(json.get_object(), sink, *membership));
    co_return;
  };
  co_await converse(socket, outbox, std::move(how));
}

struct Ticket {
  std::string ticket;
};
BOOST_DESCRIBE_STRUCT(Ticket, (), (ticket))

Task<Ticket> issue_ticket(LiveDeps d, tenancy::SignedIn caller) {
  co_return Ticket{d.tickets->issue(caller.who)};
}

Task<http::Response> channel(LiveDeps d, http::Raw request) {
  if (!http::iequals(request->headers.get("Upgrade"), "websocket"))
    throw HttpError(426, "This is a WebSocket endpoint", {{"Upgrade", "websocket"}});
  http::Response r;
  r.websocket = [d, ticket = std::string(request->query_value("ticket")),
                 address = request->client_address](http::WebSocket& socket) -> Task<> {
    return run_channel(d, ticket, address, socket);
  };
  co_return r;
}

}  // namespace

void mount_channel(http::Router& api, LiveDeps d) {
  api.get("/api/ws-ticket", http::bound(d, issue_ticket))
      .signed_in()
      .secret()
      .tag("Live")
      .summary("A single-use ticket for /api/v2/ws, valid for 30 s")
      .fails(401, "Authentication required");
  api.get("/api/v2/ws", http::bound(d, channel))
      .open("the ticket is checked in the handler, and refusals are close codes")
      .tag("Live")
      .summary("Live channel: devices, alerts, fleet")
      .success(101)
      .fails(426, "This is a WebSocket endpoint");
}

}  // namespace pulse::telemetry
