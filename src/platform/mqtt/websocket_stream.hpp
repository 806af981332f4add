#pragma once
#include <memory>
#include <string>

#include "platform/http/message.hpp"
#include "platform/mqtt/stream.hpp"

namespace pulse::mqtt {

/// An accepted WebSocket as the stream that Endpoint::serve reads: binary frames only (MQTT 5.0,
/// section 6); a text frame ends the connection. `socket` must outlive the stream's use, which ends
/// when Endpoint::serve returns.
std::unique_ptr<Stream> make_websocket_stream(http::WebSocket& socket, std::string remote_address);

}  // namespace pulse::mqtt
