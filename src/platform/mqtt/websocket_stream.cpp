#include "platform/mqtt/websocket_stream.hpp"

#include <algorithm>
#include <boost/system/system_error.hpp>

namespace pulse::mqtt {
namespace {

class WebSocketStream final : public Stream {
 public:
  WebSocketStream(http::WebSocket& socket, std::string address)
      : socket_(socket), address_(std::move(address)) {}

  Task<std::size_t> read_some(std::span<char> buffer) override {
    while (at_ == held_.size()) {
      auto frame = co_await socket_.read();
      if (!frame) co_return 0;
      if (frame->text) {
        socket_.cut();
        throw boost::system::system_error(
            boost::system::errc::make_error_code(boost::system::errc::protocol_error));
      }
      held_ = std::move(frame->data);
      at_ = 0;
    }
    const auto n = std::min(buffer.size(), held_.size() - at_);
    std::copy_n(held_.data() + at_, n, buffer.data());
    at_ += n;
    if (at_ == held_.size()) {
      held_ = std::string();
      at_ = 0;
    }
    co_return n;
  }

  Task<> write(std::span<const char> bytes) override {
    co_await socket_.write(std::string(bytes.data(), bytes.size()), false);
  }

  void close() noexcept override { socket_.cut(); }
  std::string remote_address() const override { return address_; }

 private:
  http::WebSocket& socket_;
  std::string address_, held_;
  std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<Stream> make_websocket_stream(http::WebSocket& socket, std::string remote_address) {
  return std::make_unique<WebSocketStream>(socket, std::move(remote_address));
}

}  // namespace pulse::mqtt
