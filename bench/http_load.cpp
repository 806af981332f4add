// HTTP load: keep-alive connections that send the next request when the answer is there. Requests
// are made beforehand and answers barely looked at, so that the machine's time goes to the server.
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <fstream>
#include <stdexcept>

#include "bench.hpp"
#include "platform/clock.hpp"
#include "platform/http/client.hpp"
#include "platform/task.hpp"

namespace pulse::bench {

namespace asio = boost::asio;
using asio::ip::tcp;

std::vector<simulator::Device> read_devices(const Args& args) {
  std::ifstream file(args.text("devices-file"));
  if (!file) throw std::runtime_error("--devices-file can't be read");
  return simulator::Fleet::read(file);
}

std::size_t message_size(std::string_view data) {
  const auto end = data.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  std::size_t length = 0;
  for (std::size_t at = data.find("\r\n"); at < end; at = data.find("\r\n", at + 2)) {
    const auto line = data.substr(at + 2, 15);
    if (!http::iequals(line, "content-length:")) continue;
    auto digits = data.substr(at + 17);
    while (digits.starts_with(' ')) digits.remove_prefix(1);
    std::from_chars(digits.data(), digits.data() + digits.size(), length);
  }
  return end + 4 + length;
}

namespace {

struct Load {
  tcp::endpoint target;
  std::int64_t end_us = 0;        ///< no request starts after it
  std::int64_t begin_us = 0;      ///< what starts before it is warm-up
  std::int64_t per_request = 1;   ///< messages
  std::int64_t left = INT64_MAX;  ///< requests
  simulator::Histogram histogram;
  std::int64_t requests = 0, messages = 0, bytes = 0;
  std::map<int, std::int64_t> statuses;
  /// The next request's bytes, appended.
  std::function<void(std::string&)> make;
};

Task<> one_connection(Load& load) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(load.target, asio::use_awaitable);
  socket.set_option(tcp::no_delay(true));
  std::string request, answer;
  std::vector<char> chunk(64 * 1024);
  while (steady_us() < load.end_us && load.left > 0) {
    --load.left;
    request.clear();
    load.make(request);
    const auto start = steady_us();
    co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
    answer.clear();
    std::size_t size = 0;
    while (!(size || (size = message_size(answer))) || answer.size() < size) {
      const auto n = co_await socket.async_read_some(asio::buffer(chunk), asio::use_awaitable);
      answer.append(chunk.data(), n);
    }
    int status = 0;
    std::from_chars(answer.data() + 9, answer.data() + 12, status);
    if (start < load.begin_us) continue;
    load.histogram.add(steady_us() - start);
    ++load.requests;
    load.messages += load.per_request;
    load.bytes += static_cast<std::int64_t>(answer.size());
    ++load.statuses[status];
  }
}

/// Runs until the load's end or its last request. Answers the seconds after the warm-up.
double drive(Load& load, std::int64_t connections) {
  const auto url = http::parse_url(environment("PULSE_URL"));
  load.target = {asio::ip::make_address(url.host), url.port};
  asio::io_context io(1);
  std::exception_ptr fault;
  for (std::int64_t i = 0; i < connections; ++i)
    asio::co_spawn(io, one_connection(load), [&](std::exception_ptr e) {
      if (e) fault = e;
    });
  io.run();
  if (load.requests == 0 && fault) std::rethrow_exception(fault);
  return static_cast<double>(steady_us() - load.begin_us) / 1e6;
}

Report run_load(Load& load, const Args& args) {
  load.begin_us = steady_us() + args.number("warm-up-ms", 500) * 1'000;
  load.end_us = load.begin_us + args.number("seconds", 5) * 1'000'000;
  load.left = args.number("requests", INT64_MAX);
  const double seconds = drive(load, args.number("connections", 64));
  boost::json::object statuses;
  for (const auto& [status, n] : load.statuses) statuses[std::to_string(status)] = n;
  return {{"requests_per_s", static_cast<double>(load.requests) / seconds},
          {"msgs_per_s", static_cast<double>(load.messages) / seconds},
          {"requests", load.requests},
          {"statuses", statuses},
          {"answer_bytes", load.requests ? load.bytes / load.requests : 0},
          {"latency", latencies(load.histogram)}};
}

/// Appends a POST of one message, or of a batch; devices take turns.
void append_post(std::string& out, const std::vector<simulator::Device>& devices,
                 std::int64_t batch, std::size_t& turn, std::int64_t& seq) {
  const auto ms = now_ms();
  std::string body, path = "/ingest/v1/batch", token;
  if (batch == 1) {
    const auto& d = devices[turn++ % devices.size()];
    path = "/ingest/v1/tenant/" + d.tenant_id + "/device/" + d.device_id + "/telemetry";
    token = "X-Provision-Token: " + d.token + "\r\n";
    body = usual_payload(d, seq++, ms);
  } else {
    body = "{\"messages\":[";
    for (std::int64_t i = 0; i < batch; ++i) {
      const auto& d = devices[turn++ % devices.size()];
      body += i ? ",{" : "{";
      body += "\"tenant_id\":\"" + d.tenant_id + "\",\"device_id\":\"" + d.device_id +
              "\",\"msg_type\":\"telemetry\",\"provision_token\":\"" + d.token + "\",";
      body.append(usual_payload(d, seq++, ms), 1);
    }
    body += "]}";
  }
  out += "POST " + path + " HTTP/1.1\r\nHost: bench\r\n" + token +
         "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

}  // namespace

Report bench_http(const Args& args) {
  const auto devices = read_devices(args);
  std::int64_t seq = now_ms() * 1'000;
  std::size_t turn = 0;
  Load load;
  load.per_request = args.number("batch", 1);
  load.make = [&](std::string& out) { append_post(out, devices, load.per_request, turn, seq); };
  return run_load(load, args);
}

std::int64_t post_batches(const std::vector<simulator::Device>& devices, std::int64_t n,
                          std::int64_t first_seq) {
  std::size_t turn = 0;
  Load load;
  load.per_request = 100;
  load.left = n / 100;
  load.end_us = INT64_MAX;
  load.make = [&](std::string& out) { append_post(out, devices, 100, turn, first_seq); };
  drive(load, 16);
  return load.statuses[202] * 100;
}

Report bench_http_get(const Args& args) {
  std::string request = "GET " + args.text("path", "/health") + " HTTP/1.1\r\nHost: bench\r\n";
  if (const auto token = args.text("token"); !token.empty())
    request += "Authorization: Bearer " + token + "\r\n";
  request += "\r\n";
  Load load;
  load.make = [&](std::string& out) { out = request; };
  return run_load(load, args);
}

}  // namespace pulse::bench
