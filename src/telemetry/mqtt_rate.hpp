#pragma once
// How MQTT messages wait for their device's rate.
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "fleet/device_auth.hpp"
#include "platform/task.hpp"

namespace pulse::telemetry {

/// The lines in which the messages of devices that send too fast wait, each device's in the order
/// they came: only the first of a line has tokens reserved and a timer running. A device that keeps
/// to its rate has no line. Used on one loop.
class RateLines {
 public:
  explicit RateLines(std::shared_ptr<fleet::DeviceAuth> auth) : auth_(std::move(auth)) {}

  /// Waits until the message may be sent, behind those of the same device that wait already. False:
  /// it must not be, because its session was lost meanwhile, or the line holds too much already.
  /// `session` is any address that is the session's own.
  static Task<bool> pass(std::shared_ptr<RateLines> self, fleet::Credentials device,
                         const void* session, std::size_t bytes);
  /// The session's messages in line are given up: its client has no acknowledgement of them and
  /// sends them again.
  void lose(const std::string& tenant, const std::string& device, const void* session);

  std::size_t lines() const { return lines_.size(); }
  /// Bytes of one device that may wait.
  static constexpr std::size_t line_bytes_max = 512 * 1024;

 private:
  struct Place;
  struct Line {
    std::list<Place*> places;
    std::size_t bytes = 0;
  };
  std::shared_ptr<fleet::DeviceAuth> auth_;
  std::unordered_map<std::string, Line> lines_;
};

}  // namespace pulse::telemetry
