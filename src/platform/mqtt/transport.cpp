#include "platform/mqtt/transport.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <stdexcept>

namespace pulse::mqtt {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;

[[noreturn]] void throw_errno(const char* what) {
  throw system_error(error_code(errno, boost::system::system_category()), what);
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

/// What TCP and TLS share: a non-blocking socket whose readiness Asio watches.
class SocketTransport : public Transport {
 public:
  explicit SocketTransport(tcp::socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.native_non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
    // A peer that vanished without a word is found out even with keep-alive 0.
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
    const auto remote = socket_.remote_endpoint(ignored);
    if (!ignored) remote_address_ = remote.address().to_string();
  }

  Task<> handshake() override { co_return; }

  Task<> wait_readable() override {
    return socket_.async_wait(tcp::socket::wait_read, use_awaitable);
  }

  Task<> write_all(std::string_view bytes) override {
    while (!bytes.empty()) {
      bytes.remove_prefix(try_write(bytes));
      if (!bytes.empty()) co_await socket_.async_wait(tcp::socket::wait_write, use_awaitable);
    }
  }

  void end_writing() noexcept override {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void close() noexcept override {
    error_code ignored;
    socket_.close(ignored);
  }

  std::string remote_address() const override { return remote_address_; }

 protected:
  tcp::socket socket_;
  std::string remote_address_;
};

class TcpTransport final : public SocketTransport {
 public:
  using SocketTransport::SocketTransport;

  std::size_t try_read(std::span<char> buffer) override {
    const auto n = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n > 0) return static_cast<std::size_t>(n);
    if (n == 0) {
      at_end_ = true;
    } else if (!would_block()) {
      throw_errno("read");
    }
    return 0;
  }

  std::size_t try_write(std::string_view bytes) override {
    const auto n =
        ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
      if (would_block()) return 0;
      throw_errno("write");
    }
    written_ += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
  }
};

/// TLS straight on the socket. Asio's ssl::stream keeps four 17 KiB buffers per connection, which
/// thousands of idle devices would pay for.
class TlsTransport final : public SocketTransport {
 public:
  TlsTransport(tcp::socket socket, TlsContext context, bool is_server)
      : SocketTransport(std::move(socket)), ssl_(SSL_new(context.get()), SSL_free) {
    if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.native_handle()) != 1) {
      throw std::runtime_error("TLS: " + tls_error());
    }
    if (is_server) {
      SSL_set_accept_state(ssl_.get());
    } else {
      SSL_set_connect_state(ssl_.get());
    }
  }

  void expect_host(const std::string& host) {
    error_code not_an_address;
    asio::ip::make_address(host, not_an_address);
    if (not_an_address) {
      SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
      SSL_set1_host(ssl_.get(), host.c_str());
    } else {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
    }
  }

  Task<> handshake() override {
    for (;;) {
      ERR_clear_error();
      const int result = SSL_do_handshake(ssl_.get());
      if (result == 1) break;
      switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
          co_await socket_.async_wait(tcp::socket::wait_read, use_awaitable);
          break;
        case SSL_ERROR_WANT_WRITE:
          co_await socket_.async_wait(tcp::socket::wait_write, use_awaitable);
          break;
        default:
          fail("handshake");
      }
    }
  }

  Task<> wait_readable() override {
    if (SSL_pending(ssl_.get()) > 0) return ready();
    return SocketTransport::wait_readable();
  }

  std::size_t try_read(std::span<char> buffer) override {
    std::size_t total = 0;
    // One record at a time comes out; go on until the buffer or the socket is empty.
    while (total < buffer.size()) {
      std::size_t n = 0;
      ERR_clear_error();
      const int result = SSL_read_ex(ssl_.get(), buffer.data() + total, buffer.size() - total, &n);
      if (result == 1) {
        total += n;
        continue;
      }
      if (total > 0) break;
      switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
          return 0;
        case SSL_ERROR_ZERO_RETURN:
          at_end_ = true;
          return 0;
        default:
          fail("read");
      }
    }
    return total;
  }

  std::size_t try_write(std::string_view bytes) override {
    std::size_t total = 0;
    while (total < bytes.size()) {
      std::size_t n = 0;
      ERR_clear_error();
      const int result = SSL_write_ex(ssl_.get(), bytes.data() + total, bytes.size() - total, &n);
      if (result == 1) {
        total += n;
        continue;
      }
      const int error = SSL_get_error(ssl_.get(), result);
      if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) break;
      fail("write");
    }
    written_ += total;
    return total;
  }

  void end_writing() noexcept override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    SocketTransport::end_writing();
  }

  PeerCertificate peer() const override { return peer_certificate(ssl_.get()); }

 private:
  static Task<> ready() { co_return; }

  [[noreturn]] static void fail(const char* what) {
    const int saved = errno;
    const bool has_detail = ERR_peek_error() != 0;
    if (has_detail) throw std::runtime_error(std::string("TLS ") + what + ": " + tls_error());
    errno = saved != 0 ? saved : ECONNRESET;
    throw_errno(what);
  }

  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

/// Someone else's Stream, which cannot tell readiness: reading ahead into a buffer of its own.
class StreamTransport final : public Transport {
 public:
  explicit StreamTransport(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

  Task<> handshake() override { co_return; }

  Task<> wait_readable() override {
    if (begin_ < end_ || at_end_) co_return;
    begin_ = 0;
    end_ = co_await stream_->read_some(buffer_);
    at_end_ = end_ == 0;
  }

  std::size_t try_read(std::span<char> buffer) override {
    const std::size_t n = std::min(buffer.size(), end_ - begin_);
    std::copy_n(buffer_.data() + begin_, n, buffer.data());
    begin_ += n;
    return n;
  }

  std::size_t try_write(std::string_view) override { return 0; }

  Task<> write_all(std::string_view bytes) override {
    co_await stream_->write(bytes);
    written_ += bytes.size();
  }

  void end_writing() noexcept override { close(); }
  void close() noexcept override { stream_->close(); }
  std::string remote_address() const override { return stream_->remote_address(); }

 private:
  std::unique_ptr<Stream> stream_;
  std::array<char, 4096> buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace

std::unique_ptr<Transport> make_tcp(tcp::socket socket) {
  return std::make_unique<TcpTransport>(std::move(socket));
}

std::unique_ptr<Transport> make_tls_server(tcp::socket socket, TlsContext context) {
  return std::make_unique<TlsTransport>(std::move(socket), std::move(context), true);
}

std::unique_ptr<Transport> make_tls_client(tcp::socket socket, TlsContext context,
                                           const std::string& host) {
  auto transport = std::make_unique<TlsTransport>(std::move(socket), std::move(context), false);
  transport->expect_host(host);
  return transport;
}

std::unique_ptr<Transport> make_stream_transport(std::unique_ptr<Stream> stream) {
  return std::make_unique<StreamTransport>(std::move(stream));
}

}  // namespace pulse::mqtt
