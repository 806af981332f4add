// From the door to the row.
#include <nats/nats.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>

#include "bench.hpp"
#include "platform/clock.hpp"
#include "platform/http/client.hpp"
#include "platform/nats/client.hpp"

namespace pulse::bench {

namespace asio = boost::asio;

namespace {

/// The ids of the devices' tokens, which the worker looks at.
std::vector<std::string> token_ids(Sql& sql, const std::vector<simulator::Device>& devices) {
  std::vector<std::string> out;
  for (const auto& d : devices)
    out.push_back(
        sql.value("SELECT id FROM device_api_tokens WHERE tenant_id = $1 "
                  "AND device_id = $2 AND revoked_at IS NULL LIMIT 1",
                  {d.tenant_id, d.device_id}));
  return out;
}

/// Publishes envelopes straight into JetStream, as a door does after its checks. Answers how many
/// were acknowledged.
std::int64_t publish_envelopes(const std::vector<simulator::Device>& devices,
                               const std::vector<std::string>& tokens, std::int64_t n,
                               std::int64_t first_seq) {
  asio::io_context io(1);
  const auto work = asio::make_work_guard(io);
  nats::Client client({.url = environment("NATS_URL"), .name = "pulse-bench"});
  while (!client.connected()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::int64_t sent = 0, acked = 0, ended = 0;
  std::function<void()> next = [&] {
    const auto at = static_cast<std::size_t>(sent) % devices.size();
    const auto& device = devices[at];
    const auto envelope = usual_envelope(device, first_seq + sent, now_ms(), tokens[at]);
    ++sent;
    client.publish_acked("telemetry." + device.tenant_id, envelope, {}, 30'000, io.get_executor(),
                         [&](auto result) {
                           acked += result.ok();
                           ++ended;
                           if (sent < n) return next();
                           if (ended == n) io.stop();
                         });
  };
  asio::post(io, [&] {
    for (int i = 0; i < 4'096 && sent < n; ++i) next();
  });
  io.run();
  return acked;
}

/// Waits until the ingest worker has acknowledged everything in its stream, which it does after the
/// commit. Asking NATS costs PostgreSQL nothing, unlike counting rows meanwhile.
void wait_until_ingested() {
  natsConnection* connection = nullptr;
  jsCtx* stream = nullptr;
  if (natsConnection_ConnectTo(&connection, environment("NATS_URL").c_str()) != NATS_OK ||
      natsConnection_JetStream(&stream, connection, nullptr) != NATS_OK)
    throw std::runtime_error("no connection to NATS");
  const auto give_up = steady_us() + 120'000'000;
  bool done = false;
  while (!done && steady_us() < give_up) {
    jsConsumerInfo* info = nullptr;
    if (js_GetConsumerInfo(&info, stream, "TELEMETRY", "ingest-workers", nullptr, nullptr) ==
        NATS_OK) {
      done = info->NumPending == 0 && info->NumAckPending == 0;
      jsConsumerInfo_Destroy(info);
    }
    if (!done) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  jsCtx_Destroy(stream);
  natsConnection_Destroy(connection);
  if (!done) throw std::runtime_error("the ingest worker did not finish in 120 s");
}

std::int64_t rows_from(Sql& sql, std::int64_t first_seq) {
  return std::stoll(
      sql.value("SELECT count(*) FROM telemetry WHERE seq >= $1 AND "
                "time > now() - interval '1 hour'",
                {std::to_string(first_seq)}));
}

}  // namespace

Report bench_e2e(const Args& args) {
  const auto devices = read_devices(args);
  const auto n = args.number("messages", 200'000);
  const bool by_http = args.text("via", "envelopes") == "http";
  Sql sql(environment("DATABASE_URL"));
  sql.run("SET ROLE pulse_ingest");
  const auto first_seq = now_ms() * 1'000;
  const auto tokens = by_http ? std::vector<std::string>() : token_ids(sql, devices);
  const auto start = steady_us();
  std::int64_t acked = 0, done_us = 0;
  std::exception_ptr fault;
  std::thread sender([&] {
    try {
      acked = by_http ? post_batches(devices, n, first_seq)
                      : publish_envelopes(devices, tokens, n, first_seq);
    } catch (...) {
      fault = std::current_exception();
    }
    done_us = steady_us();
  });
  sender.join();
  if (fault) std::rethrow_exception(fault);
  wait_until_ingested();
  const double seconds = static_cast<double>(steady_us() - start) / 1e6;
  const std::int64_t rows = rows_from(sql, first_seq);
  return {{"msgs_per_s", static_cast<double>(rows) / seconds},
          {"sent", n},
          {"acknowledged", acked},
          {"rows", rows},
          {"send_seconds", static_cast<double>(done_us - start) / 1e6},
          {"seconds", seconds}};
}

Report bench_post_to_row(const Args& args) {
  const auto devices = read_devices(args);
  const auto n = args.number("messages", 300);
  const auto pause = std::chrono::milliseconds(args.number("pause-ms", 10));
  Sql sql(environment("DATABASE_URL"));
  sql.run("SET ROLE pulse_ingest");
  asio::io_context io(1);
  http::Client client(io.get_executor());
  simulator::Histogram to_answer, to_row;
  std::int64_t seq = now_ms() * 1'000, missing = 0;
  const auto url = environment("PULSE_URL");
  for (std::int64_t i = 0; i < n; ++i, ++seq) {
    const auto& d = devices[static_cast<std::size_t>(i) % devices.size()];
    http::ClientRequest request(
        "POST", url + "/ingest/v1/tenant/" + d.tenant_id + "/device/" + d.device_id + "/telemetry",
        usual_payload(d, seq, now_ms()));
    request.headers.add("Content-Type", "application/json");
    request.headers.add("X-Provision-Token", d.token);
    const auto start = steady_us();
    int status = 0;
    asio::co_spawn(io, client.request(request), [&](std::exception_ptr, http::ClientResponse r) {
      status = r.status;
      io.stop();
    });
    io.restart();
    io.run();
    if (status != 202) throw std::runtime_error("POST answered " + std::to_string(status));
    to_answer.add(steady_us() - start);
    const auto give_up = start + 5'000'000;
    bool there = false;
    while (!there && steady_us() < give_up) {
      there = !sql.value(
                      "SELECT 1 FROM telemetry WHERE tenant_id = $1 AND device_id = $2 AND "
                      "time > now() - interval '1 minute' AND seq = $3",
                      {d.tenant_id, d.device_id, std::to_string(seq)})
                   .empty();
      if (!there) std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    if (there) {
      to_row.add(steady_us() - start);
    } else {
      ++missing;
    }
    std::this_thread::sleep_for(pause);
  }
  return {{"messages", n},
          {"missing", missing},
          {"answer", latencies(to_answer)},
          {"row", latencies(to_row)}};
}

}  // namespace pulse::bench
