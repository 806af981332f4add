// libFuzzer: bytes as a device's payload. What is judged to be fine must survive its envelope, and
// the token must not travel in it.
#include <boost/json/monotonic_resource.hpp>
#include <cstdint>
#include <cstdlib>

#include "telemetry/envelope.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pulse::telemetry;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  boost::json::monotonic_resource arena(4096);
  EnvelopeFacts facts;
  facts.tenant_id = "t";
  facts.device_id = "d";
  facts.msg_type = "telemetry";
  facts.username = "t/d";
  facts.auth = "token:1";
  facts.received_ms = 1;
  const auto json = parse_json(bytes, &arena);
  Payload payload;
  std::string detail;
  if (json) judge_payload(*json, {"telemetry", size}, PayloadLimits{}, payload, detail);
  const std::string text =
      !json ? make_raw_envelope(facts, bytes) : make_envelope(facts, without_token(*json));
  const auto again = parse_json(text, &arena, envelope_depth);
  Envelope envelope;
  if (!again || !open_envelope(*again, envelope) || envelope.tenant_id != "t" ||
      envelope.received_ms != 1)
    std::abort();
  if (json && envelope.payload && envelope.payload->is_object() &&
      envelope.payload->get_object().contains("provision_token"))
    std::abort();
  return 0;
}
