#pragma once
// One route being delivered for: what is held of its queue, by device, and whether its destination
// is worth trying. No I/O here.
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "routing/queue.hpp"

namespace pulse::routing {

/// Opens after failures in a row, and lets one try pass after a while, ever longer apart.
class Breaker {
 public:
  Breaker(int after, long first_ms, long most_ms)
      : after_(after), first_ms_(first_ms), most_ms_(most_ms) {}
  void succeeded() { failures_ = 0, wait_ms_ = 0; }
  void failed(std::int64_t now_ms) {
    if (++failures_ < after_) return;
    if (failures_ == after_) since_ms_ = now_ms;
    // One that was under way when it opened says nothing new.
    if (failures_ > after_ && now_ms < opens_ms_) return;
    wait_ms_ = wait_ms_ == 0 ? first_ms_ : std::min(wait_ms_ * 2, most_ms_);
    opens_ms_ = now_ms + wait_ms_;
  }
  bool open() const { return failures_ >= after_; }
  /// How many sends may be under way now, of `most`.
  std::size_t allows(std::int64_t now_ms, std::size_t most) const {
    if (!open()) return most;
    return now_ms < opens_ms_ ? 0 : 1;
  }
  std::int64_t next_try_ms() const { return opens_ms_; }
  /// When it opened.
  std::int64_t since_ms() const { return since_ms_; }
  int failures() const { return failures_; }

 private:
  int after_, failures_ = 0;
  long first_ms_, most_ms_, wait_ms_ = 0;
  std::int64_t opens_ms_ = 0, since_ms_ = 0;
};

/// The memory that one held message takes, of what all routes hold together.
class HeldBytes {
 public:
  HeldBytes() = default;
  HeldBytes(std::shared_ptr<std::size_t> total, std::size_t bytes)
      : total_(std::move(total)), bytes_(bytes) {
    *total_ += bytes_;
  }
  HeldBytes(HeldBytes&& other) noexcept
      : total_(std::move(other.total_)), bytes_(std::exchange(other.bytes_, 0)) {}
  HeldBytes& operator=(HeldBytes&& other) noexcept {
    std::swap(total_, other.total_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~HeldBytes() {
    if (total_) *total_ -= bytes_;
  }

 private:
  std::shared_ptr<std::size_t> total_;
  std::size_t bytes_ = 0;
};

/// A message that is held, and how often it was tried.
struct HeldMessage {
  Queued message;
  int attempts = 0;
  std::int64_t queued_ms = 0;  ///< on the clock of steady_ms
  HeldBytes bytes;
};

/// The messages of one device, or of all where the destination takes them together.
struct Lane {
  std::deque<HeldMessage> waiting;
  std::int64_t ready_ms = 0;
  bool busy = false;
};

/// Messages that wait in lanes.
class Lanes {
 public:
  explicit Lanes(bool by_device) : by_device_(by_device) {}
  void add(HeldMessage message);
  /// The next lane that may be sent from, marked busy, and up to `most` of its messages, with
  /// payloads of `most_bytes` together, but one; nothing when none is ready.
  std::vector<HeldMessage> take(std::int64_t now_ms, std::size_t most, std::size_t most_bytes,
                                std::string& lane);
  /// The lane's messages that were not delivered go back to its front; it is ready at `ready_ms`.
  void give_back(const std::string& lane, std::vector<HeldMessage> messages, std::int64_t ready_ms);
  /// Those that were queued before `before_ms`, of lanes that are not busy: they leave.
  std::vector<HeldMessage> drop_older(std::int64_t before_ms);
  /// Messages that are not taken.
  std::size_t size() const { return size_; }
  /// When the next lane is ready; INT64_MAX: none waits.
  std::int64_t next_ms() const;

 private:
  bool by_device_;
  std::map<std::string, Lane> lanes_;
  std::string last_;  // taken from; the next one follows, so that all have their turn
  std::size_t size_ = 0;
};

}  // namespace pulse::routing
