#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "platform/task.hpp"

namespace pulse::mqtt {

/// A reliable byte stream that somebody else accepted, for instance an upgraded WebSocket with the
/// subprotocol `mqtt` (section 6: binary frames only, packets need not align with frames; the
/// adapter closes on a text frame). Used on one loop; at most one read and one write at a time.
class Stream {
 public:
  virtual ~Stream() = default;

  /// Waits for bytes and reads some of them into `buffer`. 0 means that the peer has ended the
  /// stream. Throws boost::system::system_error when the stream is broken or was closed.
  virtual Task<std::size_t> read_some(std::span<char> buffer) = 0;

  /// Writes all of `bytes`, which stay valid until then. Throws as read_some.
  virtual Task<> write(std::span<const char> bytes) = 0;

  /// Ends the stream; reads and writes under way fail soon. Called once or more, while the stream
  /// is served only.
  virtual void close() noexcept = 0;

  /// Address of the peer without port, for logs and rate limits.
  virtual std::string remote_address() const = 0;
};

}  // namespace pulse::mqtt
