#pragma once
// How messages leave, over HTTP and over MQTT. Both keep each message until it is acknowledged or
// refused for good, as a device does. Used on one loop.
#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http/client.hpp"
#include "simulator/fleet.hpp"
#include "simulator/report.hpp"

namespace pulse::simulator {

/// Where outcomes are written down.
class Ledger {
 public:
  Ledger(const Fleet& fleet, const std::string& acked_log) : fleet_(fleet), log_(acked_log) {}
  Counts counts;
  Histogram latency;
  Histogram recent;  ///< since the last progress line

  /// The log first, then the counts: what counts is in the log.
  void acknowledged(std::span<const Outgoing* const> messages, std::string_view protocol);
  void refused(const Outgoing& message, const std::string& reason);

 private:
  const Fleet& fleet_;
  AckedLog log_;
};

class HttpSender {
 public:
  HttpSender(boost::asio::io_context& io, const Fleet& fleet, Ledger& ledger,
             const Options& options);
  ~HttpSender();
  /// Whether another message fits under the limit of unacknowledged ones.
  bool ready() const { return held_ < capacity_; }
  std::size_t held() const { return held_; }
  void send(Outgoing message);
  /// Sends what waits for a batch to fill, if it has waited long enough (or at all, with `all`).
  void flush(bool all = false);
  /// Gives up what is not acknowledged.
  void abandon();

 private:
  Task<> deliver(std::vector<Outgoing> messages);
  /// Removes from `messages` what was answered for good.
  void judge(const http::ClientResponse& response, std::vector<Outgoing>& messages);
  void judge_batch(const http::ClientResponse& response, std::vector<Outgoing>& messages);
  http::ClientRequest request_for(const std::vector<Outgoing>& messages) const;
  void start_delivery(std::size_t n);

  boost::asio::io_context& io_;
  const Fleet& fleet_;
  Ledger& ledger_;
  std::string url_;
  std::size_t capacity_, batch_, max_active_, active_ = 0, held_ = 0;
  std::deque<Outgoing> queue_;
  http::Client client_;
  bool abandoned_ = false;
};

/// One MQTT connection for each device, made when it has something to say.
class MqttSender {
 public:
  MqttSender(boost::asio::io_context& io, const Fleet& fleet, Ledger& ledger,
             const Options& options);
  ~MqttSender();
  bool ready() const;
  std::size_t held() const;
  void send(Outgoing message);
  void abandon();
  /// Says goodbye on every open connection.
  Task<> disconnect();
  std::size_t connected() const;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulse::simulator
