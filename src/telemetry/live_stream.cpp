// The telemetry stream: WebSocket and SSE, with filters by device and metric.
#include "platform/clock.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"
#include "platform/limits.hpp"
#include "platform/log.hpp"
#include "platform/pg/rows.hpp"
#include "telemetry/live_api.hpp"
#include "tenancy/guard.hpp"

namespace pulse::telemetry {

namespace {

namespace bj = boost::json;

std::set<std::string> words_of(std::string_view list) {
  std::set<std::string> out;
  std::size_t at = 0;
  while (at <= list.size()) {
    const auto end = std::min(list.find(',', at), list.size());
    if (end > at) out.insert(std::string(list.substr(at, end - at)));
    at = end + 1;
  }
  return out;
}

struct Filters {
  std::set<std::string> devices, metrics;  // empty: all
  bool wants(const std::string& device) const {
    return devices.empty() || devices.contains(device);
  }
  /// Those of a message's metrics that are asked for.
  bj::object wanted(const bj::value& message_metrics) const {
    bj::object out;
    if (message_metrics.is_object())
      for (const auto& [key, value] : message_metrics.get_object())
        if (metrics.empty() || metrics.contains(key)) out[key] = value;
    return out;
  }
};

std::string list_json(const std::set<std::string>& words) {
  return json::to_text(std::vector<std::string>(words.begin(), words.end()));
}

std::string text_of(const bj::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::int64_t number_of(const bj::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_int64() ? v->get_int64() : 0;
}

/// Puts what passes the filters into the outbox.
class StreamSink : public LiveSink {
 public:
  StreamSink(LiveOutbox& outbox, Filters& filters, bool sse)
      : outbox_(outbox), filters_(filters), sse_(sse) {}

  void telemetry(const std::shared_ptr<const LiveRow>& row) override {
    if (!filters_.wants(row->device_id)) return;
    const auto stream_seq = number_of(row->fields, "stream_seq");
    if (replayed_.contains(stream_seq)) return;
    auto message = row->fields;
    if (!filters_.metrics.empty()) {
      const auto* metrics = row->fields.if_contains("metrics");
      auto kept = metrics ? filters_.wanted(*metrics) : bj::object();
      if (kept.empty()) return;
      message["metrics"] = std::move(kept);
    }
    std::string text = "{\"type\":\"telemetry\",";
    text += json::to_text(message).substr(1);
    if (sse_) {
      const auto id = stream_seq > 0 ? "id: " + std::to_string(stream_seq) + "\n" : std::string();
      text = id + "event: telemetry\ndata: " + text + "\n\n";
    }
    outbox_.put(std::move(text), row->device_id, stream_seq);
  }

  /// These were told from the table: those of them that came meanwhile, or come yet, are not told
  /// again. By each one's number, since workers announce in no order.
  void replayed(std::set<std::int64_t> stream_seqs) {
    replayed_ = std::move(stream_seqs);
    outbox_.drop(replayed_);
  }

  /// Status, refusals and changes go to every client of the tenant: they are few, and a page shows
  /// its whole fleet beside the devices whose messages it follows.
  void notice(const bj::object& message) override {
    const auto text = json::to_text(message);
    outbox_.put(sse_ ? "event: " + text_of(message, "type") + "\ndata: " + text + "\n\n" : text);
  }

  void fleet(const std::string&) override {}
  void alerts(const std::string&) override {}

 private:
  LiveOutbox& outbox_;
  Filters& filters_;
  bool sse_;
  std::set<std::int64_t> replayed_;
};

/// What a client of the stream may ask.
std::string answer_to(const bj::object& o, Filters& filters) {
  const auto action = text_of(o, "action");
  std::set<std::string> devices;
  if (const auto one = text_of(o, "device_id"); !one.empty()) devices.insert(one);
  if (const auto* many = o.if_contains("device_ids"); many && many->is_array())
    for (const auto& d : many->get_array())
      if (d.is_string()) devices.insert(std::string(d.get_string()));
  if (action == "subscribe") {
    if (filters.devices.size() + devices.size() > limits::live_subscriptions_per_client)
      return "{\"type\":\"error\",\"message\":\"Too many subscriptions: at most " +
             std::to_string(limits::live_subscriptions_per_client) + "\"}";
    filters.devices.insert(devices.begin(), devices.end());
    return "{\"type\":\"subscribed\",\"device_ids\":" + list_json(filters.devices) + "}";
  }
  if (action == "unsubscribe") {
    for (const auto& d : devices) filters.devices.erase(d);
    return "{\"type\":\"unsubscribed\",\"device_ids\":" + list_json(filters.devices) + "}";
  }
  if (action == "set_metrics") {
    filters.metrics.clear();
    if (const auto* many = o.if_contains("metrics"); many && many->is_array())
      for (const auto& m : many->get_array())
        if (m.is_string()) filters.metrics.insert(std::string(m.get_string()));
    return "{\"type\":\"metrics_updated\",\"metrics\":" + list_json(filters.metrics) + "}";
  }
  if (action == "clear_filters") {
    filters = Filters{};
    return "{\"type\":\"filters_cleared\"}";
  }
  return "{\"type\":\"error\",\"message\":" + json::to_text("Unknown action: " + action) + "}";
}

/// Who opens the stream; or the close code and reason.
struct Opening {
  tenancy::Caller who;
  std::uint16_t code = 0;
  std::string reason, subprotocol, address;
};

Task<Opening> open_for(LiveDeps d, http::Request& request) {
  Opening out;
  out.address = request.client_address;
  std::string token(request.query_value("token"));
  const auto offered = request.headers.get("Sec-WebSocket-Protocol");
  if (token.empty() && offered.starts_with("bearer")) {
    const auto comma = offered.find(',');
    auto rest = comma == std::string_view::npos ? std::string_view() : offered.substr(comma + 1);
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    token = std::string(rest);
    out.subprotocol = "bearer";
  }
  if (token.empty()) {
    bool by_cookie = false;
    token = tenancy::token_of(request, by_cookie);
    // A page of another origin could open this with our user's cookie.
    if (by_cookie && !allowed_origin(request, d.origins)) {
      out.code = 4003;
      out.reason = "Origin not allowed";
      co_return out;
    }
  }
  if (token.empty()) {
    out.code = 4001;
    out.reason = "Missing authorization";
    co_return out;
  }
  try {
    out.who = co_await d.tokens->verify(std::move(token), request.client_address);
    co_await d.standing(out.who, request.client_address);
  } catch (const HttpError& e) {
    out.code = e.status == 403 ? 4003 : 4001;
    out.reason = e.what();
  }
  co_return out;
}

Task<> run_stream(LiveDeps d, Opening opening, Filters filters, http::WebSocket& socket) {
  if (opening.code != 0) {
    co_await socket.close(opening.code, opening.reason);
    co_return;
  }
  LiveOutbox outbox(d.hub->executor());
  StreamSink sink(outbox, filters, false);
  const auto membership = d.hub->join(opening.who.tenant_id, sink);
  if (!membership) {
    co_await socket.close(4029, "Too many connections");
    co_return;
  }
  outbox.put("{\"type\":\"connected\",\"tenant_id\":" + json::to_text(opening.who.tenant_id) +
             ",\"filters\":{\"device_ids\":" + list_json(filters.devices) +
             ",\"metric_names\":" + list_json(filters.metrics) + "}}");
  tenancy::Caller who = opening.who;
  Conversation how;
  how.push_interval_ms = 100;
  how.ping = "ping";
  how.closing = [&] { return closing_for(d, who, opening.address); };
  how.on_text = [&](std::string text) -> Task<> {
    boost::system::error_code ec;
    const auto json = bj::parse(text, ec);
    if (ec || !json.is_object()) {
      outbox.put("{\"type\":\"error\",\"message\":\"Invalid JSON\"}");
      co_return;
    }
    const auto& o = json.get_object();
    if (text_of(o, "action") != "auth") {
      outbox.put(answer_to(o, filters));
      co_return;
    }
    std::string refused;
    try {
      auto fresh = co_await d.tokens->verify(text_of(o, "token"), opening.address);
      if (fresh.tenant_id != who.tenant_id || fresh.user_id != who.user_id)
        refused = "The token is another user's";
      else
        who = std::move(fresh);
    } catch (const HttpError& e) {
      refused = e.what();
    }
    outbox.put(refused.empty() ? "{\"type\":\"authenticated\"}"
                               : "{\"type\":\"error\",\"message\":" + json::to_text(refused) + "}");
  };
  co_await converse(socket, outbox, std::move(how));
}

Task<http::Response> stream(LiveDeps d, http::Raw request) {
  if (!http::iequals(request->headers.get("Upgrade"), "websocket"))
    throw HttpError(426, "This is a WebSocket endpoint", {{"Upgrade", "websocket"}});
  auto opening = co_await open_for(d, *request.request);
  Filters filters{words_of(request->query_value("device_id")),
                  words_of(request->query_value("metric"))};
  http::Response r;
  r.subprotocol = opening.subprotocol;
  r.websocket = [d, opening, filters](http::WebSocket& socket) -> Task<> {
    return run_stream(d, opening, filters, socket);
  };
  co_return r;
}

struct Missed {
  std::string events;
  std::set<std::int64_t> stream_seqs;
};

/// What was missed since the event with this id, oldest first; bounded.
Task<Missed> missed_since(tenancy::TenantDb db, std::string_view last_id, Filters filters) {
  std::int64_t id = 0;
  const auto [end, ec] = std::from_chars(last_id.data(), last_id.data() + last_id.size(), id);
  Missed out;
  if (ec != std::errc{} || end != last_id.data() + last_id.size() || id <= 0) co_return out;
  const std::vector<std::string> devices(filters.devices.begin(), filters.devices.end());
  const std::vector<std::string> metrics(filters.metrics.begin(), filters.metrics.end());
  const auto rows = co_await db.query(
      "SELECT stream_seq, device_id, coalesce(site_id, ''), time, metrics, seq, msg_type "
      "FROM telemetry WHERE stream_seq > $1 AND time > now() - interval '1 hour' "
      "AND (cardinality($2::text[]) = 0 OR device_id = ANY ($2::text[])) "
      "AND (cardinality($3::text[]) = 0 OR metrics ?| $3::text[]) "
      "ORDER BY stream_seq LIMIT 500",
      pg::Params::of(id, devices, metrics));
  for (int i = 0; i < rows.rows(); ++i) {
    Time time;
    pg::read_value(rows, i, 3, time);
    out.stream_seqs.insert(rows.int64(i, 0));
    auto& text = out.events;
    text += "id: " + std::string(rows.text(i, 0)) + "\nevent: telemetry\n";
    text += "data: {\"type\":\"telemetry\",\"device_id\":" + json::to_text(rows.text(i, 1));
    text += ",\"site_id\":" + json::to_text(rows.text(i, 2)) + ",\"ts\":" + json::to_text(time);
    text += ",\"metrics\":" + json::to_text(filters.wanted(bj::parse(rows.text(i, 4))));
    text += ",\"seq\":" + std::string(rows.text(i, 5));
    text += ",\"msg_type\":" + json::to_text(rows.text(i, 6)) + "}\n\n";
  }
  co_return out;
}

Task<> run_sse(LiveDeps d, tenancy::TenantCaller caller, Filters filters, std::string last_id,
               http::BodyWriter& out) {
  LiveOutbox outbox(d.hub->executor());
  StreamSink sink(outbox, filters, true);
  const auto membership = d.hub->join(caller.tenant(), sink);
  if (!membership) co_return;  // it was there when the answer began; the browser tries again
  co_await out.write("retry: 2000\n: connected\n\n");
  auto missed = co_await missed_since(caller.db, last_id, filters);
  sink.replayed(std::move(missed.stream_seqs));
  if (!missed.events.empty()) co_await out.write(missed.events);
  auto last = steady_ms();
  auto checked = last;
  std::optional<Closing> closing;
  while (!out.client_gone() && !closing) {
    while (auto text = outbox.take()) {
      co_await out.write(*text);
      last = steady_ms();
      if (last - checked >= closing_check_ms) break;
    }
    if (outbox.empty()) co_await outbox.wait(1'000);
    if (steady_ms() - checked >= closing_check_ms) {
      checked = steady_ms();
      closing = co_await closing_for(d, caller.who, caller.client_address);
    }
    if (outbox.empty() && steady_ms() - last >= 15'000) {
      co_await out.write(": keep-alive\n\n");
      last = steady_ms();
    }
  }
}

/// As `words_of` reads them.
struct LiveFilters {
  std::optional<std::string> device_id, metric;
};
BOOST_DESCRIBE_STRUCT(LiveFilters, (), (device_id, metric))
inline auto constraints(json::As<LiveFilters>) {
  return json::rules<LiveFilters>()
      .describe(&LiveFilters::device_id, "Only these devices, by commas")
      .describe(&LiveFilters::metric, "Only these metrics as devices send them, by commas");
}

Task<http::Response> sse(LiveDeps d, tenancy::TenantCaller caller, http::Raw request) {
  Filters filters{words_of(request->query_value("device_id")),
                  words_of(request->query_value("metric"))};
  const std::string last_id(request->headers.get("Last-Event-ID"));
  if (!d.hub->counter().enter(caller.tenant())) throw too_many("Too many connections", 30);
  d.hub->counter().leave(caller.tenant());
  http::Response r;
  r.headers.add("Content-Type", "text/event-stream");
  r.headers.add("Cache-Control", "no-cache");
  r.headers.add("X-Accel-Buffering", "no");
  r.stream = [d, caller, filters, last_id](http::BodyWriter& out) -> Task<> {
    return run_sse(d, caller, filters, last_id, out);
  };
  co_return r;
}

struct StreamStatus {
  std::int64_t total_connections = 0, max_per_tenant = 0;
};
BOOST_DESCRIBE_STRUCT(StreamStatus, (), (total_connections, max_per_tenant))

Task<StreamStatus> status(LiveDeps d) {
  co_return StreamStatus{static_cast<std::int64_t>(d.hub->counter().total()),
                         static_cast<std::int64_t>(limits::live_clients_per_tenant)};
}

}  // namespace

void mount_stream(http::Router& api, LiveDeps d) {
  const std::string base = "/api/v1/customer/telemetry/stream";
  api.get(base, http::bound(d, stream))
      .open("the token is checked in the handler, and refusals are close codes")
      .tag("Live")
      .summary("Telemetry as it is stored, by WebSocket")
      .query<LiveFilters>()
      .success(101)
      .fails(426, "This is a WebSocket endpoint");
  api.get(base + "/sse", http::bound(d, sse))
      .customers()
      .tag("Live")
      .summary("Telemetry as it is stored, by server-sent events")
      .query<LiveFilters>()
      .produces("text/event-stream")
      .fails(429, "Too many connections");
  api.get("/api/v1/telemetry/stream/status", http::bound(d, status))
      .open("counts only")
      .tag("Live")
      .summary("Open live connections");
}

}  // namespace pulse::telemetry
