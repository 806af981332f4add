#include "routing/queue.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <numeric>

#include "platform/json/write.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::routing {

namespace {

constexpr std::int64_t give_up_ms = 2'000;
constexpr std::size_t at_once = 2'000;  // publishes under way

/// Publishes under way; the last answer wakes who waits.
struct Round {
  explicit Round(const boost::asio::any_io_executor& executor)
      : done(executor, boost::asio::steady_timer::time_point::max()) {}
  boost::asio::steady_timer done;
  std::size_t open = 0;
  std::vector<std::size_t> failed, full;
};

/// The stream holds no more, or no message as large. Everything else that a server says (no stream
/// yet, nobody leads it, out of resources) passes.
bool is_full(const nats::PublishResult& result) {
  return result.fault == nats::PublishFault::refused &&
         result.error.find("maximum") != std::string::npos;
}

Task<std::shared_ptr<Round>> publish_once(nats::Client& nats,
                                          const std::vector<RoutedMessage>& messages,
                                          std::vector<std::size_t> places) {
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto round = std::make_shared<Round>(executor);
  round->open = places.size();
  for (const auto place : places) {
    const auto& m = messages[place];
    nats.publish_acked("routes." + m.tenant_id, to_text(m), m.message_id, 1'000, executor,
                       [round, place](const nats::PublishResult& result) {
                         if (is_full(result))
                           round->full.push_back(place);
                         else if (!result.ok())
                           round->failed.push_back(place);
                         if (--round->open == 0) round->done.cancel();
                       });
  }
  boost::system::error_code woken;
  if (round->open > 0)
    co_await round->done.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
  co_return round;
}

template <class T>
std::optional<T> number(const boost::json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  boost::system::error_code ec;
  if (!v || !v->is_number()) return std::nullopt;
  const auto n = v->to_number<T>(ec);
  return ec ? std::nullopt : std::optional<T>(n);
}

bool text(const boost::json::object& o, std::string_view name, std::string& out) {
  const auto* v = o.if_contains(name);
  if (!v || !v->is_string()) return false;
  out.assign(v->get_string().data(), v->get_string().size());
  return true;
}

}  // namespace

Routed routed(const TenantRoutes& routes, const Arrival& arrival, const boost::json::value& payload,
              std::string_view text) {
  Routed out;
  auto found = routes.match(arrival.topic, payload);
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(0, arrival.fanout));
  if (found.size() > most) {
    out.over = found.size() - most;
    std::sort(found.begin(), found.end(),
              [](const auto* a, const auto* b) { return a->id < b->id; });
    found.resize(most);
  }
  const auto republishing =
      std::count_if(found.begin(), found.end(), [](const auto* r) { return r->republishes; });
  const auto left = arrival.fanout - static_cast<std::int64_t>(found.size());
  for (const auto* route : found) {
    RoutedMessage m;
    m.tenant_id = arrival.tenant_id;
    m.route_id = route->id;
    m.version = route->version;
    m.message_id = std::string(arrival.id) + "-r" + std::to_string(route->id);
    m.topic = arrival.topic;
    m.device_id = arrival.device_id;
    m.payload = text;
    m.hops = arrival.hops;
    m.fanout_left = route->republishes ? left / republishing : 0;
    m.received_ms = arrival.received_ms;
    out.messages.push_back(std::move(m));
  }
  return out;
}

std::string to_text(const RoutedMessage& m) {
  std::string out = "{\"id\":";
  json::write(out, m.message_id);
  out += ",\"route\":{\"id\":" + std::to_string(m.route_id) +
         ",\"version\":" + std::to_string(m.version) + "},\"topic\":";
  json::write(out, m.topic);
  out += ",\"tenant_id\":";
  json::write(out, m.tenant_id);
  out += ",\"device_id\":";
  json::write(out, m.device_id);
  out += ",\"hops\":" + std::to_string(m.hops) +
         ",\"fanout_left\":" + std::to_string(m.fanout_left) +
         ",\"received_ms\":" + std::to_string(m.received_ms) + ",\"payload\":";
  return out.append(m.payload).append("}");
}

std::optional<RoutedMessage> read_routed(std::string_view message) {
  boost::system::error_code ec;
  boost::json::parse_options options;
  options.max_depth = 64;
  const auto value = boost::json::parse(message, ec, {}, options);
  const auto* o = ec ? nullptr : value.if_object();
  if (!o) return std::nullopt;
  RoutedMessage m;
  const auto* route = o->if_contains("route");
  const auto* payload = o->if_contains("payload");
  if (!route || !route->is_object() || !payload || !text(*o, "id", m.message_id) ||
      !text(*o, "topic", m.topic) || !text(*o, "tenant_id", m.tenant_id) ||
      !text(*o, "device_id", m.device_id))
    return std::nullopt;
  const auto id = number<std::int32_t>(route->get_object(), "id");
  if (!id) return std::nullopt;
  m.route_id = *id;
  m.version = number<std::int64_t>(route->get_object(), "version").value_or(0);
  m.hops = number<std::int32_t>(*o, "hops").value_or(0);
  m.fanout_left = number<std::int64_t>(*o, "fanout_left").value_or(most_routes_of_a_message);
  m.received_ms = number<std::int64_t>(*o, "received_ms").value_or(now_ms());
  m.payload = json::to_text(*payload);
  return m;
}

Task<HandedOn> hand_on(nats::Client& nats, pg::Pool& pool, std::vector<RoutedMessage> messages) {
  HandedOn out;
  const auto deadline = steady_ms() + give_up_ms;
  std::vector<std::size_t> left(messages.size()), full;
  std::iota(left.begin(), left.end(), std::size_t{0});
  while (!left.empty()) {
    std::vector<std::size_t> again;
    for (std::size_t from = 0; from < left.size(); from += at_once) {
      const auto to = std::min(left.size(), from + at_once);
      std::vector<std::size_t> some(left.begin() + static_cast<std::ptrdiff_t>(from),
                                    left.begin() + static_cast<std::ptrdiff_t>(to));
      const auto round = co_await publish_once(nats, messages, std::move(some));
      full.insert(full.end(), round->full.begin(), round->full.end());
      again.insert(again.end(), round->failed.begin(), round->failed.end());
    }
    left = std::move(again);
    if (left.empty()) break;
    // Without an answer nobody knows whether they arrived: as dead letters they could come twice.
    if (steady_ms() >= deadline)
      throw pg::Error("routed messages not handed on: NATS does not answer", "08006");
    co_await sleep_ms(50);
  }
  // Last of all, since what failed before is handed on again, these too.
  std::string problem;
  std::vector<RoutedMessage> refused;
  for (const auto place : full) refused.push_back(messages[place]);
  out.buried = refused.size();
  out.published = messages.size() - out.buried;
  try {
    if (!refused.empty())
      co_await bury_at_once(pool, std::move(refused), "The queue of routed messages was full");
  } catch (const pg::Error& e) {
    problem = e.what();
  }
  // Whatever it was: the messages themselves are stored, and not at fault.
  if (!problem.empty()) throw pg::Error("routed messages not handed on: " + problem, "08006");
  if (out.buried > 0)
    log::error_throttled("routed messages became dead letters at once", {{"messages", out.buried}},
                         10);
  co_return out;
}

}  // namespace pulse::routing
