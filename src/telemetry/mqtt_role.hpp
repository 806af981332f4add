#pragma once
// The `mqtt` role on one loop: devices by MQTT, their messages published like those by HTTP.
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "fleet/connection_log.hpp"
#include "fleet/device_auth.hpp"
#include "fleet/to_device.hpp"
#include "platform/http/router.hpp"
#include "platform/limits.hpp"
#include "platform/mqtt/endpoint.hpp"
#include "platform/nats/client.hpp"
#include "telemetry/mqtt_rate.hpp"
#include "tenancy/guard.hpp"

namespace pulse::telemetry {

struct MqttRoleDeps {
  std::shared_ptr<fleet::DeviceAuth> auth;
  std::shared_ptr<fleet::DeviceLookup> lookup;        ///< of the loop
  std::shared_ptr<fleet::ConnectionLog> connections;  ///< of the process
  std::shared_ptr<tenancy::FailureLimit> failures;    ///< of the process, by address
  nats::Client* nats = nullptr;
  fleet::PendingByKind pending;  ///< what a device that subscribes has not seen; of the loop
  bool require_token = true;
  std::size_t payload_bytes_max = limits::ingest_payload_bytes_mqtt;  ///< more is quarantined
};

/// The endpoint's bounds where the worker takes payloads of so many bytes.
mqtt::Limits mqtt_limits(std::size_t payload_bytes_max);

struct MqttListen {
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883, tls_port = 0;  ///< 0: off
  std::string certificate_file, key_file;
};

class MqttRole {
 public:
  MqttRole(boost::asio::io_context& io, MqttRoleDeps deps);
  ~MqttRole();
  /// Binds the ports (shared by all loops). Throws boost::system::system_error, or
  /// std::runtime_error naming the TLS file that does not load.
  void listen(const MqttListen& listen);
  /// GET /mqtt: MQTT over WebSocket (subprotocol "mqtt") on the gateway's port.
  void mount(http::Router& api);
  Task<> stop(long grace_ms);
  const mqtt::Stats& stats() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::telemetry
