#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "platform/mqtt/stream.hpp"
#include "platform/mqtt/tls.hpp"
#include "platform/task.hpp"

namespace pulse::mqtt {

/// A connection's bytes, readiness first: waiting needs no buffer, so that idle connections own
/// none, and reading goes through one buffer of the loop. Functions throw
/// boost::system::system_error when the connection is broken.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Whatever stands before the first byte of MQTT.
  virtual Task<> handshake() = 0;
  /// Suspends until try_read has something to tell.
  virtual Task<> wait_readable() = 0;
  /// Reads what is there. 0 with at_end(): the peer has ended the stream; 0 without: nothing now.
  virtual std::size_t try_read(std::span<char> buffer) = 0;
  /// Writes what goes without waiting, possibly nothing.
  virtual std::size_t try_write(std::string_view bytes) = 0;
  /// Writes all; `bytes` must begin with what try_write did not take.
  virtual Task<> write_all(std::string_view bytes) = 0;
  /// Tells the peer that no more comes; reading goes on.
  virtual void end_writing() noexcept = 0;
  virtual void close() noexcept = 0;

  virtual PeerCertificate peer() const { return {}; }
  virtual std::string remote_address() const = 0;

  bool at_end() const { return at_end_; }
  /// Bytes written so far: a stalled peer shows by its standing still.
  std::uint64_t written() const { return written_; }

 protected:
  bool at_end_ = false;
  std::uint64_t written_ = 0;
};

std::unique_ptr<Transport> make_tcp(boost::asio::ip::tcp::socket socket);
std::unique_ptr<Transport> make_tls_server(boost::asio::ip::tcp::socket socket, TlsContext context);
/// `host` is verified against the certificate when the context verifies; it is also sent as SNI.
std::unique_ptr<Transport> make_tls_client(boost::asio::ip::tcp::socket socket, TlsContext context,
                                           const std::string& host);
std::unique_ptr<Transport> make_stream_transport(std::unique_ptr<Stream> stream);

}  // namespace pulse::mqtt
