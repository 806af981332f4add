// MQTT load: QoS 1 over many connections, each with a window of unacknowledged messages.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <stdexcept>

#include "bench.hpp"
#include "platform/clock.hpp"
#include "platform/loop.hpp"
#include "platform/mqtt/client.hpp"

namespace pulse::bench {

namespace asio = boost::asio;

namespace {

struct MqttLoad {
  std::int64_t begin_us = 0, end_us = INT64_MAX;
  std::int64_t seq = 0, acked = 0, refused = 0, lost = 0, outstanding = 0;
  int ready = 0;
  simulator::Histogram histogram;
  asio::io_context io{1};
};

void send_next(MqttLoad& load, mqtt::Client& client, const simulator::Device& device,
               const std::string& topic) {
  const auto start = steady_us();
  if (start >= load.end_us || !client.connected()) {
    if (load.outstanding == 0) load.io.stop();
    return;
  }
  ++load.outstanding;
  client.publish(topic, usual_payload(device, load.seq++, now_ms()), mqtt::Qos::at_least_once,
                 [&load, &client, &device, &topic, start](const mqtt::PublishAck& ack) {
                   --load.outstanding;
                   if (start >= load.begin_us) {
                     ++(ack.ok() ? load.acked : ack.lost ? load.lost : load.refused);
                     load.histogram.add(steady_us() - start);
                   }
                   send_next(load, client, device, topic);
                 });
}

Task<> connect(MqttLoad& load, mqtt::Client& client, const simulator::Device& device) {
  mqtt::ClientOptions options;
  options.host = environment("MQTT_HOST");
  options.port = static_cast<std::uint16_t>(std::stoi(environment("MQTT_PORT")));
  options.client_id = device.device_id;
  options.user_name = device.tenant_id + "/" + device.device_id;
  options.password = device.token;
  const auto result = co_await client.connect(options);
  if (result.reason != mqtt::Reason::success)
    throw std::runtime_error("MQTT connection refused: " + result.reason_string);
  ++load.ready;
}

}  // namespace

Report bench_mqtt(const Args& args) {
  auto devices = read_devices(args);
  const auto n = std::min<std::size_t>(devices.size(),
                                       static_cast<std::size_t>(args.number("connections", 100)));
  const auto window = args.number("in-flight", 20);
  MqttLoad load;
  load.seq = now_ms() * 1'000;
  std::vector<std::unique_ptr<mqtt::Client>> clients;
  std::vector<std::string> topics;
  std::exception_ptr fault;
  for (std::size_t i = 0; i < n; ++i) {
    clients.push_back(std::make_unique<mqtt::Client>(load.io.get_executor()));
    topics.push_back("tenant/" + devices[i].tenant_id + "/device/" + devices[i].device_id +
                     "/telemetry");
    asio::co_spawn(load.io, connect(load, *clients[i], devices[i]), [&](std::exception_ptr e) {
      if (e) fault = e;
    });
  }
  const auto give_up = steady_ms() + 20'000;
  while (!fault && load.ready < static_cast<int>(n) && steady_ms() < give_up) {
    load.io.run_for(std::chrono::milliseconds(10));
    load.io.restart();
  }
  if (fault) std::rethrow_exception(fault);
  if (load.ready < static_cast<int>(n)) throw std::runtime_error("MQTT connections are too slow");
  load.begin_us = steady_us() + 500'000;
  load.end_us = load.begin_us + args.number("seconds", 5) * 1'000'000;
  for (std::size_t i = 0; i < n; ++i)
    for (std::int64_t k = 0; k < window; ++k) send_next(load, *clients[i], devices[i], topics[i]);
  load.io.run_for(std::chrono::seconds(args.number("seconds", 5) + 15));
  const double seconds =
      static_cast<double>(std::min(steady_us(), load.end_us + 200'000) - load.begin_us) / 1e6;
  return {{"msgs_per_s", static_cast<double>(load.acked) / seconds},
          {"acknowledged", load.acked},
          {"refused", load.refused},
          {"lost", load.lost},
          {"connections", n},
          {"latency", latencies(load.histogram)}};
}

}  // namespace pulse::bench
