#pragma once
// Updates over the air as a good device takes them: download, check, install, report. Some fail on
// request. Used on one loop.
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "platform/http/client.hpp"
#include "simulator/report.hpp"
#include "simulator/rng.hpp"

namespace pulse::simulator {

class Updates : public std::enable_shared_from_this<Updates> {
 public:
  /// Publishes on the device's ota/status.
  using Report = std::function<void(boost::json::object)>;

  Updates(boost::asio::io_context& io, const Options& options, Counts& counts);
  /// Begins what a message on the topic ota asks for; nothing when the device is at it already.
  void begin(std::uint32_t device, const boost::json::object& message, Report report);
  /// No more reports.
  void stop() { stopped_ = true; }

 private:
  static Task<> carry_out(std::shared_ptr<Updates> self, boost::json::object message,
                          Report report);
  /// The file, or why it could not be had.
  Task<std::pair<std::string, std::string>> download(std::string url);

  boost::asio::io_context& io_;
  const Options& options_;
  Counts& counts_;
  http::Client client_;
  Rng luck_;
  std::set<std::pair<std::uint32_t, std::int64_t>> begun_;  ///< by device and campaign
  bool stopped_ = false;
};

}  // namespace pulse::simulator
