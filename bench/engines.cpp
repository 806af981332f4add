// What the engines do by themselves: the marks that Pulse is measured against.
#include <nats/nats.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "bench.hpp"
#include "platform/clock.hpp"
#include "platform/json/write.hpp"
#include "platform/nats/client.hpp"

namespace pulse::bench {

namespace {

constexpr const char* copy_statement =
    "COPY bench_rows (time, tenant_id, device_id, site_id, msg_type, seq, metrics, received_at, "
    "stream_seq) FROM STDIN";

/// The telemetry table's columns and B-tree, and nothing else.
void make_table(Sql& sql) {
  sql.run("DROP TABLE IF EXISTS bench_rows");
  sql.run(R"sql(CREATE TABLE bench_rows (
    time timestamptz NOT NULL, tenant_id text NOT NULL, device_id text NOT NULL, site_id text,
    msg_type text NOT NULL, seq bigint NOT NULL, metrics jsonb NOT NULL,
    received_at timestamptz NOT NULL, stored_at timestamptz NOT NULL DEFAULT now(),
    stream_seq bigint NOT NULL))sql");
  sql.run("CREATE INDEX ON bench_rows (tenant_id, device_id, time DESC)");
}

std::vector<simulator::Device> some_devices(int n) {
  std::vector<simulator::Device> devices(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    devices[static_cast<std::size_t>(i)].tenant_id = "bench";
    devices[static_cast<std::size_t>(i)].device_id = "device-" + std::to_string(i);
    devices[static_cast<std::size_t>(i)].site_id = "site-1";
  }
  return devices;
}

void append_row(std::string& out, std::string_view time, std::string_view tenant,
                std::string_view device, std::string_view site, std::int64_t seq,
                std::string_view metrics, std::int64_t stream_seq) {
  out.append(time).append("\t").append(tenant).append("\t").append(device).append("\t");
  out.append(site).append("\ttelemetry\t").append(std::to_string(seq)).append("\t");
  out.append(metrics).append("\t").append(time).append("\t");
  out.append(std::to_string(stream_seq)).append("\n");
}

double seconds_since(std::int64_t start_us) {
  return static_cast<double>(steady_us() - start_us) / 1e6;
}

// ---- a bare worker: nats.c and libpq, nothing of ours between them ----

[[noreturn]] void nats_fault(natsStatus status, const char* what) {
  throw std::runtime_error(std::string(what) + ": " + natsStatus_GetText(status));
}

struct Bus {
  natsConnection* connection = nullptr;
  jsCtx* stream = nullptr;
  explicit Bus(const std::string& url) {
    if (const auto s = natsConnection_ConnectTo(&connection, url.c_str()); s != NATS_OK)
      nats_fault(s, "connect");
    jsOptions options;
    jsOptions_Init(&options);
    options.PublishAsync.MaxPending = 4'096;
    if (const auto s = natsConnection_JetStream(&stream, connection, &options); s != NATS_OK)
      nats_fault(s, "jetstream");
  }
  ~Bus() {
    jsCtx_Destroy(stream);
    natsConnection_Destroy(connection);
  }
  Bus(const Bus&) = delete;
};

constexpr const char* stream_name = "PULSE_BENCH";
constexpr const char* subject = "pulse-bench.rows";

void make_stream(Bus& bus) {
  js_DeleteStream(bus.stream, stream_name, nullptr, nullptr);
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  const char* subjects[] = {"pulse-bench.>"};
  config.Name = stream_name;
  config.Subjects = subjects;
  config.SubjectsLen = 1;
  config.Storage = js_FileStorage;
  if (const auto s = js_AddStream(nullptr, bus.stream, &config, nullptr, nullptr); s != NATS_OK)
    nats_fault(s, "stream");
}

void publish_rows(Bus& bus, const std::vector<simulator::Device>& devices, std::int64_t n) {
  const auto start_ms = now_ms();
  for (std::int64_t i = 0; i < n; ++i) {
    const auto text =
        usual_envelope(devices[static_cast<std::size_t>(i) % devices.size()], i, start_ms);
    const auto s =
        js_PublishAsync(bus.stream, subject, text.data(), static_cast<int>(text.size()), nullptr);
    if (s != NATS_OK) nats_fault(s, "publish");
  }
  if (const auto s = js_PublishAsyncComplete(bus.stream, nullptr); s != NATS_OK)
    nats_fault(s, "publish");
}

/// Pull 1,000, parse, one durable COPY, acknowledge.
void work(const std::string& url, const std::string& database, const char* durable,
          std::int64_t n) {
  Bus bus(url);
  Sql sql(database);
  natsSubscription* pull = nullptr;
  if (const auto s =
          js_PullSubscribe(&pull, bus.stream, subject, durable, nullptr, nullptr, nullptr);
      s != NATS_OK)
    nats_fault(s, "subscribe");
  std::string rows;
  for (std::int64_t done = 0; done < n;) {
    natsMsgList list{};
    const auto s = natsSubscription_Fetch(&list, pull, 1'000, 2'000, nullptr);
    if (s == NATS_TIMEOUT) continue;
    if (s != NATS_OK) nats_fault(s, "fetch");
    rows.clear();
    boost::json::monotonic_resource arena(256 * 1024);
    for (int i = 0; i < list.Count; ++i) {
      const auto value =
          boost::json::parse({natsMsg_GetData(list.Msgs[i]),
                              static_cast<std::size_t>(natsMsg_GetDataLength(list.Msgs[i]))},
                             &arena);
      const auto& payload = value.at("payload").as_object();
      append_row(rows, payload.at("ts").as_string(), value.at("tenant_id").as_string(),
                 value.at("device_id").as_string(), payload.at("site_id").as_string(),
                 payload.at("seq").as_int64(), boost::json::serialize(payload.at("metrics")),
                 done + i);
    }
    sql.copy(copy_statement, rows);
    for (int i = 0; i < list.Count; ++i) natsMsg_Ack(list.Msgs[i], nullptr);
    done += list.Count;
    natsMsgList_Destroy(&list);
  }
  natsConnection_FlushTimeout(bus.connection, 5'000);
  natsSubscription_Destroy(pull);
}

}  // namespace

Report bench_copy(const Args& args) {
  const auto n = args.number("rows", 300'000);
  Sql sql(environment("BENCH_DATABASE_URL"));
  const auto devices = some_devices(1'000);
  const auto time = iso8601(now());
  Report report;
  for (const std::int64_t batch : {1'000, 5'000}) {
    make_table(sql);
    std::vector<std::string> batches;
    for (std::int64_t i = 0; i < n; ++i) {
      if (i % batch == 0) batches.emplace_back();
      const auto& d = devices[static_cast<std::size_t>(i) % devices.size()];
      append_row(batches.back(), time, d.tenant_id, d.device_id, d.site_id, i,
                 "{\"temperature\":21.5,\"humidity\":45.25,\"battery\":93,\"door_open\":false}", i);
    }
    const auto start = steady_us();
    for (const auto& rows : batches) sql.copy(copy_statement, rows);
    report["copy_rows_per_s_by_" + std::to_string(batch)] =
        static_cast<double>(n) / seconds_since(start);
  }
  sql.run("DROP TABLE bench_rows");
  return report;
}

Report bench_puback(const Args& args) {
  const auto n = args.number("messages", 300'000);
  const auto window = static_cast<std::size_t>(args.number("in-flight", 4'096));
  Bus bus(environment("NATS_URL"));
  make_stream(bus);
  boost::asio::io_context io(1);
  auto work = boost::asio::make_work_guard(io);
  nats::Client client({.url = environment("NATS_URL"), .name = "pulse-bench"});
  while (!client.connected()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto devices = some_devices(1);
  const auto text = usual_envelope(devices[0], 1, now_ms());
  std::int64_t sent = 0, acked = 0, failed = 0;
  simulator::Histogram histogram;
  const auto start = steady_us();
  std::function<void()> next = [&] {
    ++sent;
    const auto at = steady_us();
    client.publish_acked(subject, text, {}, 10'000, io.get_executor(), [&, at](auto result) {
      result.ok() ? ++acked : ++failed;
      histogram.add(steady_us() - at);
      if (sent < n) return next();
      if (acked + failed == n) io.stop();
    });
  };
  boost::asio::post(io, [&] {
    for (std::size_t i = 0; i < window && sent < n; ++i) next();
  });
  io.run();
  const auto seconds = seconds_since(start);
  js_DeleteStream(bus.stream, stream_name, nullptr, nullptr);
  return {{"pubacks_per_s", static_cast<double>(acked) / seconds},
          {"failed", failed},
          {"bytes", text.size()},
          {"latency", latencies(histogram)}};
}

Report bench_bare_worker(const Args& args) {
  const auto n = args.number("messages", 300'000);
  const auto url = environment("NATS_URL");
  const auto database = environment("BENCH_DATABASE_URL");
  const auto devices = some_devices(1'000);
  Sql sql(database);
  make_table(sql);
  Report report;
  {  // Beside its publisher.
    Bus bus(url);
    make_stream(bus);
    const auto start = steady_us();
    std::thread publisher([&] { publish_rows(bus, devices, n); });
    work(url, database, "beside", n);
    report["bare_worker_msgs_per_s"] = static_cast<double>(n) / seconds_since(start);
    publisher.join();
  }
  if (sql.value("SELECT count(*) FROM bench_rows") != std::to_string(n))
    throw std::runtime_error("the bare worker did not store what was published");
  make_table(sql);
  {  // Alone: everything is in the stream before it starts.
    Bus bus(url);
    make_stream(bus);
    publish_rows(bus, devices, n);
    const auto start = steady_us();
    work(url, database, "alone", n);
    report["bare_worker_alone_msgs_per_s"] = static_cast<double>(n) / seconds_since(start);
    js_DeleteStream(bus.stream, stream_name, nullptr, nullptr);
  }
  sql.run("DROP TABLE bench_rows");
  return report;
}

}  // namespace pulse::bench
