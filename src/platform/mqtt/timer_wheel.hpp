#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace pulse::mqtt {

/// A place in a TimerWheel; base of what has a timeout. Leaves the wheel when destroyed.
class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  ~TimerNode() { unlink(); }
  bool armed() const { return previous_ != nullptr; }
  std::uint64_t due() const { return due_; }

 private:
  friend class TimerWheel;
  void unlink() {
    if (previous_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = nullptr;
  }
  TimerNode* previous_ = nullptr;
  TimerNode* next_ = nullptr;
  std::uint64_t due_ = 0;
};

/// Timeouts in ticks for very many nodes: arming and disarming is constant time, and a tick looks
/// at one slot. One coarse wheel per loop costs less than one timer per connection.
class TimerWheel {
 public:
  TimerWheel() {
    for (auto& slot : slots_) slot.previous_ = slot.next_ = &slot;
  }
  ~TimerWheel() {
    for (auto& slot : slots_) {
      while (slot.next_ != &slot) slot.next_->unlink();
      slot.previous_ = slot.next_ = nullptr;
    }
  }
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  std::uint64_t now() const { return now_; }

  /// (Re)arms `node` for tick `due`, at the earliest the next one.
  void arm(TimerNode& node, std::uint64_t due) {
    node.unlink();
    node.due_ = due > now_ ? due : now_ + 1;
    link(node, slots_[node.due_ % slot_count]);
  }
  void disarm(TimerNode& node) { node.unlink(); }

  /// Advances by one tick and calls `fire(node)` for each node that is due, already disarmed.
  template <class Fire>
  void advance(Fire&& fire) {
    ++now_;
    auto& slot = slots_[now_ % slot_count];
    // Move the slot aside: `fire` may arm nodes, even into this slot a full turn later.
    TimerNode batch;
    batch.previous_ = batch.next_ = &batch;
    while (slot.next_ != &slot) {
      auto& node = *slot.next_;
      node.unlink();
      link(node, batch);
    }
    while (batch.next_ != &batch) {
      auto& node = *batch.next_;
      node.unlink();
      if (node.due_ > now_) {
        link(node, slot);
      } else {
        fire(node);
      }
    }
  }

 private:
  static constexpr std::size_t slot_count = 1024;
  static void link(TimerNode& node, TimerNode& head) {
    node.previous_ = &head;
    node.next_ = head.next_;
    head.next_->previous_ = &node;
    head.next_ = &node;
  }
  std::array<TimerNode, slot_count> slots_;
  std::uint64_t now_ = 0;
};

}  // namespace pulse::mqtt
