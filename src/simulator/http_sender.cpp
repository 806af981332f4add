#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>

#include "platform/clock.hpp"
#include "platform/loop.hpp"
#include "simulator/senders.hpp"

namespace pulse::simulator {

void Ledger::acknowledged(std::span<const Outgoing* const> messages, std::string_view protocol) {
  if (log_.on()) {
    std::string lines;
    for (const auto* message : messages) {
      if (message->malformed) continue;
      const auto& device = fleet_.device(message->device);
      lines.append(device.tenant_id).append(" ").append(device.device_id).append(" ");
      lines.append(std::to_string(message->seq)).append(" ").append(protocol).append("\n");
    }
    log_.add(lines);
  }
  const auto now = steady_us();
  for (const auto* message : messages) {
    if (message->malformed) {
      ++counts.malformed_acknowledged;
      continue;
    }
    ++counts.acknowledged;
    latency.add(now - message->queued_us);
    recent.add(now - message->queued_us);
  }
}

void Ledger::refused(const Outgoing& message, const std::string& reason) {
  counts.refuse(message.malformed ? reason + " (malformed)" : reason);
}

namespace {

constexpr std::int64_t linger_us = 50'000;
constexpr std::size_t most_connections = 256;

/// The reason in `{"detail": ...}`: a text, or the type of the first fault.
std::string reason_of(const http::ClientResponse& response) {
  const auto fallback = "http_" + std::to_string(response.status);
  boost::system::error_code fault;
  const auto value = boost::json::parse(response.body, fault);
  if (fault || !value.is_object()) return fallback;
  const auto* detail = value.get_object().if_contains("detail");
  if (detail && detail->is_string()) return std::string(detail->get_string());
  return fallback;
}

/// Worth another try with the same message: the server or the way to it is at fault.
bool passing(int status) { return status >= 500 || status == 408; }

}  // namespace

HttpSender::HttpSender(boost::asio::io_context& io, const Fleet& fleet, Ledger& ledger,
                       const Options& options)
    : io_(io),
      fleet_(fleet),
      ledger_(ledger),
      url_(options.url),
      capacity_(options.in_flight),
      batch_(static_cast<std::size_t>(options.batch)),
      max_active_(std::clamp(options.in_flight / batch_, std::size_t{1}, most_connections)),
      client_(io.get_executor(), {.max_connections = most_connections}) {
  capacity_ = std::max(capacity_, batch_);
}

HttpSender::~HttpSender() = default;

void HttpSender::send(Outgoing message) {
  ++held_;
  ++ledger_.counts.sent;
  if (message.malformed) ++ledger_.counts.malformed_sent;
  queue_.push_back(std::move(message));
  flush();
}

void HttpSender::flush(bool all) {
  while (!queue_.empty() && active_ < max_active_) {
    const auto n = std::min(queue_.size(), batch_);
    const bool due = n == batch_ || all || steady_us() - queue_.front().queued_us >= linger_us;
    if (!due) return;
    start_delivery(n);
  }
}

void HttpSender::start_delivery(std::size_t n) {
  std::vector<Outgoing> messages(std::make_move_iterator(queue_.begin()),
                                 std::make_move_iterator(queue_.begin() + static_cast<long>(n)));
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<long>(n));
  ++active_;
  boost::asio::co_spawn(io_, deliver(std::move(messages)), [this](std::exception_ptr error) {
    --active_;
    if (error) std::rethrow_exception(error);  // ends the run: the log can't be written
    flush();
  });
}

http::ClientRequest HttpSender::request_for(const std::vector<Outgoing>& messages) const {
  http::ClientRequest request;
  request.method = "POST";
  request.headers.add("Content-Type", "application/json");
  if (batch_ == 1) {
    const auto& device = fleet_.device(messages.front().device);
    request.url = url_ + "/ingest/v1/tenant/" + device.tenant_id + "/device/" + device.device_id +
                  "/telemetry";
    request.headers.add("X-Provision-Token", device.token);
    request.body = messages.front().payload;
    return request;
  }
  request.url = url_ + "/ingest/v1/batch";
  request.body = "{\"messages\":[";
  for (const auto& message : messages) {
    const auto& device = fleet_.device(message.device);
    if (&message != &messages.front()) request.body += ',';
    request.body.append("{\"tenant_id\":\"").append(device.tenant_id);
    request.body.append("\",\"device_id\":\"").append(device.device_id);
    request.body.append("\",\"msg_type\":\"telemetry\",\"provision_token\":\"");
    request.body.append(device.token).append("\",");
    request.body.append(message.payload, 1);
  }
  request.body += "]}";
  return request;
}

Task<> HttpSender::deliver(std::vector<Outgoing> messages) {
  for (long pause_ms = 50;; pause_ms = std::min(pause_ms * 2, 2'000L)) {
    http::ClientResponse response;
    bool answered = true;
    try {
      response = co_await client_.request(request_for(messages));
    } catch (const http::ClientError&) {
      answered = false;
    }
    if (abandoned_) co_return;
    if (answered) {
      const auto before = messages.size();
      judge(response, messages);
      held_ -= before - messages.size();
      if (messages.empty()) co_return;
    }
    co_await sleep_ms(pause_ms);
    if (abandoned_) co_return;
    ledger_.counts.resent += messages.size();
  }
}

void HttpSender::judge(const http::ClientResponse& response, std::vector<Outgoing>& messages) {
  if (passing(response.status)) return;
  if (batch_ > 1) return judge_batch(response, messages);
  if (response.status == 202) {
    const Outgoing* one = &messages.front();
    ledger_.acknowledged({&one, 1}, "http");
  } else {
    ledger_.refused(messages.front(), reason_of(response));
  }
  messages.clear();
}

void HttpSender::judge_batch(const http::ClientResponse& response,
                             std::vector<Outgoing>& messages) {
  boost::system::error_code fault;
  const auto value = boost::json::parse(response.body, fault);
  const auto* object = fault ? nullptr : value.if_object();
  const auto* results = object ? object->if_contains("results") : nullptr;
  if (!results || !results->is_array()) {
    // Refused as a whole: 401, 413, 422, 429 and the like.
    for (const auto& message : messages) ledger_.refused(message, reason_of(response));
    return messages.clear();
  }
  std::vector<const Outgoing*> accepted;
  std::vector<bool> settled(messages.size(), false);
  for (const auto& entry : results->get_array()) {
    const auto* result = entry.if_object();
    const auto* at = result ? result->if_contains("index") : nullptr;
    const auto* status = result ? result->if_contains("status") : nullptr;
    if (!at || !at->is_int64() || !status || !status->is_string()) continue;
    const auto index = static_cast<std::size_t>(at->get_int64());
    if (index >= messages.size() || settled[index]) continue;
    if (status->get_string() == "accepted") {
      accepted.push_back(&messages[index]);
    } else {
      const auto* reason = result->if_contains("reason");
      const std::string text = reason && reason->is_string() ? std::string(reason->get_string())
                                                             : std::string("rejected");
      if (text == "publish_failed") continue;  // later
      ledger_.refused(messages[index], text);
    }
    settled[index] = true;
  }
  ledger_.acknowledged(accepted, "http");
  std::vector<Outgoing> rest;
  for (std::size_t i = 0; i < messages.size(); ++i)
    if (!settled[i]) rest.push_back(std::move(messages[i]));
  messages = std::move(rest);
}

void HttpSender::abandon() {
  abandoned_ = true;
  ledger_.counts.abandoned += held_;
  held_ = 0;
  queue_.clear();
}

}  // namespace pulse::simulator
