#pragma once
// The door: a device's message is judged as far as it can be judged at once, put into its envelope
// and published. Accepted means that JetStream has it on disk.
#include <memory>
#include <string>
#include <string_view>

#include "fleet/device_auth.hpp"
#include "platform/http/router.hpp"
#include "platform/nats/client.hpp"
#include "telemetry/envelope.hpp"

namespace pulse::telemetry {

/// Subject of a message kind: telemetry.{t}, shadow.{t} or commands.{t}.
std::string subject_of(std::string_view tenant, std::string_view msg_type);

/// Nats-Msg-Id of a message with a sequence number: the hash of topic and payload, so that a
/// device's retry is found and a reused number with another content is not. Empty when `seq` is 0.
std::string message_id(std::string_view topic, std::string_view payload, std::int64_t seq);

/// True for the media type application/cbor, with or without parameters.
bool is_cbor(std::string_view content_type);

/// The verdict of the device's credentials. `reason` is empty when it may send.
struct DeviceVerdict {
  std::string reason;
  std::string token_id;
};
DeviceVerdict judge_device(const fleet::DeviceCredentials& device, std::string_view token,
                           bool require_token);

/// The same for a client that holds the key of the certificate with this fingerprint.
/// `token_id` is the certificate's, "cert:{id}".
DeviceVerdict judge_certificate(const fleet::DeviceCredentials& device,
                                std::string_view fingerprint);

struct DoorDeps {
  std::shared_ptr<fleet::DeviceAuth> auth;
  std::shared_ptr<fleet::DeviceLookup> lookup;  ///< of the loop
  nats::Client* nats = nullptr;
  bool require_token = true;
  std::size_t payload_bytes = limits::ingest_payload_bytes_http;  ///< of one message, at most
};

/// POST /ingest/v1/..., GET /ingest/v1/metrics/rate-limits.
void mount_door(http::Router& api, DoorDeps deps);

}  // namespace pulse::telemetry
